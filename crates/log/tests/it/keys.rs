//! Keys of persons, and how a mirror follows them.

use millrace_events::{KeyState, UserId};
use millrace_log::{KeyRow, Log, LogError, keys, outbox};
use sea_orm::TransactionTrait;

use crate::events::{command, commit, new_post};
use crate::setup::Database;

async fn created(log: &Log) -> (UserId, KeyState) {
    let user_id = UserId::generate();
    let tx = log.database().begin().await.unwrap();
    let key = keys::create(&tx, user_id).await.unwrap();
    tx.commit().await.unwrap();
    (user_id, KeyState::Live(key))
}

fn row(serial: i64, (user_id, state): &(UserId, KeyState)) -> KeyRow {
    KeyRow { serial, user_id: *user_id, state: state.clone() }
}

#[tokio::test]
async fn a_destroyed_key_leaves_a_mark_and_nothing_else() {
    let (database, log) = Database::with_log().await;
    let (ada, bob, nobody) = (created(&log).await, created(&log).await, UserId::generate());
    assert!(ada.1 != bob.1);

    let tx = log.database().begin().await.unwrap();
    keys::destroy(&tx, ada.0).await.unwrap();
    tx.commit().await.unwrap();

    let found = log.keys_of(&[ada.0, bob.0, nobody]).await.unwrap();
    assert_eq!(found, [(ada.0, KeyState::Destroyed), bob.clone()].into_iter().collect());
    let left = "SELECT count(*) FROM person_key WHERE key IS NOT NULL AND destroyed_at IS NULL";
    assert_eq!(database.number(left).await, 1);

    // For good: neither made anew nor destroyed later than it was.
    let again = keys::create(log.database(), ada.0).await.unwrap_err();
    assert!(matches!(again, LogError::Database(_)) && !again.is_retryable(), "{again:?}");
    let moved = "SELECT extract(epoch FROM destroyed_at)::text FROM person_key WHERE key IS NULL";
    let before: String = sqlx::query_scalar(moved).fetch_one(&database.plain).await.unwrap();
    keys::destroy(log.database(), ada.0).await.unwrap();
    let after: String = sqlx::query_scalar(moved).fetch_one(&database.plain).await.unwrap();
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_mirror_that_goes_on_from_its_last_serial_misses_no_key_that_commits_late() {
    let (_, log) = Database::with_log().await;
    let late = UserId::generate();
    let tx = log.database().begin().await.unwrap();
    let key = keys::create(&tx, late).await.unwrap();
    let early = created(&log).await;
    log.sequence().await.unwrap();
    assert_eq!(log.keys_after(0, 10).await.unwrap(), [row(1, &early)]);

    tx.commit().await.unwrap();
    assert_eq!(log.keys_after(1, 10).await.unwrap(), []);
    log.sequence().await.unwrap();
    assert_eq!(log.keys_after(1, 10).await.unwrap(), [row(2, &(late, KeyState::Live(key)))]);

    // The lowest and the highest one.
    for (serial, person) in [(3, early.0), (4, late)] {
        keys::destroy(log.database(), person).await.unwrap();
        log.sequence().await.unwrap();
        assert_eq!(log.keys_after(serial - 1, 10).await.unwrap(), [row(serial, &(person, KeyState::Destroyed))]);
    }
    let serials = |rows: Vec<KeyRow>| rows.iter().map(|row| row.serial).collect::<Vec<_>>();
    assert_eq!(serials(log.keys_after(0, 10).await.unwrap()), [3, 4]);
    assert_eq!(serials(log.keys_after(0, 1).await.unwrap()), [3]);
    log.sequence().await.unwrap();
    assert_eq!(log.keys_after(4, 10).await.unwrap(), [], "nothing changed");
}

#[tokio::test]
async fn a_key_has_its_serial_as_soon_as_its_event_has_a_position() {
    let (_, log) = Database::with_log().await;
    for number in 1..=5 {
        let user_id = UserId::generate();
        let tx = log.database().begin().await.unwrap();
        keys::create(&tx, user_id).await.unwrap();
        let events = command(&tx, &[new_post()]).await;
        outbox::record(&tx, &events).await.unwrap();
        tx.commit().await.unwrap();
        log.sequence().await.unwrap();
        assert_eq!(log.keys_after(number - 1, 10).await.unwrap()[0].user_id, user_id);
    }
}

/// The lock of all must not wait for one command.
#[tokio::test]
async fn sequencing_passes_a_key_that_a_command_holds_and_takes_it_later() {
    let (_, log) = Database::with_log().await;
    let ada = created(&log).await;
    let erasing = log.database().begin().await.unwrap();
    keys::destroy(&erasing, ada.0).await.unwrap();

    commit(&log, &[new_post()]).await;
    assert_eq!(log.sequence().await.unwrap().position.0, 1);
    assert_eq!(log.keys_after(0, 10).await.unwrap(), []);

    erasing.commit().await.unwrap();
    log.sequence().await.unwrap();
    assert_eq!(log.keys_after(0, 10).await.unwrap(), [row(1, &(ada.0, KeyState::Destroyed))]);
}
