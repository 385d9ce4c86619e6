//! Passwords under pressure: hashing is bounded, guessing too.

use crate::world::{CHEAP, PASSWORD, World, accepted, rejected, settings, sign_up};
use futures_util::future::{join, join_all};
use millrace_command::auth::{AttemptLimits, Attempts, PasswordCost, PasswordLimits, Passwords};
use millrace_command::{
    Auth, CommandErrorCode, Commands, FailureCode, Request, ResetPassword, SecretText, SignIn, SignUp,
};
use millrace_events::Viewer;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

fn sign_in(email: &str, password: &str) -> SignIn {
    SignIn { email: email.into(), password: SecretText(password.into()), reactivate: false }
}

fn from(last: u8) -> Request {
    let client_address = Some(IpAddr::from(Ipv4Addr::new(127, 0, 0, last)));
    Request { client_address, ..Request::new(Viewer::Anonymous) }
}

async fn commands_that_hash(world: &World, cost: PasswordCost, limits: PasswordLimits) -> Commands {
    let passwords = Passwords::new(cost, limits).unwrap();
    let auth = Auth { passwords, ..world.auth() };
    world.commands_with(world.postgres(), settings(), auth).await
}

#[tokio::test]
async fn five_hundred_sign_ins_at_once_hash_a_few_and_turn_the_rest_away() {
    let world = World::new().await;
    let limits = PasswordLimits { at_once_max: 1, waiting_max: 3, wait_max: Duration::from_secs(30) };
    let commands = commands_that_hash(&world, SLOW, limits).await;
    let tries = (0..500).map(|n| commands.execute(from(1), sign_in(&format!("nobody{n}@example.org"), PASSWORD)));
    let answers = join_all(tries).await;
    let turned_away = answers.iter().filter_map(|answer| answer.as_ref().err()).map(|failure| failure.code());
    let turned_away: Vec<_> = turned_away.collect();
    assert!(turned_away.len() >= 400, "{}", turned_away.len());
    assert!(turned_away.iter().all(|code| *code == FailureCode::RateLimited));
    let hashed = answers.iter().filter_map(|answer| answer.as_ref().ok());
    assert!(hashed.map(rejected).all(|error| error.kind() == CommandErrorCode::InvalidCredentials));
}

#[tokio::test]
async fn who_waits_too_long_for_a_hash_is_told_to_come_back() {
    let world = World::new().await;
    let slow = PasswordCost { memory_kib: 64 * 1_024, passes: 16, lanes: 1 };
    let limits = PasswordLimits { at_once_max: 1, waiting_max: 9, wait_max: Duration::from_millis(1) };
    let commands = commands_that_hash(&world, slow, limits).await;
    let tries = (0..4).map(|n| commands.execute(from(1), sign_in(&format!("nobody{n}@example.org"), PASSWORD)));
    let answers = join_all(tries).await;
    let waited: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
    assert_eq!(waited.len(), 3);
    assert!(waited.iter().all(|failure| failure.code() == FailureCode::RateLimited && failure.is_retryable()));
    assert!(waited.iter().all(|failure| failure.report().retry_after_s == Some(1)));
}

#[tokio::test]
async fn a_password_of_a_megabyte_is_not_hashed() {
    let world = World::new().await;
    // There is no place for any hash: whoever needs one is turned away, so who is answered had none.
    let limits = PasswordLimits { at_once_max: 0, waiting_max: 0, wait_max: Duration::from_millis(1_500) };
    let commands = commands_that_hash(&world, CHEAP, limits).await;
    let new = |password: &str| SignUp { password: SecretText(password.into()), ..sign_up("Ada", "ada@example.org") };
    for bytes in [129, 1 << 20] {
        let long = "x".repeat(bytes);
        let answer = commands.execute(from(1), sign_in("ada@example.org", &long)).await.unwrap();
        assert_eq!(rejected(&answer).kind(), CommandErrorCode::InvalidCredentials, "{bytes}");
        let answer = commands.execute(from(1), new(&long)).await.unwrap();
        assert_eq!(rejected(&answer).kind(), CommandErrorCode::ValidationError, "{bytes}");
    }
    let longest = "x".repeat(128);
    let signing_in = commands.execute(from(1), sign_in("ada@example.org", &longest)).await.unwrap_err();
    let signing_up = commands.execute(from(1), new(&longest)).await.unwrap_err();
    for stopped in [signing_in, signing_up] {
        let limit = stopped.report().limit.as_deref();
        assert_eq!((stopped.code(), limit), (FailureCode::RateLimited, Some("passwords at once")));
        assert_eq!(stopped.report().retry_after_s, Some(2), "as long as one may wait for a turn, in whole seconds");
    }
}

#[tokio::test]
async fn guessing_is_stopped_for_the_guesser_and_not_for_the_owner() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    for _ in 0..5 {
        let answer = world.commands.execute(from(1), sign_in(&ada.email, "not the password")).await.unwrap();
        assert_eq!(rejected(&answer).kind(), CommandErrorCode::InvalidCredentials);
    }
    let stopped = world.commands.execute(from(1), sign_in(&ada.email, PASSWORD)).await.unwrap_err();
    assert_eq!(
        (stopped.code(), stopped.report().limit.as_deref()),
        (FailureCode::RateLimited, Some("failed sign-ins"))
    );
    assert!(stopped.report().retry_after_s.is_some_and(|seconds| (1..=15 * 60).contains(&seconds)));
    let owner = world.commands.execute(from(2), sign_in(&ada.email, PASSWORD)).await.unwrap();
    assert!(owner.receipt().accepted);
}

/// A hash that takes long enough for requests to meet.
const SLOW: PasswordCost = PasswordCost { memory_kib: 16 * 1_024, passes: 16, lanes: 1 };

#[tokio::test]
async fn a_reset_with_a_token_that_was_never_mailed_hashes_nothing() {
    let world = World::new().await;
    let limits = PasswordLimits { at_once_max: 1, waiting_max: 1, wait_max: Duration::from_secs(30) };
    let commands = commands_that_hash(&world, SLOW, limits).await;
    let reset = |n: usize| ResetPassword {
        token: SecretText(format!("{n:A<43}")),
        new_password: SecretText(PASSWORD.into()),
        idempotency_key: None,
    };
    let answers = join_all((0..50).map(|n| commands.execute(from(1), reset(n)))).await;
    for answer in answers {
        assert_eq!(rejected(&answer.unwrap()).kind(), CommandErrorCode::InvalidToken);
    }
}

#[tokio::test]
async fn however_many_accounts_are_opened_at_once_there_is_room_for_a_sign_in() {
    let world = World::new().await;
    let limits = PasswordLimits { at_once_max: 1, waiting_max: 5, wait_max: Duration::from_secs(30) };
    let commands = commands_that_hash(&world, SLOW, limits).await;
    let ada = sign_up("Ada", "ada@example.org");
    accepted(&commands.execute(from(1), ada).await.unwrap());
    let opened = join_all((0..50).map(|n| commands.execute(from(2), sign_up("Eve", &format!("eve{n}@example.org")))));
    let (opened, owner) = join(opened, commands.execute(from(1), sign_in("ada@example.org", PASSWORD))).await;
    assert!(owner.unwrap().receipt().accepted);
    let turned_away = opened.iter().filter_map(|answer| answer.as_ref().err());
    assert!(turned_away.clone().count() >= 40);
    assert!(turned_away.into_iter().all(|failure| failure.code() == FailureCode::RateLimited));
}

#[tokio::test]
async fn who_opens_very_many_accounts_waits_and_nobody_else_does() {
    let world = World::new().await;
    let few = Attempts::new(AttemptLimits { per_address_max: 3, ..AttemptLimits::of_new_passwords() });
    let auth = Auth { new_passwords: few, ..world.auth() };
    let commands = world.commands_with(world.postgres(), settings(), auth).await;
    for n in 0..3 {
        accepted(&commands.execute(from(1), sign_up("Eve", &format!("eve{n}@example.org"))).await.unwrap());
    }
    let stopped = commands.execute(from(1), sign_up("Eve", "eve3@example.org")).await.unwrap_err();
    assert_eq!((stopped.code(), stopped.report().limit.as_deref()), (FailureCode::RateLimited, Some("new passwords")));
    assert!(stopped.report().retry_after_s.is_some_and(|seconds| (1..=15 * 60).contains(&seconds)));
    accepted(&commands.execute(from(2), sign_up("Ada", "ada@example.org")).await.unwrap());
    accepted(&commands.execute(from(1), sign_in("eve0@example.org", PASSWORD)).await.unwrap());
}
