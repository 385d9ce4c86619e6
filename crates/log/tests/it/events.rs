//! Events to record.

use millrace_events::{Aggregate, AggregateKind, CommandId, EventId, Timestamp, UserId};
use millrace_log::{Log, NewEvent, command_ordinal, outbox};
use sea_orm::{DatabaseTransaction, TransactionTrait};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

/// A version of a post.
pub fn post(id: Uuid, version: u32) -> Aggregate {
    Aggregate { kind: AggregateKind::Post, id, version }
}

/// A new post.
pub fn new_post() -> Aggregate {
    post(Uuid::now_v7(), 1)
}

/// A whole command: one event for each aggregate, with its own ordinal.
pub async fn command(tx: &DatabaseTransaction, aggregates: &[Aggregate]) -> Vec<NewEvent> {
    let (command_id, command_ordinal) = (CommandId::generate(), command_ordinal(tx).await.unwrap());
    let actor = Some(UserId::generate());
    (0..)
        .zip(aggregates)
        .map(|(index, aggregate)| NewEvent {
            event_id: EventId::generate(),
            command_id,
            command_ordinal,
            index,
            count: aggregates.len().try_into().unwrap(),
            aggregate: *aggregate,
            name: "post.edited",
            schema_version: 1,
            actor,
            at: Timestamp::new(OffsetDateTime::now_utc()),
            trace: None,
            payload: json!({ "index": index }),
        })
        .collect()
}

/// Commits a command of these events, as a handler would.
pub async fn commit(log: &Log, aggregates: &[Aggregate]) -> Vec<NewEvent> {
    commit_changed(log, aggregates, |_| ()).await
}

/// Commits a command of one event with this payload.
pub async fn commit_payload(log: &Log, payload: &Value) -> NewEvent {
    let mut events = commit_changed(log, &[new_post()], |event| event.payload = payload.clone()).await;
    events.remove(0)
}

pub async fn commit_changed(
    log: &Log,
    aggregates: &[Aggregate],
    mut change: impl FnMut(&mut NewEvent),
) -> Vec<NewEvent> {
    let tx = log.database().begin().await.unwrap();
    let mut events = command(&tx, aggregates).await;
    events.iter_mut().for_each(&mut change);
    outbox::record(&tx, &events).await.unwrap();
    tx.commit().await.unwrap();
    events
}
