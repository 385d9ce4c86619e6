//! The same key: one effect, the same answer.

use crate::world::{PASSWORD, World, accepted, create_post, rejected, settings, sign_up};
use millrace_command::{
    AddComment, Answer, CommandError, CommandErrorCode, CommandReceipt, CreatePost, LikePost, PublishPost, SecretText,
    Settings, SignUp,
};
use millrace_events::PostId;
use std::time::Duration;

fn keyed(key: &str) -> CreatePost {
    CreatePost { idempotency_key: Some(key.into()), ..create_post(true) }
}

/// The receipt of a repetition: the first one's, but for what says that it is one.
fn as_first(receipt: &CommandReceipt) -> CommandReceipt {
    CommandReceipt { replayed: false, consistency_token: None, ..receipt.clone() }
}

async fn names(world: &World, name: &str) -> usize {
    world.envelopes().await.into_iter().filter(|envelope| envelope.name == name).count()
}

#[tokio::test]
async fn a_repeated_command_takes_effect_once_and_gets_the_same_answer() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let first = world.by(&ada, keyed("k")).await;
    let second = world.by(&ada, keyed("k")).await;
    assert!(!first.receipt().replayed && second.receipt().replayed);
    assert_eq!(accepted(&first), accepted(&second));
    assert_eq!(as_first(first.receipt()), as_first(second.receipt()));
    assert!(second.receipt().consistency_token.is_some());
    assert_eq!((names(&world, "post.created").await, world.count("posts").await), (1, 1));
}

#[tokio::test]
async fn eight_at_the_same_moment_take_effect_once() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    for key in ["a", "b", "c", "d"] {
        let answers = futures_util::future::join_all((0..8).map(|_| world.by(&ada, keyed(key)))).await;
        let first = answers.iter().find(|answer| !answer.receipt().replayed).unwrap();
        assert_eq!(answers.iter().filter(|answer| answer.receipt().replayed).count(), 7);
        for answer in &answers {
            assert_eq!(accepted(answer), accepted(first));
            assert_eq!(as_first(answer.receipt()), as_first(first.receipt()));
        }
    }
    assert_eq!(names(&world, "post.created").await, 4);
}

#[tokio::test]
async fn another_input_with_the_same_key_is_an_error() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    world.by(&ada, keyed("k")).await;
    let other = CreatePost { title: "On looms".into(), ..keyed("k") };
    assert_eq!(rejected(&world.by(&ada, other).await).kind(), CommandErrorCode::IdempotencyKeyReused);
    assert_eq!(world.count("posts").await, 1);
}

#[tokio::test]
async fn a_key_belongs_to_one_person_and_one_command() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("Ada").await, world.sign_up("Bob").await);
    let post_id = accepted(&world.by(&ada, keyed("k")).await).post;
    assert_ne!(accepted(&world.by(&bob, keyed("k")).await).post, post_id);
    let like = LikePost { post_id, idempotency_key: Some("k".into()) };
    assert!(!world.by(&ada, like.clone()).await.receipt().replayed);
    assert!(world.by(&ada, like).await.receipt().replayed);
}

#[tokio::test]
async fn a_rejected_command_leaves_its_key_free() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("Ada").await, world.sign_up("Bob").await);
    let post_id = world.post(&ada, false).await;
    let comment = AddComment { post_id, text: "First!".into(), idempotency_key: Some("k".into()) };
    assert_eq!(rejected(&world.by(&bob, comment.clone()).await).kind(), CommandErrorCode::NotFound);
    assert_eq!(world.count("idempotency_keys").await, 0);
    world.by(&ada, PublishPost { post_id, expected_version: None, idempotency_key: None }).await;
    assert!(!world.by(&bob, comment).await.receipt().replayed);
}

#[tokio::test]
async fn an_accepted_command_that_changed_nothing_keeps_its_key() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let post_id = world.post(&ada, true).await;
    world.by(&ada, LikePost { post_id, idempotency_key: None }).await;
    let again = LikePost { post_id, idempotency_key: Some("k".into()) };
    assert!(!world.by(&ada, again.clone()).await.receipt().replayed);
    assert!(world.by(&ada, again).await.receipt().replayed);
}

#[tokio::test]
async fn after_a_day_a_key_is_free_again_also_before_it_is_swept() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let first = accepted(&world.by(&ada, keyed("k")).await).post;
    world.sql("UPDATE idempotency_keys SET claimed_at = claimed_at - interval '23 hours 59 minutes'").await;
    assert_eq!(accepted(&world.by(&ada, keyed("k")).await).post, first);
    world.sql("UPDATE idempotency_keys SET claimed_at = claimed_at - interval '1 minute'").await;
    let other = CreatePost { title: "On looms".into(), ..keyed("k") };
    let second = world.by(&ada, other.clone()).await;
    assert_ne!(accepted(&second).post, first);
    assert_eq!(accepted(&world.by(&ada, other).await), accepted(&second));
}

#[tokio::test]
async fn old_keys_are_swept_and_young_ones_kept() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    for key in ["a", "b", "c"] {
        world.by(&ada, keyed(key)).await;
    }
    world.sql("UPDATE idempotency_keys SET claimed_at = claimed_at - interval '24 hours'").await;
    world.by(&ada, keyed("young")).await;
    assert_eq!(world.commands.sweep().await.unwrap().idempotency_keys, 3);
    assert_eq!(world.count("idempotency_keys").await, 1);
}

/// More are written under load than one deletion takes.
#[tokio::test]
async fn what_is_too_much_for_one_sweep_is_left_for_the_next_ones() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    for key in 0..10 {
        world.by(&ada, keyed(&key.to_string())).await;
    }
    world.sql("UPDATE idempotency_keys SET claimed_at = claimed_at - interval '25 hours'").await;
    let few = Settings { sweep_rows_max: 2, ..settings() };
    let commands = world.commands_with(world.postgres(), few, world.auth()).await;
    let late = commands.sweep_late().await.unwrap();
    assert!(late > Duration::from_secs(3_500) && late < Duration::from_secs(3_700), "{late:?}");
    for _ in 0..5 {
        let swept = commands.sweep().await.unwrap();
        assert_eq!((swept.idempotency_keys, swept.hit_limit()), (2, true));
    }
    let last = commands.sweep().await.unwrap();
    assert_eq!((last.idempotency_keys, last.hit_limit()), (0, false));
    assert_eq!(commands.sweep_late().await.unwrap(), Duration::ZERO);
}

#[tokio::test]
async fn a_key_has_1_to_64_bytes() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    accepted(&world.by(&ada, keyed(&"k".repeat(64))).await);
    for key in [String::new(), "k".repeat(65), "ä".repeat(33), "k".repeat(1_000_000)] {
        let error = rejected(&world.by(&ada, keyed(&key)).await);
        assert!(matches!(error, CommandError::ValidationError(error) if error.path == ["idempotencyKey"]));
    }
}

fn keyed_sign_up(password: &str) -> SignUp {
    let password = SecretText(password.into());
    SignUp { idempotency_key: Some("k".into()), password, ..sign_up("Ada", "ada@example.org") }
}

#[tokio::test]
async fn a_repeated_sign_up_gives_the_same_account_and_a_session_of_its_own() {
    let world = World::new().await;
    let all = futures_util::future::join_all((0..8).map(|_| world.anonymously(keyed_sign_up(PASSWORD)))).await;
    let answers: Vec<Answer<_>> = all.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|answer| !answer.receipt().replayed).count(), 1);
    for answer in &answers {
        assert_eq!(accepted(answer), accepted(&answers[0]));
        assert!(world.viewer(answer.session().unwrap()).is(accepted(answer).user));
    }
    assert_eq!((names(&world, "user.created").await, world.count("sessions").await), (1, 8));
}

#[tokio::test]
async fn a_repeated_sign_up_with_another_password_gives_nothing() {
    let world = World::new().await;
    world.anonymously(keyed_sign_up(PASSWORD)).await.unwrap();
    let guessed = world.anonymously(keyed_sign_up("battery staple")).await.unwrap();
    assert_eq!(rejected(&guessed).kind(), CommandErrorCode::IdempotencyKeyReused);
    assert!(guessed.session().is_none() && world.count("sessions").await == 1);
    let kept = world.count("idempotency_keys WHERE answer::text ~* 'token\":\\s*\"|password|refresh'").await;
    assert_eq!(kept, 0, "a credential is kept as an outcome");
}

#[tokio::test]
async fn another_processs_repetition_is_known_too() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let first = world.by(&ada, keyed("k")).await;
    let settings = crate::world::settings();
    let postgres = world.postgres();
    let other = world.commands_with(postgres, settings, world.auth()).await;
    let request = millrace_command::Request::new(ada.viewer.clone());
    let second = other.execute(request, keyed("k")).await.unwrap();
    assert_eq!((accepted(&second), second.receipt().replayed), (accepted(&first), true));
    assert_ne!(accepted(&second).post, PostId::generate());
}
