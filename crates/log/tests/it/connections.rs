//! Limits of connections, and tables.

use std::error::Error;
use std::time::{Duration, Instant};

use millrace_log::{Log, LogError, PostgresSettings};
use sea_orm::{ConnectionTrait, TransactionTrait};
use tokio::time::timeout;

use crate::events::{commit, new_post};
use crate::proxy::Wire;
use crate::setup::{Database, PATIENCE};

#[tokio::test]
async fn any_number_of_processes_may_migrate_at_once_and_again() {
    let database = Database::empty().await;
    let logs = [database.log().await, database.log().await, database.log().await];
    let [a, b, c] = &logs;
    let (a, b, c) = tokio::join!(a.migrate(), b.migrate(), c.migrate());
    [a, b, c].into_iter().for_each(Result::unwrap);
    logs[0].migrate().await.unwrap();
    let history = logs[0].head().await.unwrap().history;
    assert_eq!((history.0.get_version_num(), history.0.get_variant()), (7, uuid::Variant::RFC4122));
}

#[tokio::test]
async fn a_database_without_tables_is_told_from_one_that_fails() {
    let database = Database::empty().await;
    let log = database.log().await;
    for error in [log.head().await.unwrap_err(), log.sequence().await.unwrap_err()] {
        assert!(matches!(error, LogError::NotMigrated(_)), "{error:?}");
        assert!(!error.is_retryable() && error.source().is_some());
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_that_may_pass() {
    let settings = PostgresSettings {
        acquire_timeout: Duration::from_millis(300),
        ..PostgresSettings::new("postgres://millrace:secret@127.0.0.1:1/millrace")
    };
    let error = Log::connect(&settings).await.unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
    assert!(!format!("{settings:?}{error:?}").contains("secret"));
}

#[tokio::test]
async fn a_pool_that_is_used_up_is_an_error_soon() {
    let database = Database::empty().await;
    let acquire_timeout = Duration::from_secs(3);
    let settings = PostgresSettings { connections_max: 1, acquire_timeout, ..PostgresSettings::new(&database.url) };
    let log = Log::connect(&settings).await.unwrap();
    let held = log.database().begin().await.unwrap();
    let begun = Instant::now();
    let error = LogError::from(log.database().execute_unprepared("SELECT 1").await.unwrap_err());
    assert!(error.is_retryable() && begun.elapsed() >= acquire_timeout, "{error:?}");
    held.rollback().await.unwrap();
    log.database().execute_unprepared("SELECT 1").await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_gone_without_a_word_is_asked_again_over_new_connections() {
    let (database, _) = Database::with_log().await;
    let wire = Wire::before(&database.url).await;
    let limit = Duration::from_millis(300);
    let settings =
        PostgresSettings { acquire_timeout: limit, statement_timeout: limit, ..PostgresSettings::new(&wire.url) };
    let log = Log::connect(&settings).await.unwrap();
    log.sequence().await.unwrap();
    // Given back, so that it is this connection that is used next.
    let pool = log.database().get_postgres_connection_pool();
    let is_back = async {
        while pool.num_idle() == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, is_back).await.expect("it is never given back");
    wire.go_silent();
    let error = timeout(PATIENCE, log.sequence()).await.expect("it waits for ever").unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
    let again = async {
        while let Err(error) = log.sequence().await {
            assert!(error.is_retryable(), "{error:?}");
        }
    };
    timeout(PATIENCE, again).await.expect("it never comes to a new connection");
}

#[tokio::test]
async fn statements_and_idle_transactions_end_in_time() {
    let (database, patient) = Database::with_log().await;
    let settings = PostgresSettings {
        statement_timeout: Duration::from_secs(2),
        idle_in_transaction_timeout: Duration::from_secs(2),
        ..PostgresSettings::new(&database.url)
    };
    let log = Log::connect(&settings).await.unwrap();
    commit(&patient, &[new_post()]).await;

    let mut other = database.plain.begin().await.unwrap();
    sqlx::query("SELECT FROM log_head FOR UPDATE").execute(&mut *other).await.unwrap();
    let error = log.sequence().await.unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
    other.rollback().await.unwrap();
    assert_eq!(patient.sequence().await.unwrap().position.0, 1);

    let idle = log.database().begin().await.unwrap();
    idle.execute_unprepared("SELECT FROM log_head FOR UPDATE").await.unwrap();
    database.until("SELECT count(*) FROM (SELECT FROM log_head FOR UPDATE SKIP LOCKED) AS free").await;
}
