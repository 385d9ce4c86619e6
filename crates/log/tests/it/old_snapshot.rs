//! While somebody holds an old snapshot, PostgreSQL clears nothing away. Sequencing must not pass all of it again and again.

use millrace_events::Position;
use millrace_log::{Log, PostgresSettings, outbox};
use sea_orm::TransactionTrait;
use sqlx::{Connection, Executor, PgConnection};

use crate::events::{command, commit, new_post};
use crate::setup::{Database, PATIENCE};

/// Rows of outbox, head and log that one call has looked at, deleted ones included.
async fn looked_at_by_one_call(database: &Database) -> i64 {
    const LOOKED_AT: &str = "SELECT sum(pg_stat_get_xact_tuples_returned(oid))::bigint FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')";
    let mut connection = PgConnection::connect(&database.url).await.unwrap();
    let mut tx = connection.begin().await.unwrap();
    tx.execute("SELECT sequence_outbox(1000)").await.unwrap();
    sqlx::query_scalar(LOOKED_AT).fetch_one(&mut *tx).await.unwrap()
}

#[tokio::test]
async fn a_call_does_not_pass_what_earlier_calls_have_moved() {
    let (database, log) = Database::with_log().await;
    let mut reader = PgConnection::connect(&database.url).await.unwrap();
    reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM outbox").await.unwrap();

    // 2,500 commands, each in a transaction of its own, each sequenced by a call of its own.
    database
        .execute(
            "DO $$ BEGIN FOR i IN 1..2500 LOOP
                INSERT INTO outbox SELECT nextval('command_ordinal'), 0, 1, gen_random_uuid(), gen_random_uuid(), 'post',
                    gen_random_uuid(), 1, 'post.edited', 1, NULL, now(), NULL, '{}';
                COMMIT;
                PERFORM sequence_outbox(1000);
                COMMIT;
            END LOOP; END $$",
        )
        .await;
    assert_eq!(log.head().await.unwrap().position, Position(2_500));
    // A transaction of another test on this server may have held back what is settled: a later call notes it.
    let little = async {
        while !(1..1_500).contains(&looked_at_by_one_call(&database).await) {
            spend_transactions(&database).await;
            log.sequence().await.unwrap();
        }
    };
    tokio::time::timeout(PATIENCE, little).await.expect("each call passes all that was moved");
    reader.close().await.unwrap();
}

/// What is noted of transactions is a limit from below, whatever they do: one that began long ago and commits late is not passed over.
#[tokio::test]
async fn a_transaction_that_commits_after_thousands_of_others_is_sequenced() {
    let (database, _) = Database::with_log().await;
    let settings = PostgresSettings { idle_in_transaction_timeout: PATIENCE, ..PostgresSettings::new(&database.url) };
    let log = Log::connect(&settings).await.unwrap();
    let tx = log.database().begin().await.unwrap();
    let events = command(&tx, &[new_post()]).await;
    outbox::record(&tx, &events).await.unwrap();
    for _ in 0..2 {
        spend_transactions(&database).await;
        commit(&log, &[new_post()]).await;
        log.sequence().await.unwrap();
    }
    tx.commit().await.unwrap();
    assert_eq!(log.sequence().await.unwrap().position, Position(3));
}

/// A dump that is loaded into a younger server: what was settled there says nothing here.
#[tokio::test]
async fn a_server_with_fewer_transactions_than_the_dumped_one_sequences_everything() {
    let (database, log) = Database::with_log().await;
    database.execute("UPDATE log_head SET settled = '99999999999'").await;
    commit(&log, &[new_post()]).await;
    assert_eq!(log.sequence().await.unwrap().position, Position(1));
    commit(&log, &[new_post()]).await;
    assert_eq!(log.sequence().await.unwrap().position, Position(2));
}

/// The same where the dumped one was only a little ahead, so that this one comes to where nothing seems to be left to look at.
#[tokio::test]
async fn a_server_that_catches_up_with_the_dumped_one_sequences_everything() {
    let (database, log) = Database::with_log().await;
    database.execute("UPDATE log_head SET settled = (pg_current_xact_id()::text::bigint + 9)::text::xid8").await;
    for position in 1..=20 {
        commit(&log, &[new_post()]).await;
        assert_eq!(log.sequence().await.unwrap().position, Position(position));
    }
}

#[tokio::test]
async fn a_log_that_lost_its_tail_gives_no_position_twice_until_there_is_a_new_history() {
    let (database, log) = Database::with_log().await;
    for _ in 0..3 {
        commit(&log, &[new_post()]).await;
    }
    let noted = async {
        while database.number("SELECT position FROM log_head").await == 0 {
            spend_transactions(&database).await;
            assert_eq!(log.sequence().await.unwrap().position, Position(3));
        }
    };
    tokio::time::timeout(PATIENCE, noted).await.expect("it is never noted how far the log has come");
    database.execute("DELETE FROM log WHERE position = 3").await;
    commit(&log, &[new_post()]).await;

    let error = log.sequence().await.unwrap_err();
    assert!(!error.is_retryable(), "{error:?}");
    log.new_history(&[]).await.unwrap();
    assert_eq!(log.sequence().await.unwrap().position, Position(3));
}

/// Uses up more of them than one step.
async fn spend_transactions(database: &Database) {
    database.execute("DO $$ BEGIN FOR i IN 1..1100 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$").await;
}
