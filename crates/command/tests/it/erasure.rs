//! Erasing a person: every table that refers to a person says what becomes of its rows, and the person's other commands find out.

use crate::mailbox::Mailbox;
use crate::world::{PASSWORD, Person, World, accepted, create_post, rejected, sign_up};
use millrace_command::erasure::Receipt;
use millrace_command::{
    ChangeEmail, CommandErrorCode, EraseAccount, FailureCode, FollowUser, RequestPasswordReset, ResetPassword,
    SecretText, SignOut, UnfollowUser, VerifyEmail,
};
use millrace_events::{Event, KeyState};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use std::collections::BTreeSet;

pub fn erase(password: &str) -> EraseAccount {
    EraseAccount {
        password: SecretText(password.into()),
        expected_version: None,
        idempotency_key: Some("farewell".into()),
    }
}

async fn names(world: &World, sql: &str) -> BTreeSet<String> {
    let rows = world.database().query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap();
    rows.iter().map(|row| row.try_get("", "name").unwrap()).collect()
}

/// What these hold of a person is the id alone.
const IDS_ALONE: [&str; 4] = ["follows", "likes", "wallets", "erasures"];

#[tokio::test]
async fn every_table_that_refers_to_a_person_says_what_becomes_of_its_rows() {
    const REFERRING: &str = "SELECT conrelid::regclass::text AS name FROM pg_constraint
        WHERE contype = 'f' AND confrelid = 'users'::regclass";
    const OF_A_USER: &str = "SELECT table_name::text AS name FROM information_schema.columns
        WHERE table_schema = 'public' AND column_name = 'user_id' AND table_name <> 'person_key'";
    let world = World::new().await;
    let referring = &names(&world, REFERRING).await | &names(&world, OF_A_USER).await;
    let listed = names(&world, "SELECT name FROM erasable").await;
    let ids_alone: BTreeSet<String> = IDS_ALONE.map(str::to_owned).into();
    assert!(referring.len() > 8, "{referring:?}");
    assert_eq!(&referring - &(&listed | &ids_alone), BTreeSet::new(), "add a line to the table erasable");
}

#[tokio::test]
async fn mails_and_what_they_carried_go_with_the_person() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let (ada, ben) = (world.sign_up("Ada").await, world.sign_up("Ben").await);
    mailbox.fill(&world).await;
    let (new_email, password) = ("next@example.org".into(), SecretText(PASSWORD.into()));
    accepted(&world.by(&ada, ChangeEmail { new_email, password, expected_version: None, idempotency_key: None }).await);
    for email in [ada.email.to_uppercase(), ben.email.clone()] {
        accepted(&world.anonymously(RequestPasswordReset { email, idempotency_key: None }).await.unwrap());
    }
    assert_eq!((world.count("mails").await, world.count("mail_tokens").await), (4, 2));
    accepted(&world.by(&ada, erase(PASSWORD)).await);
    assert_eq!((world.count("mails").await, world.count("mail_tokens").await), (1, 1), "Ben's own");
    let erased = "users WHERE erased_at IS NOT NULL AND pending_email IS NULL AND email_verified_at IS NULL";
    assert_eq!(world.count(erased).await, 1);
    assert_eq!(mailbox.fill(&world).await.sent, 1);
}

/// Addresses are compared by Rust's rules, whatever PostgreSQL takes for a capital letter.
#[tokio::test]
async fn a_mail_that_was_asked_for_in_capital_letters_goes_with_the_person() {
    let world = World::new().await;
    let email = "dörte@example.org".to_owned();
    let answer = world.anonymously(sign_up("Dörte", &email)).await.unwrap();
    let viewer = world.viewer(answer.session().unwrap());
    let person = Person { id: accepted(&answer).user, email, viewer, session: answer.session().unwrap().clone() };
    let asked = RequestPasswordReset { email: person.email.to_uppercase(), idempotency_key: None };
    accepted(&world.anonymously(asked).await.unwrap());
    assert_eq!(world.count("mails").await, 2);
    accepted(&world.by(&person, erase(PASSWORD)).await);
    assert_eq!(world.count("mails").await, 0);
}

/// Whoever follows a link in a mail need not be signed in; what they were answered is about a person all the same.
#[tokio::test]
async fn answers_that_are_kept_for_nobody_go_with_the_person_whom_they_are_about() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let ada = world.sign_up("Ada").await;
    accepted(
        &world.anonymously(RequestPasswordReset { email: ada.email.clone(), idempotency_key: None }).await.unwrap(),
    );
    mailbox.fill(&world).await;
    let token = |subject| SecretText(mailbox.token(&ada.email, subject));
    let idempotency_key = Some("once".to_owned());
    let verify = VerifyEmail { token: token("Confirm your e-mail address"), idempotency_key: idempotency_key.clone() };
    accepted(&world.anonymously(verify).await.unwrap());
    let new_password = SecretText(PASSWORD.into());
    let reset = ResetPassword { token: token("Set a new password"), new_password, idempotency_key };
    accepted(&world.anonymously(reset).await.unwrap());
    assert_eq!(world.count("idempotency_keys").await, 2);
    accepted(&world.by(&world.sign_in(&ada).await, erase(PASSWORD)).await);
    assert_eq!(world.count("idempotency_keys").await, 1, "the answer of the erasure itself");
}

#[tokio::test]
async fn erasing_is_one_event_one_receipt_and_a_destroyed_key() {
    let world = World::new().await;
    let (ada, other) = (world.sign_up("Ada").await, world.sign_up("Ben").await);
    world.post(&ada, true).await;
    world.by(&other, FollowUser { user_id: ada.id, idempotency_key: None }).await;
    let answer = world.by(&ada, erase(PASSWORD)).await;
    let outcome = accepted(&answer).clone();
    let recorded = world.event(&answer).await;
    let Event::UserErased(erased) = &recorded.event else { panic!("{recorded:?}") };
    assert_eq!((erased.user_id, erased.erasure_id), (ada.id, outcome.erasure_receipt_id));
    assert_eq!((recorded.aggregate.version, answer.receipt().version), (2, Some(2)));
    assert_eq!(world.log.keys_of(&[ada.id]).await.unwrap()[&ada.id], KeyState::Destroyed);

    let receipt = Receipt::find(&world.log, outcome.erasure_receipt_id.0).await.unwrap().unwrap();
    assert_eq!(Receipt::find(&world.log, ada.id.0).await.unwrap().as_ref(), Some(&receipt));
    assert_eq!((receipt.user_id, receipt.command_id), (ada.id, answer.receipt().command_id));
    let rows = |name: &str| receipt.tables.iter().find(|table| table.name == name).unwrap().rows;
    assert_eq!(
        (rows("users"), rows("sessions"), rows("posts"), rows("post_tags")),
        (Some(1), Some(1), Some(1), Some(2))
    );
    assert!(receipt.tables.iter().all(|table| table.left == 0), "{receipt:?}");
    assert_eq!(Receipt::find(&world.log, other.id.0).await.unwrap(), None, "nobody else was erased");

    let again = world.by(&ada, erase(PASSWORD)).await;
    assert_eq!((again.receipt().replayed, accepted(&again)), (true, &outcome));
    is_nobody(&world, &ada, &other).await;
}

/// Not for commands of others, nor for those with a token that is still valid.
async fn is_nobody(world: &World, ada: &Person, other: &Person) {
    let follow = FollowUser { user_id: ada.id, idempotency_key: None };
    assert_eq!(rejected(&world.by(other, follow.clone()).await).kind(), CommandErrorCode::NotFound);
    accepted(&world.by(other, UnfollowUser { user_id: ada.id, idempotency_key: None }).await);
    assert_eq!(rejected(&world.by(other, follow).await).kind(), CommandErrorCode::NotFound);
    let code = |failure: millrace_command::CommandFailure| failure.code();
    let refused = world.try_by(ada, create_post(true)).await.unwrap_err();
    assert_eq!(code(refused), FailureCode::Unauthenticated);
    let refused = world.try_by(ada, SignOut { idempotency_key: None }).await.unwrap_err();
    assert_eq!(code(refused), FailureCode::Unauthenticated);
    let other_key = EraseAccount { idempotency_key: None, ..erase(PASSWORD) };
    assert_eq!(code(world.try_by(ada, other_key).await.unwrap_err()), FailureCode::Unauthenticated);
}

#[tokio::test]
async fn a_wrong_password_erases_nothing() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    for wrong in ["not the password", "short"] {
        let answer = world.by(&ada, erase(wrong)).await;
        assert_eq!(rejected(&answer).kind(), CommandErrorCode::InvalidCredentials);
    }
    assert_eq!((world.count("erasures").await, world.count("users WHERE erased_at IS NULL").await), (0, 1));
    accepted(&world.by(&ada, erase(PASSWORD)).await);
}

/// A backup brings the account back; the operator's new history erases it again.
#[tokio::test]
async fn erasing_again_is_done_where_it_is_needed() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    for events in [1, 0] {
        let answer = world.commands.erase_again(ada.id).await.unwrap();
        accepted(&answer);
        assert_eq!(world.events(answer.receipt().command_id).await.len(), events);
    }
    assert_eq!(world.count("erasures").await, 1);
    accepted(&world.commands.erase_again(millrace_events::UserId::generate()).await.unwrap());
}
