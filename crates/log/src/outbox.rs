//! The outbox: events that are committed with their command and have no position yet.

use millrace_events::{Aggregate, CommandId, EventId, Timestamp, UserId, seal};
use sea_orm::ConnectionTrait;
use serde_json::Value;

use crate::LogError;

/// The most bytes of an event's payload as JSON.
pub const EVENT_BYTES_MAX: usize = 256 * 1024;
/// The most events of one command; readers take whole commands.
pub const EVENTS_PER_COMMAND_MAX: usize = 1_000;

/// An event that a command has decided on.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// Its identity; a new one for each attempt of the command's transaction.
    pub event_id: EventId,
    /// The command.
    pub command_id: CommandId,
    /// The command's place among commands, see [`command_ordinal`].
    pub command_ordinal: i64,
    /// Its place among the command's events: 0, 1, 2…
    pub index: u32,
    /// How many events the command has.
    pub count: u32,
    /// What it happened to, and the version that it brought that to.
    pub aggregate: Aggregate,
    /// Name in the catalogue.
    pub name: &'static str,
    /// Version of the payload's schema.
    pub schema_version: u32,
    /// Who caused it; none for the system itself.
    pub actor: Option<UserId>,
    /// When the command decided it.
    pub at: Timestamp,
    /// W3C trace context (`traceparent`) of the request.
    pub trace: Option<String>,
    /// Its fields, personal data sealed.
    pub payload: Value,
}

/// Draws the command's ordinal: once per attempt, after all locks are taken, so that of two commands on one aggregate the later one has
/// the higher ordinal.
pub async fn command_ordinal(tx: &impl ConnectionTrait) -> Result<i64, LogError> {
    let _ = tx;
    Err(LogError::NotMigrated)
}

/// Records all events of one command: the last statement before COMMIT.
pub async fn record(tx: &impl ConnectionTrait, events: &[NewEvent]) -> Result<(), LogError> {
    let _ = (tx, events, seal::persons(&Value::Null));
    Err(LogError::NotMigrated)
}
