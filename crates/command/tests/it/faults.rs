//! What breaks around a command, and what it does about it.

use crate::mailbox::Mailbox;
use crate::proxy::Proxy;
use crate::stranger::{Stranger, waiting};
use crate::world::{PATIENCE, Person, World, accepted, create_post, patient, settings};
use millrace_command::{
    AddComment, Answer, Command, CommandFailure, Commands, CreatePost, DeletePost, FailureCode, Request, SecretText,
    Settings, SignIn,
};
use millrace_events::values::Email;
use millrace_events::{PostId, Trace, Viewer};
use millrace_log::PostgresSettings;
use sea_orm::ConnectionTrait;
use std::time::Duration;

/// Longer than a transaction takes on a busy machine.
const SILENCE: Duration = Duration::from_secs(5);

fn keyed(key: &str) -> CreatePost {
    CreatePost { idempotency_key: Some(key.into()), ..create_post(true) }
}

fn comment(post_id: PostId) -> AddComment {
    AddComment { post_id, text: "First!".into(), idempotency_key: None }
}

async fn run<C: Command>(commands: &Commands, who: &Person, command: C) -> Result<Answer<C::Outcome>, CommandFailure> {
    commands.execute(Request::new(who.viewer.clone()), command).await
}

async fn through(proxy: &Proxy, world: &World) -> Commands {
    let settings = Settings { outcome_wait_max: PATIENCE, ..settings() };
    world.commands_with(patient(&proxy.url), settings, world.auth()).await
}

/// The same without much patience: for what does not come back.
async fn hastily_through(proxy: &Proxy, world: &World) -> Commands {
    let postgres = PostgresSettings { acquire_timeout: Duration::from_secs(3), ..patient(&proxy.url) };
    let settings = Settings { outcome_wait_max: Duration::from_secs(1), ..settings() };
    world.commands_with(postgres, settings, world.auth()).await
}

#[tokio::test]
async fn a_commit_that_did_not_arrive_is_tried_again() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let proxy = Proxy::before(&world.url).await;
    let commands = through(&proxy, &world).await;
    proxy.lose_next_commit();
    let answer = run(&commands, &ada, create_post(true)).await.unwrap();
    assert!(proxy.has_struck());
    assert_eq!(world.event(&answer).await.aggregate.id, accepted(&answer).post.0);
    assert_eq!(world.count("posts").await, 1);
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_found_out() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let proxy = Proxy::before(&world.url).await;
    let commands = through(&proxy, &world).await;
    proxy.lose_next_answer_to_commit();
    let answer = run(&commands, &ada, keyed("k")).await.unwrap();
    assert!(proxy.has_struck() && !answer.receipt().replayed);
    assert_eq!(world.event(&answer).await.aggregate.id, accepted(&answer).post.0);
    assert_eq!(world.count("posts").await, 1);
    assert!(world.by(&ada, keyed("k")).await.receipt().replayed);
}

#[tokio::test]
async fn what_cannot_be_found_out_is_said_and_the_key_tells_it_later() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let proxy = Proxy::before(&world.url).await;
    let commands = hastily_through(&proxy, &world).await;
    proxy.lose_next_answer_to_commit_and_stay_down();
    let failure = run(&commands, &ada, keyed("k")).await.unwrap_err();
    assert_eq!((failure.code(), failure.is_retryable()), (FailureCode::Unavailable, true));
    assert!(failure.to_string().contains("same idempotency key"), "{failure}");
    let again = world.by(&ada, keyed("k")).await;
    assert!(again.receipt().replayed);
    assert_eq!(world.count("posts").await, 1);
}

/// The same with room for one command, which waits so long for a PostgreSQL that says nothing.
async fn narrowly_through(proxy: &Proxy, world: &World) -> Commands {
    let settings = Settings { transaction_wait_max: SILENCE, commands_max: 1, ..settings() };
    world.commands_with(patient(&proxy.url), settings, world.auth()).await
}

#[tokio::test]
async fn a_postgresql_that_is_gone_without_a_word_keeps_no_place() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let post_id = world.post(&ada, true).await;
    let proxy = Proxy::before(&world.url).await;
    let commands = narrowly_through(&proxy, &world).await;
    let stranger = Stranger::holding(&world, "SELECT FROM posts FOR UPDATE").await;
    let goes_silent = async {
        waiting(&world, 1).await;
        proxy.go_silent();
    };
    let (failed, ()) = futures_util::future::join(run(&commands, &ada, comment(post_id)), goes_silent).await;
    let failure = failed.unwrap_err();
    assert_eq!((failure.code(), failure.is_retryable()), (FailureCode::Unavailable, true));
    let cause = std::error::Error::source(&failure).unwrap().to_string();
    assert!(cause.contains("did not answer in"), "{cause}");
    accepted(&run(&commands, &ada, create_post(true)).await.unwrap());
    assert!(commands.drain(PATIENCE).await, "it still has its place");
    stranger.transaction.commit().await.unwrap();
    assert_eq!(world.count("comments").await, 0);
}

/// Why it failed, as the log tells it.
fn cause<T: std::fmt::Debug>(done: Result<T, CommandFailure>) -> String {
    std::error::Error::source(&done.unwrap_err()).unwrap().to_string()
}

/// Nobody waits for it with a clock in hand: it would never look again.
#[tokio::test]
async fn work_in_the_background_outlives_a_postgresql_that_is_gone_without_a_word() {
    const TABLES: &str = "LOCK TABLE mails, users, orders, idempotency_keys, top_ups";
    let world = World::new().await;
    let proxy = Proxy::before(&world.url).await;
    let settings = Settings { transaction_wait_max: SILENCE, ..settings() };
    let commands = world.commands_with(patient(&proxy.url), settings, world.auth()).await;
    let (email, mailbox) = (Email::parse("ada@example.org").unwrap(), Mailbox::default());
    let password = SecretText("correct horse battery".into());
    let sign_in = SignIn { email: "ada@example.org".into(), password, reactivate: false };
    let _stranger = Stranger::holding(&world, TABLES).await;
    let work = async {
        tokio::join!(
            async { cause(commands.sweep().await) },
            async { cause(commands.sweep_late().await) },
            async { cause(commands.expire_orders(None, |_| true).await) },
            async { cause(commands.send_mails(&mailbox).await) },
            async { cause(commands.mail_queue().await) },
            async { cause(commands.open_top_ups().await) },
            async { cause(commands.find_user(&email).await) },
            async { cause(commands.execute(Request::new(Viewer::Anonymous), sign_in).await) },
        )
    };
    let goes_silent = async {
        waiting(&world, 8).await;
        proxy.go_silent();
    };
    let (causes, ()) = futures_util::future::join(work, goes_silent).await;
    for cause in <[String; 8]>::from(causes) {
        assert!(cause.contains("did not answer in"), "{cause}");
    }
}

#[tokio::test]
async fn a_commit_that_is_never_answered_is_found_out_over_another_connection() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let proxy = Proxy::before(&world.url).await;
    let commands = narrowly_through(&proxy, &world).await;
    proxy.swallow_next_answer_to_commit();
    let answer = run(&commands, &ada, keyed("k")).await.unwrap();
    assert!(proxy.has_struck() && !answer.receipt().replayed);
    assert_eq!(world.event(&answer).await.aggregate.id, accepted(&answer).post.0);
    assert!(world.by(&ada, keyed("k")).await.receipt().replayed);
    assert_eq!(world.count("posts").await, 1);
}

#[tokio::test]
async fn without_postgresql_the_answer_is_unavailable_and_shows_nothing_of_it() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let proxy = Proxy::before(&world.url).await;
    let commands = hastily_through(&proxy, &world).await;
    run(&commands, &ada, create_post(true)).await.unwrap();
    proxy.go_down();
    let failure = run(&commands, &ada, create_post(true)).await.unwrap_err();
    assert_eq!((failure.code(), failure.is_retryable()), (FailureCode::Unavailable, true));
    let shown = format!("{failure} {}", serde_json::to_string(failure.report()).unwrap());
    for word in ["sqlx", "postgres", "127.0.0.1", "pool", "connection"] {
        assert!(!shown.to_lowercase().contains(word), "{shown}");
    }
    assert!(std::error::Error::source(&failure).is_some());
}

#[tokio::test]
async fn a_deadlock_is_tried_again() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("Ada").await, world.sign_up("Bob").await);
    let post_id = world.post(&ada, true).await;
    world.by(&bob, comment(post_id)).await;
    // The stranger takes the comment before the post: the other way round than commands do.
    let stranger = Stranger::holding(&world, "SET deadlock_timeout = '1min'; SELECT FROM comments FOR UPDATE").await;
    let deletion = world.by(&ada, DeletePost { post_id, expected_version: None, idempotency_key: None });
    let strange = async {
        waiting(&world, 1).await;
        stranger.transaction.execute_unprepared("SELECT FROM posts FOR UPDATE").await.unwrap();
        stranger.transaction.commit().await.unwrap();
    };
    let (answer, ()) = futures_util::future::join(deletion, strange).await;
    assert_eq!(accepted(&answer).deleted_post_id, post_id);
    assert_eq!(world.events(answer.receipt().command_id).await.len(), 1);
}

#[tokio::test]
async fn a_client_who_hangs_up_does_not_stop_the_command() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let post_id = world.post(&ada, true).await;
    let stranger = Stranger::holding(&world, "SELECT FROM posts FOR UPDATE").await;
    let hung_up = tokio::select! {
        answer = world.by(&ada, comment(post_id)) => panic!("{answer:?}"),
        () = waiting(&world, 1) => true,
    };
    assert!(hung_up && world.count("comments").await == 0);
    stranger.transaction.commit().await.unwrap();
    assert!(world.commands.drain(Duration::from_secs(30)).await);
    assert_eq!(world.count("comments").await, 1);
    let names: Vec<_> = world.envelopes().await.into_iter().map(|envelope| envelope.name).collect();
    assert_eq!(names.last().unwrap(), "comment.added");
}

#[tokio::test]
async fn cancelled_callers_leave_no_transaction_open() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    for _ in 0..40 {
        let dropped = tokio::time::timeout(Duration::from_micros(300), world.by(&ada, create_post(true))).await;
        drop(dropped);
    }
    accepted(&world.by(&ada, create_post(true)).await);
    assert!(world.commands.drain(Duration::from_secs(30)).await);
    let open = "pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    assert_eq!(world.count(open).await, 0);
    let created = world.envelopes().await.into_iter().filter(|envelope| envelope.name == "post.created").count();
    assert_eq!(i64::try_from(created).unwrap(), world.count("posts").await);
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_given_up_and_the_command_goes_on() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let post_id = world.post(&ada, true).await;
    let hasty = Settings { answer_wait_max: Duration::from_millis(100), ..settings() };
    let commands = world.commands_with(world.postgres(), hasty, world.auth()).await;
    let stranger = Stranger::holding(&world, "SELECT FROM posts FOR UPDATE").await;
    let failure = run(&commands, &ada, comment(post_id)).await.unwrap_err();
    assert_eq!((failure.code(), failure.is_retryable()), (FailureCode::Timeout, true));
    assert!(failure.to_string().contains("same idempotency key"), "{failure}");
    stranger.transaction.commit().await.unwrap();
    assert!(commands.drain(Duration::from_secs(30)).await);
    assert_eq!(world.count("comments").await, 1);
}

#[tokio::test]
async fn a_lock_that_is_held_too_long_ends_the_command() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let post_id = world.post(&ada, true).await;
    let mut postgres = world.postgres();
    postgres.statement_timeout = Duration::from_millis(200);
    let commands = world.commands_with(postgres, settings(), world.auth()).await;
    let _stranger = Stranger::holding(&world, "SELECT FROM posts FOR UPDATE").await;
    let failure = run(&commands, &ada, comment(post_id)).await.unwrap_err();
    assert_eq!(failure.code(), FailureCode::Timeout);
    assert_eq!(world.count("comments").await, 0);
}

#[tokio::test]
async fn more_commands_than_may_run_are_turned_away_at_once() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let post_id = world.post(&ada, true).await;
    let narrow = Settings { commands_max: 2, ..settings() };
    let commands = world.commands_with(world.postgres(), narrow, world.auth()).await;
    let stranger = Stranger::holding(&world, "SELECT FROM posts FOR UPDATE").await;
    let two = futures_util::future::join_all((0..2).map(|_| run(&commands, &ada, comment(post_id))));
    let third = async {
        waiting(&world, 2).await;
        let failure = run(&commands, &ada, comment(post_id)).await.unwrap_err();
        stranger.transaction.commit().await.unwrap();
        failure
    };
    let (two, failure) = futures_util::future::join(two, third).await;
    assert_eq!(failure.code(), FailureCode::RateLimited);
    assert!(two.iter().all(Result::is_ok));
}

#[tokio::test]
async fn a_full_pool_is_unavailable_after_a_bounded_wait() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let post_id = world.post(&ada, true).await;
    let mut postgres = world.postgres();
    (postgres.connections_max, postgres.acquire_timeout) = (1, Duration::from_secs(3));
    let commands = world.commands_with(postgres, settings(), world.auth()).await;
    let stranger = Stranger::holding(&world, "SELECT FROM posts FOR UPDATE").await;
    let first = run(&commands, &ada, comment(post_id));
    let second = async {
        waiting(&world, 1).await;
        let failure = run(&commands, &ada, comment(post_id)).await.unwrap_err();
        stranger.transaction.commit().await.unwrap();
        failure
    };
    let (first, failure) = futures_util::future::join(first, second).await;
    assert_eq!(failure.code(), FailureCode::Unavailable);
    accepted(&first.unwrap());
}

#[tokio::test]
async fn a_command_stays_accepted_when_sequencing_fails() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    world.sql("ALTER FUNCTION sequence_outbox RENAME TO sequence_outbox_away").await;
    let answer = world.by(&ada, create_post(true)).await;
    assert_eq!((accepted(&answer), &answer.receipt().consistency_token).1, &None);
    world.sql("ALTER FUNCTION sequence_outbox_away RENAME TO sequence_outbox").await;
    assert_eq!(world.event(&answer).await.aggregate.id, accepted(&answer).post.0);
}

#[tokio::test]
async fn what_is_drained_takes_no_commands_any_more() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    assert!(world.commands.drain(Duration::from_secs(30)).await);
    let failure = world.try_by(&ada, create_post(true)).await.unwrap_err();
    assert_eq!((failure.code(), failure.is_retryable()), (FailureCode::Unavailable, true));
}

#[tokio::test]
async fn a_trace_goes_into_the_log_and_its_state_does_not() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for state in [None, Some("a=1")] {
        let request = Request { trace: Trace::new(good, state), ..Request::new(ada.viewer.clone()) };
        let answer = world.commands.execute(request, create_post(true)).await.unwrap();
        let mut log = world.envelopes().await.into_iter();
        let envelope = log.find(|envelope| envelope.command_id == answer.receipt().command_id).unwrap();
        assert_eq!(envelope.trace.as_deref(), Some(good));
    }
}
