//! Another password, another address, a forgotten password.

use crate::mailbox::Mailbox;
use crate::world::{PASSWORD, Person, World, accepted, create_post, rejected, sign_up};
use millrace_command::{
    ChangeEmail, ChangePassword, CommandError, CommandErrorCode, DeactivateAccount, FailureCode, FollowUser, MailError,
    RefreshSession, Request, RequestPasswordReset, ResetPassword, SecretText, SignIn, UnfollowUser, VerifyEmail,
};
use millrace_events::{Event, Viewer};
use std::net::{IpAddr, Ipv4Addr};

const NEXT: &str = "staple battery horse";

fn sign_in(person: &Person, password: &str) -> SignIn {
    SignIn { email: person.email.clone(), password: SecretText(password.into()), reactivate: false }
}

const VERIFY: &str = "Confirm your e-mail address";
const RESET: &str = "Set a new password";
const WAS_SET: &str = "Your password was changed";

fn change_email(new: &str) -> ChangeEmail {
    ChangeEmail {
        new_email: new.into(),
        password: SecretText(PASSWORD.into()),
        expected_version: None,
        idempotency_key: None,
    }
}

fn verify(token: &str) -> VerifyEmail {
    VerifyEmail { token: SecretText(token.into()), idempotency_key: None }
}

fn forgotten(email: &str) -> RequestPasswordReset {
    RequestPasswordReset { email: email.into(), idempotency_key: None }
}

fn reset(token: &str, new: &str) -> ResetPassword {
    ResetPassword { token: SecretText(token.into()), new_password: SecretText(new.into()), idempotency_key: None }
}

fn change_password(current: &str, new: &str) -> ChangePassword {
    ChangePassword {
        current_password: SecretText(current.into()),
        new_password: SecretText(new.into()),
        expected_version: None,
        idempotency_key: None,
    }
}

async fn signs_in(world: &World, person: &Person, password: &str) -> bool {
    world.anonymously(sign_in(person, password)).await.unwrap().receipt().accepted
}

async fn can_act(world: &World, person: &Person) -> bool {
    match world.try_by(person, create_post(true)).await {
        Ok(answer) => answer.receipt().accepted,
        Err(failure) if failure.code() == FailureCode::Unauthenticated => false,
        Err(failure) => panic!("{failure}"),
    }
}

#[tokio::test]
async fn a_new_password_takes_the_old_ones_place_and_ends_all_other_sign_ins() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let (phone, bob) = (world.sign_in(&ada).await, world.sign_up("Bob").await);
    let answer = world.by(&ada, change_password(PASSWORD, NEXT)).await;
    assert_eq!((accepted(&answer).user, answer.receipt().version), (ada.id, Some(3)));
    let events = world.events(answer.receipt().command_id).await;
    let [Event::PasswordChanged(changed), Event::OtherSessionsEnded(ended)] =
        events.iter().map(|recorded| &recorded.event).collect::<Vec<_>>()[..]
    else {
        panic!("{events:?}")
    };
    let (own, others) = (ada.viewer.person().unwrap(), phone.viewer.person().unwrap());
    assert_eq!((changed.user_id, ended.kept_session_id), (ada.id, own.session_id));
    assert!(others.issued_at <= ended.issued_until);

    assert!(!signs_in(&world, &ada, PASSWORD).await && signs_in(&world, &ada, NEXT).await);
    assert!(can_act(&world, &ada).await && can_act(&world, &bob).await && !can_act(&world, &phone).await);
    let refresh = RefreshSession { refresh_token: SecretText(phone.session.refresh_token.clone()) };
    assert_eq!(rejected(&world.anonymously(refresh).await.unwrap()).kind(), CommandErrorCode::InvalidCredentials);
    let refresh = RefreshSession { refresh_token: SecretText(ada.session.refresh_token.clone()) };
    assert!(world.anonymously(refresh).await.unwrap().receipt().accepted, "one's own sign-in goes on");
}

#[tokio::test]
async fn without_the_current_password_nothing_changes_and_guesses_are_counted() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    for wrong in ["not the password", "short", NEXT, "neither is this"] {
        let CommandError::InvalidCredentials(error) = rejected(&world.by(&ada, change_password(wrong, NEXT)).await)
        else {
            panic!()
        };
        assert_eq!(error.path, ["currentPassword"]);
    }
    let weak = rejected(&world.by(&ada, change_password(PASSWORD, "short")).await);
    assert!(matches!(weak, CommandError::ValidationError(error) if error.path == ["newPassword"]));
    for wrong in ["four", "a fourth guess", "a fifth guess"] {
        rejected(&world.by(&ada, change_password(wrong, NEXT)).await);
    }
    let stopped = world.try_by(&ada, change_password(PASSWORD, NEXT)).await.unwrap_err();
    assert_eq!(
        (stopped.code(), stopped.report().limit.as_deref()),
        (FailureCode::RateLimited, Some("failed sign-ins"))
    );
    assert_eq!(world.envelopes().await.len(), 1, "nothing but the sign-up");
}

#[tokio::test]
async fn a_repeated_change_of_the_password_takes_effect_once_and_tells_another_one_apart() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let keyed = |new: &str| ChangePassword { idempotency_key: Some("k".into()), ..change_password(PASSWORD, new) };
    let first = world.by(&ada, keyed(NEXT)).await;
    let again = world.by(&ada, keyed(NEXT)).await;
    assert!(!first.receipt().replayed && again.receipt().replayed);
    assert_eq!(again.receipt().version, first.receipt().version);
    let other = world.by(&ada, keyed("another new one")).await;
    assert_eq!(rejected(&other).kind(), CommandErrorCode::IdempotencyKeyReused);
    assert!(signs_in(&world, &ada, NEXT).await);
}

#[tokio::test]
async fn of_two_changes_of_the_password_at_once_one_wins() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let phone = world.sign_in(&ada).await;
    let both =
        [(&ada, NEXT), (&phone, "of the phone")].map(|(who, new)| world.try_by(who, change_password(PASSWORD, new)));
    let answers = futures_util::future::join_all(both).await;
    let won: Vec<_> =
        answers.iter().map(|answer| answer.as_ref().is_ok_and(|answer| answer.receipt().accepted)).collect();
    assert!(won[0] != won[1], "{answers:?}");
    assert_eq!((can_act(&world, &ada).await, can_act(&world, &phone).await), (won[0], won[1]));
}

#[tokio::test]
async fn a_change_of_the_password_is_told_by_mail_and_voids_mails_that_wait() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let ada = world.sign_up("Ada").await;
    world.anonymously(forgotten(&ada.email)).await.unwrap();
    mailbox.fill(&world).await;
    world.by(&ada, change_password(PASSWORD, NEXT)).await;
    mailbox.fill(&world).await;
    assert_eq!(mailbox.mails(&ada.email, WAS_SET).len(), 1);
    let late = world.anonymously(reset(&mailbox.token(&ada.email, RESET), "set by a thief")).await.unwrap();
    assert_eq!(rejected(&late).kind(), CommandErrorCode::InvalidToken);
}

#[tokio::test]
async fn a_mail_for_a_forgotten_password_that_waits_is_not_sent_once_the_password_is_set() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let ada = world.sign_up("Ada").await;
    mailbox.fill(&world).await;
    world.anonymously(forgotten(&ada.email)).await.unwrap();
    mailbox.answers(Some(MailError::NotSent("no connection".into())));
    assert_eq!(mailbox.fill(&world).await.put_off, 1);
    let seen = mailbox.token(&ada.email, RESET);
    world.by(&ada, change_password(PASSWORD, NEXT)).await;
    mailbox.answers(None);
    world.sql("UPDATE mails SET due_at = now()").await;
    let mailed = mailbox.fill(&world).await;
    assert_eq!((mailed.sent, mailed.dropped), (1, 1), "only that it was changed");
    let late = world.anonymously(reset(&seen, "set by a thief")).await.unwrap();
    assert_eq!(rejected(&late).kind(), CommandErrorCode::InvalidToken);
    world.anonymously(forgotten(&ada.email)).await.unwrap();
    mailbox.fill(&world).await;
    accepted(&world.anonymously(reset(&mailbox.token(&ada.email, RESET), "set by the owner")).await.unwrap());
}

#[tokio::test]
async fn the_address_of_a_new_account_is_verified_by_its_mail_once() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let ada = world.sign_up("Ada").await;
    mailbox.fill(&world).await;
    let token = mailbox.token(&ada.email, VERIFY);
    let answer = world.anonymously(verify(&token)).await.unwrap();
    let Event::EmailVerified(verified) = world.event(&answer).await.event else { panic!() };
    assert_eq!((verified.user_id, verified.email.value()), (ada.id, Some(&ada.email)));
    let again = world.anonymously(verify(&token)).await.unwrap();
    assert_eq!(rejected(&again).kind(), CommandErrorCode::InvalidToken);
    world.changed_nothing(&world.by(&ada, change_email(&ada.email)).await).await;
    assert_eq!(mailbox.fill(&world).await.sent, 0, "there is nothing left to verify");
}

#[tokio::test]
async fn another_address_is_pending_until_it_is_verified_and_the_old_one_is_told() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let ada = world.sign_up("Ada").await;
    let answer = world.by(&ada, change_email("Ada@new.example")).await;
    let Event::EmailChangeRequested(asked) = world.event(&answer).await.event else { panic!() };
    assert_eq!(asked.new_email.value().map(String::as_str), Some("Ada@new.example"));
    assert!(signs_in(&world, &ada, PASSWORD).await, "until then the old address counts");
    mailbox.fill(&world).await;

    let answer = world.anonymously(verify(&mailbox.token("Ada@new.example", VERIFY))).await.unwrap();
    let Event::EmailVerified(verified) = world.event(&answer).await.event else { panic!() };
    assert_eq!(verified.email.value().map(String::as_str), Some("Ada@new.example"));
    mailbox.fill(&world).await;
    assert_eq!(mailbox.mails(&ada.email, "Your e-mail address was changed").len(), 1);
    let moved = Person { email: "ada@NEW.example".into(), ..ada.clone() };
    assert!(!signs_in(&world, &ada, PASSWORD).await && signs_in(&world, &moved, PASSWORD).await);
    let old = world.anonymously(verify(&mailbox.token(&ada.email, VERIFY))).await.unwrap();
    assert_eq!(rejected(&old).kind(), CommandErrorCode::InvalidToken, "the address that was left behind");
}

#[tokio::test]
async fn a_change_of_the_address_is_withdrawn_by_naming_ones_own() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let ada = world.sign_up("Ada").await;
    world.by(&ada, change_email("ada@typo.example")).await;
    mailbox.fill(&world).await;
    world.by(&ada, change_email("ada@typo.example")).await;
    let answer = world.by(&ada, change_email(&ada.email)).await;
    assert!(matches!(world.event(&answer).await.event, Event::EmailChangeWithdrawn(of) if of.user_id == ada.id));
    assert_eq!((accepted(&answer).user, answer.receipt().version), (ada.id, Some(3)));
    let late = world.anonymously(verify(&mailbox.token("ada@typo.example", VERIFY))).await.unwrap();
    assert_eq!(rejected(&late).kind(), CommandErrorCode::InvalidToken);
    assert_eq!((mailbox.fill(&world).await.dropped, world.count("users WHERE pending_email IS NULL").await), (1, 1));
    accepted(&world.anonymously(verify(&mailbox.token(&ada.email, VERIFY))).await.unwrap());
}

#[tokio::test]
async fn a_new_password_ends_what_a_thief_of_the_old_one_began() {
    for by_mail in [false, true] {
        let (world, mailbox) = (World::new().await, Mailbox::default());
        let ada = world.sign_up("Ada").await;
        let thief = world.sign_in(&ada).await;
        world.by(&thief, change_email("thief@new.example")).await;
        world.anonymously(forgotten(&ada.email)).await.unwrap();
        mailbox.fill(&world).await;
        assert_eq!(mailbox.mails(&ada.email, "Another e-mail address for your account").len(), 1, "the owner is told");
        let token = mailbox.token("thief@new.example", VERIFY);
        world.by(&thief, change_email("thief@new.example")).await;
        match by_mail {
            true => accepted(&world.anonymously(reset(&mailbox.token(&ada.email, RESET), NEXT)).await.unwrap()).user,
            false => accepted(&world.by(&ada, change_password(PASSWORD, NEXT)).await).user,
        };
        let taken = world.anonymously(verify(&token)).await.unwrap();
        assert_eq!(rejected(&taken).kind(), CommandErrorCode::InvalidToken);
        assert_eq!(world.count("users WHERE pending_email IS NULL").await, 1);
        assert_eq!(
            world.count("mail_tokens WHERE email_canonical = 'thief@new.example' AND voided_at IS NULL").await,
            0
        );
        let mailed = mailbox.fill(&world).await;
        assert_eq!(
            (mailed.dropped, mailbox.mails("thief@new.example", VERIFY).len()),
            (1, 1),
            "nor does a mail go there"
        );
        assert!(signs_in(&world, &ada, NEXT).await);
    }
}

#[tokio::test]
async fn what_a_person_wants_as_an_address_lies_sealed_in_the_log() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let ada = world.sign_up("Ada").await;
    world.by(&ada, change_email("secret@new.example")).await;
    mailbox.fill(&world).await;
    world.anonymously(verify(&mailbox.token("secret@new.example", VERIFY))).await.unwrap();
    let log = serde_json::to_string(&world.envelopes().await).unwrap();
    assert!(log.contains("user.emailVerified") && !log.contains("secret@new.example"), "{log}");
}

#[tokio::test]
async fn an_address_that_somebody_has_is_refused_when_asked_for_and_when_verified() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let (ada, bob) = (world.sign_up("Ada").await, world.sign_up("Bob").await);
    let CommandError::EmailTaken(taken) = rejected(&world.by(&ada, change_email(&bob.email.to_uppercase())).await)
    else {
        panic!()
    };
    assert_eq!(taken.path, ["newEmail"]);
    world.by(&ada, change_email("both@example.org")).await;
    mailbox.fill(&world).await;
    world.anonymously(sign_up("Eve", "BOTH@example.org")).await.unwrap();
    let late = world.anonymously(verify(&mailbox.token("both@example.org", VERIFY))).await.unwrap();
    assert_eq!(rejected(&late).kind(), CommandErrorCode::EmailTaken);
    assert!(signs_in(&world, &ada, PASSWORD).await);
}

#[tokio::test]
async fn of_two_who_verify_one_address_at_once_one_gets_it() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let (ada, bob) = (world.sign_up("Ada").await, world.sign_up("Bob").await);
    let mut tokens = Vec::new();
    for person in [&ada, &bob] {
        world.by(person, change_email("one@example.org")).await;
        mailbox.fill(&world).await;
        tokens.push(mailbox.token("one@example.org", VERIFY));
    }
    let answers = futures_util::future::join_all(tokens.iter().map(|token| world.anonymously(verify(token)))).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().map(Result::unwrap).partition(|a| a.receipt().accepted);
    assert_eq!((won.len(), lost.len()), (1, 1));
    assert_eq!(rejected(&lost[0]).kind(), CommandErrorCode::EmailTaken);
}

#[tokio::test]
async fn mails_for_an_address_have_an_end() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let ada = world.sign_up("Ada").await;
    let mut last = None;
    for _ in 0..25 {
        let answer = world.by(&ada, change_email("victim@example.org")).await;
        mailbox.fill(&world).await;
        last = Some(answer);
    }
    let last = last.unwrap();
    assert!(matches!(rejected(&last), CommandError::LimitReached(limit) if limit.max == 20));
    assert!(mailbox.mails("victim@example.org", VERIFY).len() < 20);
}

#[tokio::test]
async fn a_token_that_is_over_verifies_nothing() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let ada = world.sign_up("Ada").await;
    world.anonymously(forgotten(&ada.email)).await.unwrap();
    mailbox.fill(&world).await;
    world.sql("UPDATE mail_tokens SET expires_at = now()").await;
    let (of_verify, of_reset) = (mailbox.token(&ada.email, VERIFY), mailbox.token(&ada.email, RESET));
    for token in [of_verify.as_str(), "junk", &"A".repeat(43)] {
        let answer = world.anonymously(verify(token)).await.unwrap();
        assert_eq!(rejected(&answer).kind(), CommandErrorCode::InvalidToken);
    }
    let answer = world.anonymously(reset(&of_reset, NEXT)).await.unwrap();
    assert_eq!(rejected(&answer).kind(), CommandErrorCode::InvalidToken);
}

#[tokio::test]
async fn a_token_is_good_for_what_it_was_sent_for_only() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let ada = world.sign_up("Ada").await;
    world.anonymously(forgotten(&ada.email)).await.unwrap();
    mailbox.fill(&world).await;
    let (of_verify, of_reset) = (mailbox.token(&ada.email, VERIFY), mailbox.token(&ada.email, RESET));
    let crossed = world.anonymously(reset(&of_verify, NEXT)).await.unwrap();
    assert_eq!(rejected(&crossed).kind(), CommandErrorCode::InvalidToken);
    let crossed = world.anonymously(verify(&of_reset)).await.unwrap();
    assert_eq!(rejected(&crossed).kind(), CommandErrorCode::InvalidToken);
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_once_and_all_sign_ins_end() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let ada = world.sign_up("Ada").await;
    let asked = world.anonymously(forgotten(&ada.email.to_uppercase())).await.unwrap();
    world.changed_nothing(&asked).await;
    mailbox.fill(&world).await;
    let token = mailbox.token(&ada.email, RESET);
    let answer = world.anonymously(reset(&token, NEXT)).await.unwrap();
    assert_eq!(accepted(&answer).user, ada.id);
    let events = world.events(answer.receipt().command_id).await;
    let [Event::PasswordChanged(_), Event::AllSessionsEnded(ended)] =
        events.iter().map(|recorded| &recorded.event).collect::<Vec<_>>()[..]
    else {
        panic!("{events:?}")
    };
    assert!(ada.viewer.person().unwrap().issued_at <= ended.issued_until);
    assert!(!can_act(&world, &ada).await);
    assert!(!signs_in(&world, &ada, PASSWORD).await && signs_in(&world, &ada, NEXT).await);
    let again = world.anonymously(reset(&token, "yet another one")).await.unwrap();
    assert_eq!(rejected(&again).kind(), CommandErrorCode::InvalidToken);
    mailbox.fill(&world).await;
    assert_eq!(mailbox.mails(&ada.email, WAS_SET).len(), 1);
}

#[tokio::test]
async fn who_guessed_too_often_signs_in_at_once_with_a_password_that_they_set_by_mail() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let ada = world.sign_up("Ada").await;
    for guess in 1..=5 {
        assert!(!signs_in(&world, &ada, &format!("guess number {guess}")).await);
    }
    let stopped = world.anonymously(sign_in(&ada, PASSWORD)).await.unwrap_err();
    assert_eq!(stopped.code(), FailureCode::RateLimited);
    world.anonymously(forgotten(&ada.email)).await.unwrap();
    mailbox.fill(&world).await;
    let refused = world.anonymously(reset(&"A".repeat(43), NEXT)).await.unwrap();
    assert_eq!(rejected(&refused).kind(), CommandErrorCode::InvalidToken);
    assert!(world.anonymously(sign_in(&ada, PASSWORD)).await.is_err(), "only whoever has the mail");
    accepted(&world.anonymously(reset(&mailbox.token(&ada.email, RESET), NEXT)).await.unwrap());
    assert!(signs_in(&world, &ada, NEXT).await);
}

#[tokio::test]
async fn of_eight_uses_of_one_token_at_once_one_counts() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let ada = world.sign_up("Ada").await;
    world.anonymously(forgotten(&ada.email)).await.unwrap();
    mailbox.fill(&world).await;
    let token = mailbox.token(&ada.email, RESET);
    let all = (0..8).map(|n| world.anonymously(reset(&token, &format!("{NEXT} {n}"))));
    let answers = futures_util::future::join_all(all).await;
    let accepted = answers.into_iter().map(Result::unwrap).filter(|answer| answer.receipt().accepted).count();
    assert_eq!(accepted, 1);
}

#[tokio::test]
async fn a_repeated_reset_is_answered_as_the_first_one_and_only_with_the_same_password() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let ada = world.sign_up("Ada").await;
    world.anonymously(forgotten(&ada.email)).await.unwrap();
    mailbox.fill(&world).await;
    let token = mailbox.token(&ada.email, RESET);
    let keyed = |new: &str| ResetPassword { idempotency_key: Some("k".into()), ..reset(&token, new) };
    assert!(!world.anonymously(keyed(NEXT)).await.unwrap().receipt().replayed);
    assert!(world.anonymously(keyed(NEXT)).await.unwrap().receipt().replayed);
    let other = world.anonymously(keyed("of somebody else")).await.unwrap();
    assert_eq!(rejected(&other).kind(), CommandErrorCode::IdempotencyKeyReused);
}

/// What an answer tells, but for what is new in each.
fn told<O>(answer: &millrace_command::Answer<O>) -> (bool, Option<String>, Option<u32>, usize, bool) {
    let receipt = answer.receipt();
    let id = receipt.aggregate_id.as_ref().map(|id| id.to_string());
    (receipt.accepted, id, receipt.version, answer.errors().len(), receipt.consistency_token.is_some())
}

#[tokio::test]
async fn asking_for_a_reset_tells_nothing_and_does_the_same_for_every_address() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let ada = world.sign_up("Ada").await;
    mailbox.fill(&world).await;
    let known = world.anonymously(forgotten(&ada.email)).await.unwrap();
    let unknown = world.anonymously(forgotten("nobody@example.org")).await.unwrap();
    assert_eq!(told(&known), told(&unknown));
    let rows = "mails WHERE kind = 'reset_password' AND user_id IS NULL AND attempts = 0";
    assert_eq!(world.count(rows).await, 2, "the same is written for both");
    let mailed = mailbox.fill(&world).await;
    assert_eq!((mailed.sent, mailed.dropped), (1, 1));
    assert!(mailbox.mails("nobody@example.org", RESET).is_empty());
    assert_eq!(world.envelopes().await.len(), 1, "and nothing of it is in the log");
}

#[tokio::test]
async fn who_asks_for_many_resets_is_refused_and_the_owner_of_the_account_is_not() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let ada = world.sign_up("Ada").await;
    let from = |last: u8| Request {
        client_address: Some(IpAddr::from(Ipv4Addr::new(127, 0, 0, last))),
        ..Request::new(Viewer::Anonymous)
    };
    let mut taken = 0;
    for stranger in 1..=4 {
        for _ in 0..6 {
            match world.commands.execute(from(stranger), forgotten(&ada.email)).await {
                Ok(_) => taken += 1,
                Err(failure) => {
                    let limit = failure.report().limit.clone();
                    assert_eq!((failure.code(), limit.as_deref()), (FailureCode::RateLimited, Some("password resets")));
                }
            }
        }
    }
    assert_eq!(taken, 20, "five from each address");
    let first = world.commands.execute(from(9), forgotten("nobody@example.org")).await.unwrap();
    let owners = world.commands.execute(from(9), forgotten(&ada.email)).await.unwrap();
    assert_eq!(told(&owners), told(&first), "the owner is answered as ever");
    mailbox.fill(&world).await;
    assert_eq!(mailbox.mails(&ada.email, RESET).len(), 10, "and has mails enough");
    accepted(&world.anonymously(reset(&mailbox.token(&ada.email, RESET), NEXT)).await.unwrap());
    assert!(signs_in(&world, &ada, NEXT).await, "whoever asks for resets does not lock the owner out");
}

fn deactivate(password: &str) -> DeactivateAccount {
    DeactivateAccount { password: SecretText(password.into()), expected_version: None, idempotency_key: None }
}

fn reactivate(person: &Person, password: &str) -> SignIn {
    SignIn { reactivate: true, ..sign_in(person, password) }
}

#[tokio::test]
async fn a_deactivated_account_is_signed_in_to_only_to_have_it_back() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let wrong = rejected(&world.by(&ada, deactivate("not the password")).await);
    assert!(matches!(wrong, CommandError::InvalidCredentials(error) if error.path == ["password"]));
    let answer = world.by(&ada, deactivate(PASSWORD)).await;
    let events = world.events(answer.receipt().command_id).await;
    let events: Vec<_> = events.iter().map(|recorded| &recorded.event).collect();
    assert!(matches!(events[..], [Event::AccountDeactivated(_), Event::AllSessionsEnded(_)]), "{events:?}");
    assert!(!can_act(&world, &ada).await);

    let refused = world.anonymously(sign_in(&ada, PASSWORD)).await.unwrap();
    assert_eq!(rejected(&refused).kind(), CommandErrorCode::AccountDeactivated);
    for guess in [sign_in(&ada, "not the password"), reactivate(&ada, "not the password")] {
        let refused = world.anonymously(guess).await.unwrap();
        assert_eq!(rejected(&refused).kind(), CommandErrorCode::InvalidCredentials, "a guesser is told nothing");
    }
    let back = world.anonymously(reactivate(&ada, PASSWORD)).await.unwrap();
    assert!(matches!(world.event(&back).await.event, Event::AccountReactivated(of) if of.user_id == ada.id));
    assert_eq!((accepted(&back).user, back.receipt().version), (ada.id, Some(4)));
    assert!(signs_in(&world, &ada, PASSWORD).await);
    world.changed_nothing(&world.anonymously(reactivate(&ada, PASSWORD)).await.unwrap()).await;
}

#[tokio::test]
async fn deactivating_again_with_a_token_whose_sign_in_ended_gets_the_first_answer_or_none() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let once = DeactivateAccount { idempotency_key: Some("once".into()), ..deactivate(PASSWORD) };
    let first = world.by(&ada, once.clone()).await;
    let again = world.by(&ada, once).await;
    assert!(again.receipt().replayed && accepted(&again) == accepted(&first));
    accepted(&world.anonymously(reactivate(&ada, PASSWORD)).await.unwrap());
    let refused = world.try_by(&ada, deactivate(PASSWORD)).await.unwrap_err();
    assert_eq!(refused.code(), FailureCode::Unauthenticated, "the token is of no use for anything new");
    assert!(signs_in(&world, &ada, PASSWORD).await);
}

#[tokio::test]
async fn a_deactivated_account_comes_back_after_a_reset_too() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let ada = world.sign_up("Ada").await;
    world.by(&ada, deactivate(PASSWORD)).await;
    world.anonymously(forgotten(&ada.email)).await.unwrap();
    mailbox.fill(&world).await;
    accepted(&world.anonymously(reset(&mailbox.token(&ada.email, RESET), NEXT)).await.unwrap());
    let refused = world.anonymously(sign_in(&ada, NEXT)).await.unwrap();
    assert_eq!(rejected(&refused).kind(), CommandErrorCode::AccountDeactivated, "a reset alone brings nothing back");
    accepted(&world.anonymously(reactivate(&ada, NEXT)).await.unwrap());
}

#[tokio::test]
async fn of_five_who_have_an_account_back_at_once_one_changes_it() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    world.by(&ada, deactivate(PASSWORD)).await;
    // No more at once than may be wrong.
    let all = (0..5).map(|_| world.anonymously(reactivate(&ada, PASSWORD)));
    let answers = futures_util::future::join_all(all).await;
    assert!(answers.iter().all(|answer| answer.as_ref().unwrap().receipt().accepted));
    let back = world.envelopes().await.into_iter().filter(|envelope| envelope.name == "user.reactivated").count();
    assert_eq!(back, 1);
}

#[tokio::test]
async fn a_deactivated_person_cannot_be_followed_but_left() {
    let world = World::new().await;
    let (ada, bob, eve) = (world.sign_up("Ada").await, world.sign_up("Bob").await, world.sign_up("Eve").await);
    let follow = FollowUser { user_id: ada.id, idempotency_key: None };
    accepted(&world.by(&bob, follow.clone()).await);
    world.by(&ada, deactivate(PASSWORD)).await;
    assert_eq!(rejected(&world.by(&eve, follow).await).kind(), CommandErrorCode::NotFound);
    accepted(&world.by(&bob, UnfollowUser { user_id: ada.id, idempotency_key: None }).await);
}

/// A command as of a version.
macro_rules! as_of {
    ($command:expr, $version:expr) => {{
        let mut command = $command;
        command.expected_version = Some($version);
        command
    }};
}

#[tokio::test]
async fn what_changes_an_account_minds_the_expected_version() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let stale = |refused: CommandError| match refused {
        CommandError::VersionConflict(conflict) => (conflict.expected, conflict.actual),
        other => panic!("{other:?}"),
    };
    assert_eq!(stale(rejected(&world.by(&ada, as_of!(change_email("a@b.example"), 2)).await)), (2, 1));
    assert_eq!(stale(rejected(&world.by(&ada, as_of!(change_password(PASSWORD, NEXT), 2)).await)), (2, 1));
    assert_eq!(stale(rejected(&world.by(&ada, as_of!(deactivate(PASSWORD), 2)).await)), (2, 1));
    assert_eq!(world.envelopes().await.len(), 1, "nothing but the sign-up");
    accepted(&world.by(&ada, as_of!(change_email("a@b.example"), 1)).await);
    accepted(&world.by(&ada, as_of!(change_password(PASSWORD, NEXT), 2)).await);
    accepted(&world.by(&ada, as_of!(deactivate(NEXT), 4)).await);
}
