//! Waking up when the log grows.

use std::time::{Duration, Instant};

use crate::events::{commit, new_post};
use crate::setup::{Database, PATIENCE};

const LISTENERS: &str = "SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE 'LISTEN%' AND state = 'idle'";

#[tokio::test]
async fn a_reader_wakes_when_another_process_sequences_and_else_after_the_longest_wait() {
    let (database, log) = Database::with_log().await;
    let wakeups = log.listen();
    // One wake-up for whatever came before it listened.
    let begun = Instant::now();
    wakeups.wait(PATIENCE).await;
    assert!(begun.elapsed() < PATIENCE);

    let (begun, quiet) = (Instant::now(), Duration::from_millis(120));
    wakeups.wait(quiet).await;
    assert!(begun.elapsed() >= quiet, "woken for nothing");

    let other = database.log().await;
    for _ in 0..3 {
        commit(&other, &[new_post()]).await;
        let (begun, ()) = (Instant::now(), wakeups_after(&other, &wakeups).await);
        assert!(begun.elapsed() < PATIENCE, "not woken");
    }
    // A call that moves nothing wakes nobody.
    other.sequence().await.unwrap();
    let begun = Instant::now();
    wakeups.wait(quiet).await;
    assert!(begun.elapsed() >= quiet, "woken for nothing");
}

async fn wakeups_after(other: &millrace_log::Log, wakeups: &millrace_log::Wakeups) {
    other.sequence().await.unwrap();
    wakeups.wait(PATIENCE).await;
}

#[tokio::test]
async fn a_lost_connection_counts_as_growth_and_is_made_again() {
    let (database, log) = Database::with_log().await;
    let wakeups = log.listen();
    wakeups.wait(PATIENCE).await;
    for _ in 0..3 {
        database.until(LISTENERS).await;
        database
            .execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND query LIKE 'LISTEN%'",
            )
            .await;
        let begun = Instant::now();
        wakeups.wait(PATIENCE).await;
        assert!(begun.elapsed() < PATIENCE, "what was missed meanwhile is not told");

        database.until(LISTENERS).await;
        commit(&log, &[new_post()]).await;
        let begun = Instant::now();
        wakeups_after(&log, &wakeups).await;
        assert!(begun.elapsed() < PATIENCE, "does not listen again");
    }
    drop(wakeups);
    database.until("SELECT (NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'))::int::bigint").await;
}
