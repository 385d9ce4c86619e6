//! The envelope: an event with everything that a reader needs to place it. A contract with every consumer of the stream.

use crate::catalogue::{DecodeError, Event};
use crate::{Aggregate, CommandId, EventId, History, Position, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An event at its position, as it travels in JetStream. Personal data in `payload` is sealed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    /// The life of the log that the position belongs to.
    pub history: History,
    /// The event's place in the log; also its sequence in the stream.
    pub position: Position,
    /// The event's identity.
    pub event_id: EventId,
    /// The identity of the event at the position before; none at position 1.
    pub predecessor: Option<EventId>,
    /// The command that recorded it.
    pub command_id: CommandId,
    /// Its place among the command's events: 0, 1, 2…
    pub command_index: u32,
    /// How many events the command recorded; they lie at adjoining positions.
    pub command_count: u32,
    /// What it happened to, and the version that it brought that to.
    pub aggregate: Aggregate,
    /// Name in the catalogue, such as `post.created`.
    pub name: String,
    /// Version of the payload's schema.
    pub schema_version: u32,
    /// Who caused it; none for the system itself.
    pub actor: Option<UserId>,
    /// When the command decided it.
    pub at: Timestamp,
    /// `traceparent` of the request (W3C trace context).
    pub trace: Option<String>,
    /// The event's fields.
    pub payload: Value,
}

impl Envelope {
    /// True for the last event of its command.
    pub fn ends_command(&self) -> bool {
        self.command_index + 1 >= self.command_count
    }

    /// The typed event, once personal data in the payload is opened; old schema versions are upcast.
    pub fn decode(self) -> Result<Recorded, DecodeError> {
        let event = Event::decode(&self.name, self.schema_version, self.payload)?;
        Ok(Recorded {
            position: self.position,
            event_id: self.event_id,
            command_id: self.command_id,
            command_index: self.command_index,
            command_count: self.command_count,
            aggregate: self.aggregate,
            actor: self.actor,
            at: self.at,
            event,
        })
    }
}

/// A typed event at its position: what a fold sees.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Its place in the log.
    pub position: Position,
    /// Its identity.
    pub event_id: EventId,
    /// The command that recorded it.
    pub command_id: CommandId,
    /// Its place among the command's events.
    pub command_index: u32,
    /// How many events the command recorded.
    pub command_count: u32,
    /// What it happened to.
    pub aggregate: Aggregate,
    /// Who caused it.
    pub actor: Option<UserId>,
    /// When the command decided it.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}
