//! A sign-up that is repeated asks for the password: that is a sign-in like any other.

use crate::mailbox::Mailbox;
use crate::world::{PASSWORD, World, accepted, rejected, sign_up};
use millrace_command::{CommandErrorCode, FailureCode, RequestPasswordReset, ResetPassword, SecretText, SignUp};

const ADDRESS: &str = "ada@example.org";
const NEXT: &str = "staple battery horse";

fn keyed(password: &str) -> SignUp {
    SignUp { password: SecretText(password.into()), idempotency_key: Some("k".into()), ..sign_up("Ada", ADDRESS) }
}

#[tokio::test]
async fn guesses_by_way_of_it_count_like_failed_sign_ins() {
    let world = World::new().await;
    accepted(&world.anonymously(keyed(PASSWORD)).await.unwrap());
    assert!(world.anonymously(keyed(PASSWORD)).await.unwrap().session().is_some(), "a repetition signs in");
    for guess in 1..=5 {
        let answer = world.anonymously(keyed(&format!("guess number {guess}"))).await.unwrap();
        assert_eq!(rejected(&answer).kind(), CommandErrorCode::IdempotencyKeyReused);
    }
    let stopped = world.anonymously(keyed(PASSWORD)).await.unwrap_err();
    let limit = stopped.report().limit.clone();
    assert_eq!((stopped.code(), limit.as_deref()), (FailureCode::RateLimited, Some("failed sign-ins")));
}

#[tokio::test]
async fn it_signs_nobody_in_once_the_account_has_another_password() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    accepted(&world.anonymously(keyed("set by a stranger")).await.unwrap());
    let forgotten = RequestPasswordReset { email: ADDRESS.into(), idempotency_key: None };
    world.anonymously(forgotten).await.unwrap();
    mailbox.fill(&world).await;
    let token = SecretText(mailbox.token(ADDRESS, "Set a new password"));
    let reset = ResetPassword { token, new_password: SecretText(NEXT.into()), idempotency_key: None };
    accepted(&world.anonymously(reset).await.unwrap());
    for password in ["set by a stranger", NEXT] {
        let answer = world.anonymously(keyed(password)).await.unwrap();
        assert!(answer.session().is_none());
        assert_eq!(rejected(&answer).kind(), CommandErrorCode::IdempotencyKeyReused, "the same for any password");
    }
}
