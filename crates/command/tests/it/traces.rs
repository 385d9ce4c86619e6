//! Addresses that a person had leave no trace beside the account.

use crate::erasure::erase;
use crate::mailbox::Mailbox;
use crate::world::{PASSWORD, Person, World, accepted};
use millrace_command::{ChangeEmail, MailError, RequestPasswordReset, SecretText, VerifyEmail};

const VERIFY: &str = "Confirm your e-mail address";

fn forgotten(email: &str) -> RequestPasswordReset {
    RequestPasswordReset { email: email.into(), idempotency_key: None }
}

/// Ada has this address from now on.
pub async fn moves_to(world: &World, mailbox: &Mailbox, ada: &Person, next: &str) {
    let change = ChangeEmail {
        new_email: next.into(),
        password: SecretText(PASSWORD.into()),
        expected_version: None,
        idempotency_key: None,
    };
    accepted(&world.by(ada, change).await);
    mailbox.fill(world).await;
    let token = SecretText(mailbox.token(next, VERIFY));
    accepted(&world.anonymously(VerifyEmail { token, idempotency_key: None }).await.unwrap());
}

#[tokio::test]
async fn an_address_that_refused_a_reset_is_not_kept_with_it() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let ada = world.sign_up("Ada").await;
    mailbox.fill(&world).await;
    world.anonymously(forgotten(&ada.email)).await.unwrap();
    mailbox.answers(Some(MailError::Refused("550".into())));
    assert_eq!(mailbox.fill(&world).await.dead, 1);
    let left = world.count(&format!("mails WHERE address_canonical = '{}'", ada.email)).await;
    assert_eq!(left, 0, "it names nobody, so an erasure would not find it");
}

#[tokio::test]
async fn an_address_that_was_left_behind_goes_with_its_person_although_a_reset_waits_for_it() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let ada = world.sign_up("Ada").await;
    mailbox.fill(&world).await;
    world.anonymously(forgotten(&ada.email)).await.unwrap();
    world.sql("UPDATE mails SET due_at = now() + interval '1 hour'").await;
    moves_to(&world, &mailbox, &ada, "ada@new.example").await;
    accepted(&world.by(&ada, erase(PASSWORD)).await);
    assert_eq!(world.count(&format!("mails WHERE address_canonical = '{}'", ada.email)).await, 0);
}

#[tokio::test]
async fn a_reset_that_nobody_sends_is_forgotten_when_its_token_could_be_good_no_more() {
    let world = World::new().await;
    world.anonymously(forgotten("nobody@example.org")).await.unwrap();
    world.sql("UPDATE mails SET written_at = now() - interval '29 minutes'").await;
    assert_eq!(world.commands.sweep().await.unwrap().mails, 0);
    world.sql("UPDATE mails SET written_at = now() - interval '31 minutes'").await;
    assert_eq!(world.commands.sweep().await.unwrap().mails, 1);
}
