//! A sequencing call whose connection is killed at a chosen moment.

use millrace_events::Position;

use crate::events::{commit, new_post};
use crate::setup::Database;

/// The process of a sequencing call that waits for a lock; 0 if there is none.
const WAITING: &str = "SELECT coalesce(max(pid), 0)::bigint FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE '%FROM sequence_outbox%' AND wait_event_type = 'Lock'
        AND pid <> pg_backend_pid()";

/// Lets a call run into what another transaction holds, kills it there, and looks at what is left.
async fn killed_where_it_meets(held: &'static str) {
    let (database, log) = Database::with_log().await;
    for _ in 0..3 {
        commit(&log, &[new_post(), new_post()]).await;
    }
    let mut other = database.plain.begin().await.unwrap();
    sqlx::raw_sql(held).execute(&mut *other).await.unwrap();

    let caller = log.clone();
    let call = tokio::spawn(async move { caller.sequence().await });
    let pid = database.until(WAITING).await;
    assert!(database.number("SELECT count(*) FROM log WHERE position <= 6").await == 0);
    sqlx::query("SELECT pg_terminate_backend($1::int)").bind(pid).execute(&database.plain).await.unwrap();
    let error = call.await.unwrap().unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
    other.rollback().await.unwrap();

    assert_eq!(database.number("SELECT count(*) FROM outbox").await, 6);
    assert_eq!(log.head().await.unwrap().position, Position::START);
    assert_eq!(log.sequence().await.unwrap().position, Position(6));
    assert_eq!(log.read(Position::START, 10).await.unwrap().len(), 6);
    assert_eq!(database.number("SELECT count(*) FROM outbox").await, 0);
}

#[tokio::test]
async fn a_call_that_is_killed_while_it_waits_for_the_head_has_done_nothing() {
    killed_where_it_meets("SELECT FROM log_head FOR UPDATE").await;
}

#[tokio::test]
async fn a_call_that_is_killed_in_the_middle_of_moving_has_moved_nothing() {
    // The call has deleted from the outbox and inserted up to here: it waits whether position 4 will be taken.
    killed_where_it_meets(
        "INSERT INTO log SELECT 4, gen_random_uuid(), gen_random_uuid(), 0, 1, 'post', gen_random_uuid(), 1, 'x', 1,
            NULL, now(), NULL, '{}'",
    )
    .await;
}

/// More is there than one call moves: the answered head is above everything that was there.
#[tokio::test]
async fn a_backlog_is_moved_as_a_whole_in_calls_that_end_with_a_command() {
    const COMMANDS: usize = 9;
    const EVENTS: usize = 300;
    let (database, log) = Database::with_log().await;
    for _ in 0..COMMANDS {
        let posts: Vec<_> = (0..EVENTS).map(|_| new_post()).collect();
        commit(&log, &posts).await;
    }
    let other = database.log().await;
    let (mine, theirs) = tokio::join!(log.sequence(), other.sequence());
    let all = Position((COMMANDS * EVENTS) as u64);
    assert_eq!((mine.unwrap().position, theirs.unwrap().position), (all, all));

    // The boundaries of the calls: each ended a command, for one that was cut would have left rows of it.
    let one = "SELECT more_left::int::bigint FROM sequence_outbox(1)";
    for _ in 0..2 {
        commit(&log, &[new_post(), new_post(), new_post()]).await;
    }
    assert_eq!(database.number(one).await, 1);
    assert_eq!(log.head().await.unwrap().position, Position(all.0 + 3));
    assert_eq!(database.number(one).await, 1);
    assert_eq!(database.number(one).await, 0);
    assert_eq!(log.head().await.unwrap().position, Position(all.0 + 6));
}
