//! Nobody fills somebody else's mailbox by way of an account that is not theirs.

use crate::erasure::erase;
use crate::mailbox::Mailbox;
use crate::world::{PASSWORD, Person, World, accepted, sign_up};
use millrace_command::{ChangeEmail, ChangePassword, CommandErrorCode, SecretText, VerifyEmail};

const VERIFY: &str = "Confirm your e-mail address";
const WAS_SET: &str = "Your password was changed";
const ASKED_FOR: &str = "Another e-mail address for your account";
const VICTIM: &str = "victim@example.org";
/// More than anybody may cause.
const MANY: usize = 30;
/// The most mails to one mailbox of which nobody has shown that it is theirs.
const UNPROVEN_MAX: usize = 20;

fn change_email(new: &str) -> ChangeEmail {
    ChangeEmail {
        new_email: new.into(),
        password: SecretText(PASSWORD.into()),
        expected_version: None,
        idempotency_key: None,
    }
}

async fn change_password(world: &World, person: &Person) {
    let change = ChangePassword {
        current_password: SecretText(PASSWORD.into()),
        new_password: SecretText(PASSWORD.into()),
        expected_version: None,
        idempotency_key: None,
    };
    accepted(&world.by(person, change).await);
}

#[tokio::test]
async fn a_password_that_is_changed_again_and_again_is_told_of_once() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let ada = world.sign_up("Ada").await;
    for _ in 0..MANY {
        change_password(&world, &ada).await;
        mailbox.fill(&world).await;
    }
    assert_eq!(mailbox.mails(&ada.email, WAS_SET).len(), 1);
}

#[tokio::test]
async fn who_withdraws_a_change_of_the_address_has_no_more_mails_for_it() {
    for by_password in [false, true] {
        let (world, mailbox) = (World::new().await, Mailbox::default());
        let ada = world.sign_up("Ada").await;
        for n in 0..MANY {
            let victim = format!("victim{n}@example.org");
            let answer = world.by(&ada, change_email(&victim)).await;
            assert!(answer.receipt().accepted || answer.errors()[0].kind() == CommandErrorCode::LimitReached);
            mailbox.fill(&world).await;
            match by_password {
                true => change_password(&world, &ada).await,
                false => drop(world.by(&ada, change_email(&ada.email)).await),
            }
        }
        let mailed = (0..MANY).map(|n| mailbox.mails(&format!("victim{n}@example.org"), VERIFY).len());
        assert!(mailed.sum::<usize>() < UNPROVEN_MAX, "by password: {by_password}");
        assert_eq!(mailbox.mails(&ada.email, ASKED_FOR).len(), 1);
    }
}

#[tokio::test]
async fn accounts_that_are_opened_and_erased_in_turn_do_not_fill_a_mailbox() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    for _ in 0..MANY {
        let opened = world.anonymously(sign_up("Eve", VICTIM)).await.unwrap();
        let viewer = world.viewer(opened.session().unwrap());
        mailbox.fill(&world).await;
        let eve = Person {
            id: accepted(&opened).user,
            email: VICTIM.into(),
            session: opened.session().unwrap().clone(),
            viewer,
        };
        accepted(&world.by(&eve, erase(PASSWORD)).await);
    }
    assert_eq!(mailbox.mails(VICTIM, VERIFY).len(), UNPROVEN_MAX);
}

#[tokio::test]
async fn what_follows_a_plus_makes_no_other_mailbox_and_every_account_is_opened() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let address = |n: usize| format!("Victim+{n}@example.org");
    for n in 0..MANY {
        accepted(&world.anonymously(sign_up("Eve", &address(n))).await.unwrap());
    }
    mailbox.fill(&world).await;
    let mailed = (0..MANY).map(|n| mailbox.mails(&address(n), VERIFY).len());
    assert_eq!(mailed.sum::<usize>(), UNPROVEN_MAX);
}

#[tokio::test]
async fn what_strangers_do_keeps_no_notice_from_an_address_that_was_shown_to_be_its_owners() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let ada = world.sign_up("Ada").await;
    mailbox.fill(&world).await;
    let token = SecretText(mailbox.token(&ada.email, VERIFY));
    accepted(&world.anonymously(VerifyEmail { token, idempotency_key: None }).await.unwrap());
    let (name, host) = ada.email.split_once('@').unwrap();
    for n in 0..MANY {
        accepted(&world.anonymously(sign_up("Eve", &format!("{name}+{n}@{host}"))).await.unwrap());
    }
    mailbox.fill(&world).await;
    change_password(&world, &ada).await;
    mailbox.fill(&world).await;
    assert_eq!(mailbox.mails(&ada.email, WAS_SET).len(), 1);
}
