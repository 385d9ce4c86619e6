//! What is refused when it is recorded, so that nothing can stand in the way of sequencing later.

use millrace_events::{Aggregate, EventId, Personal, UserId};
use millrace_log::{EVENT_BYTES_MAX, EVENTS_PER_COMMAND_MAX, Log, LogError, NewEvent, outbox};
use sea_orm::{DbErr, SqlErr, TransactionTrait};
use serde_json::json;

use crate::events::{command, commit, new_post};
use crate::setup::Database;

/// Records a command after a change to its events, and leaves nothing.
async fn refused(log: &Log, aggregates: &[Aggregate], change: impl FnOnce(&mut Vec<NewEvent>)) -> LogError {
    let tx = log.database().begin().await.unwrap();
    let mut events = command(&tx, aggregates).await;
    change(&mut events);
    let error = outbox::record(&tx, &events).await.unwrap_err();
    tx.rollback().await.unwrap();
    error
}

#[tokio::test]
async fn an_event_is_measured_when_it_is_recorded() {
    let (_, log) = Database::with_log().await;
    let sized = |bytes: usize| json!("x".repeat(bytes - 2));
    let error = refused(&log, &[new_post()], |events| events[0].payload = sized(EVENT_BYTES_MAX + 1)).await;
    assert!(matches!(error, LogError::EventTooLarge { bytes, .. } if bytes == EVENT_BYTES_MAX + 1), "{error:?}");
    crate::events::commit_payload(&log, &sized(EVENT_BYTES_MAX)).await;
    assert_eq!(log.sequence().await.unwrap().position.0, 1);
}

#[tokio::test]
async fn personal_data_that_is_not_sealed_is_refused_wherever_it_hides() {
    let (_, log) = Database::with_log().await;
    let name = Personal::known(UserId::generate(), "Ada".to_owned());
    for payload in [json!(name), json!({ "deep": [{ "er": name }] })] {
        let error = refused(&log, &[new_post(), new_post()], |events| events[1].payload = payload).await;
        assert!(matches!(error, LogError::NotSealed { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn only_whole_commands_are_recorded() {
    let (_, log) = Database::with_log().await;
    let breaks: [fn(&mut Vec<NewEvent>); 6] = [
        |events| events[1].index = 2,
        |events| events.swap(0, 1),
        |events| events[0].count = 4,
        |events| drop(events.pop()),
        |events| events[2].command_ordinal += 1,
        |events| events[2].command_id = millrace_events::CommandId::generate(),
    ];
    for change in breaks {
        let error = refused(&log, &[new_post(), new_post(), new_post()], change).await;
        assert!(matches!(error, LogError::NotOneCommand { .. }), "{error:?}");
    }
    let too_many: Vec<Aggregate> = (0..=EVENTS_PER_COMMAND_MAX).map(|_| new_post()).collect();
    let error = refused(&log, &too_many, |_| ()).await;
    assert!(matches!(error, LogError::TooManyEvents { count, .. } if count == EVENTS_PER_COMMAND_MAX + 1), "{error:?}");
    commit(&log, &too_many[1..]).await;
    assert_eq!(log.sequence().await.unwrap().position.0, 1_000);
}

#[tokio::test]
async fn a_command_without_events_records_nothing() {
    let (database, log) = Database::with_log().await;
    outbox::record(log.database(), &[]).await.unwrap();
    assert_eq!(database.number("SELECT count(*) FROM outbox").await, 0);
}

/// In the outbox and in the log: else it would break a unique key of the log at every sequencing, for ever.
#[tokio::test]
async fn an_event_or_a_version_that_was_recorded_before_is_refused() {
    let (_, log) = Database::with_log().await;
    let recorded = commit(&log, &[new_post(), new_post()]).await;
    let (event_id, aggregate): (EventId, Aggregate) = (recorded[1].event_id, recorded[0].aggregate);
    for _ in 0..2 {
        let same_id = refused(&log, &[new_post()], |events| events[0].event_id = event_id).await;
        let same_version = refused(&log, &[new_post(), aggregate], |_| ()).await;
        for error in [same_id, same_version] {
            assert!(is_broken_unique_key(&error), "{error:?}");
        }
        // Once more with the first two in the log.
        assert_eq!(log.sequence().await.unwrap().position.0, 2);
    }
    commit(&log, &[Aggregate { version: 2, ..aggregate }]).await;
    assert_eq!(log.sequence().await.unwrap().position.0, 3);
}

fn is_broken_unique_key(error: &LogError) -> bool {
    let LogError::Database(error) = error else { return false };
    matches!(DbErr::sql_err(error), Some(SqlErr::UniqueConstraintViolation(_)))
}
