//! Reading the log: rows become envelopes, the same bytes at every read.

use millrace_events::{Aggregate, AggregateKind, CommandId, Envelope, EventId, History, Position, Timestamp, UserId};
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::LogError;

/// The most bytes of payload that one read answers, unless a single event has more.
pub const READ_BYTES_MAX: i64 = 4 * 1024 * 1024;
/// The most events that one read answers.
pub const READ_EVENTS_MAX: u32 = 10_000;

/// History and events in one statement, so in one snapshot. The page begins with the event before, whose id the first one carries.
const READ: &str = "
    SELECT head.history, page.* FROM log_head head, (
        SELECT log.*, lag(event_id) OVER in_order AS predecessor,
            sum(CASE WHEN position > $1 THEN octet_length(payload) ELSE 0 END) OVER in_order
                - octet_length(payload) AS bytes_before
        FROM log WHERE position BETWEEN $1 AND $2
        WINDOW in_order AS (ORDER BY position)
    ) page
    WHERE page.position > $1 AND page.bytes_before < $3
    ORDER BY page.position";

pub(crate) async fn read(db: &impl ConnectionTrait, after: Position, limit: u32) -> Result<Vec<Envelope>, LogError> {
    let first = i64::try_from(after.0).unwrap_or(i64::MAX);
    let last = first.saturating_add(i64::from(limit.min(READ_EVENTS_MAX)));
    let values = [first.into(), last.into(), READ_BYTES_MAX.into()];
    let rows =
        Row::find_by_statement(Statement::from_sql_and_values(DbBackend::Postgres, READ, values)).all(db).await?;
    let mut expected = after;
    rows.into_iter()
        .map(|row| {
            expected = expected.next();
            row.envelope(expected)
        })
        .collect()
}

#[derive(FromQueryResult)]
struct Row {
    history: Uuid,
    position: i64,
    event_id: Uuid,
    predecessor: Option<Uuid>,
    command_id: Uuid,
    command_index: i32,
    command_count: i32,
    aggregate_kind: String,
    aggregate_id: Uuid,
    aggregate_version: i32,
    name: String,
    schema_version: i32,
    actor: Option<Uuid>,
    at: OffsetDateTime,
    trace: Option<String>,
    payload: String,
}

impl Row {
    /// The event at the expected position; anything else means that a row is missing.
    fn envelope(self, position: Position) -> Result<Envelope, LogError> {
        let damaged = || LogError::Damaged { position };
        let number = |value: i32| u32::try_from(value).map_err(|_| damaged());
        let is_in_place = u64::try_from(self.position) == Ok(position.0);
        if !is_in_place || self.predecessor.is_some() != position.previous().is_some() {
            return Err(damaged());
        }
        Ok(Envelope {
            history: History(self.history),
            position,
            event_id: EventId(self.event_id),
            predecessor: self.predecessor.map(EventId),
            command_id: CommandId(self.command_id),
            command_index: number(self.command_index)?,
            command_count: number(self.command_count)?,
            aggregate: Aggregate {
                kind: kind(&self.aggregate_kind).ok_or_else(damaged)?,
                id: self.aggregate_id,
                version: number(self.aggregate_version)?,
            },
            name: self.name,
            schema_version: number(self.schema_version)?,
            actor: self.actor.map(UserId),
            at: Timestamp::new(self.at),
            trace: self.trace,
            payload: serde_json::from_str(&self.payload).map_err(|source| LogError::Payload { position, source })?,
        })
    }
}

fn kind(name: &str) -> Option<AggregateKind> {
    let name: serde::de::value::StrDeserializer<'_, serde::de::value::Error> = name.into_deserializer();
    AggregateKind::deserialize(name).ok()
}
