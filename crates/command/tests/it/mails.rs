//! Mails: written down with the command, sent at least once, given up in the end.

use crate::mailbox::{Mailbox, token_in};
use crate::world::{World, accepted, settings, sign_up};
use futures_util::future::join_all;
use millrace_command::mail::UNANSWERED_MAX;
use millrace_command::{Mail, MailError, Mailed, Mailer, RequestPasswordReset, SecretText, VerifyEmail};
use sea_orm::{ConnectionTrait, TransactionTrait};
use std::time::Duration;

const VERIFY: &str = "Confirm your e-mail address";

fn reset(email: &str) -> RequestPasswordReset {
    RequestPasswordReset { email: email.into(), idempotency_key: None }
}

async fn all_are_due(world: &World) {
    world.sql("UPDATE mails SET due_at = now()").await;
}

#[tokio::test]
async fn a_mail_goes_out_once_and_leaves_nothing() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let ada = world.sign_up("Ada").await;
    assert_eq!(world.commands.mail_queue().await.unwrap().waiting, 1);
    assert_eq!((mailbox.fill(&world).await.sent, mailbox.fill(&world).await.sent), (1, 0));
    let mails = mailbox.mails(&ada.email, VERIFY);
    assert!(mails.len() == 1 && mails[0].text.starts_with("Hello,\n\nplease confirm"));
    assert_eq!((world.count("mails").await, world.count("mail_tokens").await), (0, 1));
}

#[tokio::test]
async fn no_store_has_a_mailed_token_in_the_clear() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let ada = world.sign_up("Ada").await;
    mailbox.answers(Some(MailError::NotSent("no connection".into())));
    mailbox.fill(&world).await;
    let token = token_in(&mailbox.mails(&ada.email, VERIFY)[0].text);
    for table in ["mails", "mail_tokens", "users", "idempotency_keys", "outbox", "log"] {
        let found = world.count(&format!("{table} WHERE {table}::text LIKE '%{token}%'")).await;
        assert_eq!(found, 0, "{table}");
    }
}

#[tokio::test]
async fn a_rejected_command_sends_nothing() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    world.anonymously(sign_up("Ada", "ada@example.org")).await.unwrap();
    let twice = world.anonymously(sign_up("Eve", "ada@example.org")).await.unwrap();
    assert!(!twice.receipt().accepted);
    assert_eq!(mailbox.fill(&world).await.sent, 1);
}

#[tokio::test]
async fn a_mail_that_fails_is_put_off_for_as_long_as_its_token_is_good() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let ada = world.sign_up("Ada").await;
    mailbox.answers(Some(MailError::NotSent("no connection".into())));
    for attempt in 1..=12 {
        let mailed = mailbox.fill(&world).await;
        assert_eq!(mailed, Mailed { put_off: 1, ..Mailed::default() }, "attempt {attempt}");
        assert_eq!(mailbox.fill(&world).await, Mailed::default(), "not at once again");
        all_are_due(&world).await;
    }
    world.sql("UPDATE mails SET written_at = written_at - interval '48 hours' + interval '1 minute'").await;
    assert_eq!(mailbox.fill(&world).await, Mailed { dead: 1, ..Mailed::default() }, "there is no time for another");
    mailbox.answers(None);
    all_are_due(&world).await;
    assert_eq!(mailbox.fill(&world).await, Mailed::default());
    let queue = world.commands.mail_queue().await.unwrap();
    assert_eq!((queue.waiting, queue.dead), (0, 1));
    let ids: Vec<_> = mailbox.mails(&ada.email, VERIFY).iter().map(|mail| mail.id).collect();
    assert!(ids.len() == 13 && ids.iter().all(|id| *id == ids[0]), "one mail, however often it was tried");
}

#[tokio::test]
async fn a_mail_that_was_due_while_nothing_ran_is_given_up_when_it_is_too_old() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let ada = world.sign_up("Ada").await;
    world.sql("UPDATE mails SET written_at = written_at - interval '48 hours'").await;
    assert_eq!(mailbox.fill(&world).await, Mailed { dead: 1, ..Mailed::default() });
    assert_eq!((mailbox.mails(&ada.email, VERIFY).len(), world.count("mail_tokens").await), (0, 0));
}

#[tokio::test]
async fn a_mail_that_is_refused_is_given_up_at_once() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    world.sign_up("Ada").await;
    mailbox.answers(Some(MailError::Refused("550".into())));
    assert_eq!(mailbox.fill(&world).await.dead, 1);
}

#[tokio::test]
async fn a_mail_has_one_token_at_all_attempts_and_each_copy_of_it_is_good() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let ada = world.sign_up("Ada").await;
    mailbox.answers(Some(MailError::Slow));
    mailbox.fill(&world).await;
    mailbox.answers(None);
    all_are_due(&world).await;
    mailbox.fill(&world).await;
    let mails = mailbox.mails(&ada.email, VERIFY);
    assert!(mails.len() == 2 && mails[0] == mails[1]);
    assert_eq!(world.count("mail_tokens").await, 1);
    let verify = VerifyEmail { token: SecretText(token_in(&mails[0].text)), idempotency_key: None };
    accepted(&world.anonymously(verify).await.unwrap());
}

#[tokio::test]
async fn a_mail_to_somebody_who_has_enough_of_the_kind_waits_until_some_are_over() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let ada = world.sign_up("Ada").await;
    mailbox.fill(&world).await;
    world.sql("UPDATE mail_tokens SET purpose = 'reset_password'").await;
    let more = "INSERT INTO mail_tokens SELECT sha256(n::text::bytea), purpose, user_id, gen_random_uuid(), written_at,
        email_canonical, expires_at FROM mail_tokens, generate_series(1, 19) n";
    assert_eq!(world.sql(more).await, 19);
    world.anonymously(reset(&ada.email)).await.unwrap();
    assert_eq!(mailbox.fill(&world).await, Mailed { put_off: 1, ..Mailed::default() });
    assert_eq!(world.count("mails WHERE attempts = 0").await, 1);
    world.sql("UPDATE mail_tokens SET expires_at = now() WHERE hash = sha256('1')").await;
    all_are_due(&world).await;
    assert_eq!(mailbox.fill(&world).await.sent, 1);
}

#[tokio::test]
async fn a_mail_waits_for_who_erases_its_reader() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let ada = world.sign_up("Ada").await;
    let erasing = world.database().begin().await.unwrap();
    erasing.execute_unprepared("SELECT FROM users FOR UPDATE").await.unwrap();
    assert_eq!(mailbox.fill(&world).await, Mailed::default());
    assert_eq!((world.count("mails").await, world.count("mail_tokens").await), (1, 0));
    erasing.rollback().await.unwrap();
    assert_eq!(mailbox.fill(&world).await.sent, 1);
    assert_eq!(mailbox.mails(&ada.email, VERIFY).len(), 1);
}

/// Dies with a mail in hand.
struct Dying;

impl Mailer for Dying {
    async fn send(&self, _: &Mail) -> Result<(), MailError> {
        std::future::pending().await
    }
}

/// Takes the mail that is due in hand, and never tells of it again.
async fn die_with_a_mail_in_hand(world: &World, attempt: i32) {
    let sending = tokio::time::timeout(Duration::from_secs(60), world.commands.send_mails(&Dying));
    let taken = async {
        while world.count(&format!("mails WHERE attempts = {attempt}")).await == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        mailed = sending => panic!("{mailed:?}"),
        () = taken => {}
    }
}

#[tokio::test]
async fn a_mail_that_so_many_processes_died_over_is_given_up() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    world.sign_up("Ada").await;
    for attempt in 1..=UNANSWERED_MAX {
        die_with_a_mail_in_hand(&world, attempt).await;
        all_are_due(&world).await;
    }
    assert_eq!(mailbox.fill(&world).await, Mailed { dead: 1, ..Mailed::default() });
}

#[tokio::test]
async fn a_mail_in_the_hands_of_a_process_that_died_goes_out_later() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let ada = world.sign_up("Ada").await;
    die_with_a_mail_in_hand(&world, 1).await;
    assert_eq!(mailbox.fill(&world).await.sent, 0, "somebody may still have it in hand");
    assert_eq!(world.count("mails WHERE due_at > now() + interval '1 minute'").await, 1);
    all_are_due(&world).await;
    assert_eq!(mailbox.fill(&world).await.sent, 1);
    assert_eq!(mailbox.mails(&ada.email, VERIFY).len(), 1);
}

#[tokio::test]
async fn several_processes_send_each_mail_once() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let people = join_all((0..30).map(|_| world.sign_up("Ada"))).await;
    let mut processes = Vec::new();
    for _ in 0..3 {
        let postgres = world.postgres();
        processes.push(world.commands_with(postgres, settings(), world.auth()).await);
    }
    let mut sent = 0;
    while sent < 30 {
        let mailed = join_all(processes.iter().map(|process| process.send_mails(&mailbox))).await;
        sent += mailed.into_iter().map(|mailed| mailed.unwrap().sent).sum::<u64>();
    }
    assert!(people.iter().all(|person| mailbox.mails(&person.email, VERIFY).len() == 1));
    assert_eq!((sent, world.count("mails").await), (30, 0));
}

#[tokio::test]
async fn mails_and_tokens_that_are_over_are_swept() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    world.sign_up("Ada").await;
    mailbox.fill(&world).await;
    world.anonymously(reset("nobody@example.org")).await.unwrap();
    let swept = world.commands.sweep().await.unwrap();
    assert_eq!((swept.mails, swept.mail_tokens), (0, 0));
    world.sql("UPDATE mails SET written_at = now() - interval '8 days'").await;
    world.sql("UPDATE mail_tokens SET expires_at = now()").await;
    let swept = world.commands.sweep().await.unwrap();
    assert_eq!((swept.mails, swept.mail_tokens), (1, 1));
}
