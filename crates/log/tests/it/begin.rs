//! A `begin()` that is cancelled must not swallow what is answered later on its connection (launchbadge/sqlx#4385).

use std::time::Duration;

use millrace_log::{Log, PostgresSettings};
use sea_orm::{ConnectionTrait, TransactionTrait};

use crate::proxy::detour;
use crate::setup::{Database, PATIENCE};

const DELAY: Duration = Duration::from_millis(5);
const CONNECTIONS: u32 = 4;
const CANCELLED: u64 = 60;
const WRITES: i64 = 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_begin_loses_no_later_write() {
    let database = Database::empty().await;
    database.execute("CREATE TABLE written (number bigint)").await;
    let url = detour(&database.url, DELAY).await;
    // A transaction that is left open must not be ended by its time instead.
    let settings = PostgresSettings {
        connections_max: CONNECTIONS,
        idle_in_transaction_timeout: PATIENCE * 2,
        ..PostgresSettings::new(url)
    };
    let log = Log::connect(&settings).await.unwrap();

    for attempt in 0..CANCELLED {
        // BEGIN has arrived, its answer has not: a begin that succeeds would clean up after those before.
        let patience = DELAY + Duration::from_millis(1 + attempt % 4);
        let _ = tokio::time::timeout(patience, log.database().begin()).await;
    }
    for _ in 0..WRITES {
        log.database().execute_unprepared("INSERT INTO written VALUES (1)").await.unwrap();
    }

    assert_eq!(database.number("SELECT count(*) FROM written").await, WRITES);
    // What was cancelled last may still be on its way.
    let none_is_left_open = "SELECT (count(*) = 0)::int::bigint FROM pg_stat_activity
        WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    database.until(none_is_left_open).await;
}

/// A handler that returns early, or whose statement failed, leaves the connection fit for the next one.
#[tokio::test]
async fn a_dropped_or_failed_transaction_leaves_the_connection_fit() {
    let database = Database::empty().await;
    database.execute("CREATE TABLE written (number bigint)").await;
    let settings = PostgresSettings { connections_max: 1, ..PostgresSettings::new(&database.url) };
    let log = Log::connect(&settings).await.unwrap();
    for round in 1..=5 {
        let dropped = log.database().begin().await.unwrap();
        dropped.execute_unprepared("INSERT INTO written VALUES (0)").await.unwrap();
        drop(dropped);
        let failed = log.database().begin().await.unwrap();
        failed.execute_unprepared("INSERT INTO nowhere VALUES (0)").await.unwrap_err();
        drop(failed);
        // Also one that nobody but the server knows of, open or failed.
        log.database().execute_unprepared("BEGIN").await.unwrap();
        log.database().execute_unprepared("BEGIN; INSERT INTO nowhere VALUES (0)").await.unwrap_err();
        log.database().execute_unprepared("INSERT INTO written VALUES (1)").await.unwrap();
        assert_eq!(database.number("SELECT count(*) FROM written").await, round);
    }
}
