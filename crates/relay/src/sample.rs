//! Logs and streams as plain data, for tests of decisions.

use millrace_events::{Aggregate, AggregateKind, CommandId, Envelope, EventId, History, Position, Timestamp};
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::message;
use crate::ports::{Origin, StreamIdentity, StreamMessage, StreamState};

pub const FIRST_HISTORY: History = History(Uuid::from_u128(1));
pub const SECOND_HISTORY: History = History(Uuid::from_u128(2));

/// The events at positions 1 to `length`; a `branch` is what the log would have been otherwise.
pub fn log(history: History, branch: u128, length: u64) -> Vec<Envelope> {
    let id = |position: u64| EventId(Uuid::from_u128(branch << 64 | u128::from(position)));
    (1..=length)
        .map(|position| event(history, position, id(position), (position > 1).then(|| id(position - 1))))
        .collect()
}

fn event(history: History, position: u64, event_id: EventId, predecessor: Option<EventId>) -> Envelope {
    Envelope {
        history,
        position: Position(position),
        event_id,
        predecessor,
        command_id: CommandId(Uuid::from_u128(u128::from(position))),
        command_index: 0,
        command_count: 1,
        aggregate: Aggregate { kind: AggregateKind::Post, id: Uuid::from_u128(9), version: 1 },
        name: "post.created".to_owned(),
        schema_version: 1,
        actor: None,
        at: Timestamp::new(OffsetDateTime::UNIX_EPOCH),
        trace: None,
        payload: json!({ "position": position }),
    }
}

/// The log as a stream holds it.
pub fn stream_of(log: &[Envelope]) -> Vec<StreamMessage> {
    let message = |event: &Envelope| StreamMessage {
        sequence: event.position,
        payload: message::outgoing(event).unwrap().payload,
    };
    log.iter().map(message).collect()
}

/// What no relay writes.
pub fn stranger(sequence: u64) -> StreamMessage {
    StreamMessage { sequence: Position(sequence), payload: b"hello".to_vec() }
}

/// A stream as a relay makes it.
pub fn origin(identity: u128, history: History) -> Origin {
    Origin { identity: StreamIdentity(Uuid::from_u128(identity)), history }
}

/// A stream without holes.
pub fn state(origin: Origin, last: u64) -> StreamState {
    StreamState { origin: Some(origin), last: Position(last), messages: last }
}
