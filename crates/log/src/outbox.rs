//! The outbox: events that are committed with their command and have no position yet.

use millrace_events::{Aggregate, CommandId, EventId, Timestamp, UserId, seal};
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, Statement};

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
    /// `traceparent` of the request (W3C trace context).
    pub trace: Option<String>,
    /// Its fields, personal data sealed.
    pub payload: serde_json::Value,
}

/// Draws the command's ordinal: once per attempt, after all locks are taken, so that of two commands on one aggregate the later one has
/// the higher ordinal.
pub async fn command_ordinal(tx: &impl ConnectionTrait) -> Result<i64, LogError> {
    #[derive(FromQueryResult)]
    struct Drawn {
        ordinal: i64,
    }
    let statement = Statement::from_string(DbBackend::Postgres, "SELECT nextval('command_ordinal') AS ordinal");
    let drawn = Drawn::find_by_statement(statement).one(tx).await?;
    let drawn = drawn.ok_or_else(|| sea_orm::DbErr::RecordNotFound("nextval answered nothing".to_owned()))?;
    Ok(drawn.ordinal)
}

/// Records all events of one command: the last statement before COMMIT.
///
/// An event id or an aggregate's version that was recorded before is refused as a broken unique key.
pub async fn record(tx: &impl ConnectionTrait, events: &[NewEvent]) -> Result<(), LogError> {
    let Some(first) = events.first() else { return Ok(()) };
    check_command(first, events)?;
    let payloads = events.iter().map(checked_payload).collect::<Result<Vec<_>, _>>()?;
    let rows = events.iter().zip(payloads).map(|(event, payload)| row::new(event, payload));
    row::Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(())
}

fn check_command(first: &NewEvent, events: &[NewEvent]) -> Result<(), LogError> {
    let (command_id, count) = (first.command_id, events.len());
    if count > EVENTS_PER_COMMAND_MAX {
        return Err(LogError::TooManyEvents { command_id, count });
    }
    let belongs = |(index, event): (usize, &NewEvent)| {
        event.command_id == command_id
            && event.command_ordinal == first.command_ordinal
            && usize::try_from(event.count) == Ok(count)
            && usize::try_from(event.index) == Ok(index)
    };
    if !events.iter().enumerate().all(belongs) {
        return Err(LogError::NotOneCommand { command_id });
    }
    Ok(())
}

/// The payload as it will lie in the log, for ever.
fn checked_payload(event: &NewEvent) -> Result<String, LogError> {
    let event_id = event.event_id;
    // Sealing leaves what is sealed alone, and asks for a key where something is readable.
    seal::seal(&mut event.payload.clone(), event_id, &|_| None)
        .map_err(|source| LogError::NotSealed { event_id, source })?;
    let text = event.payload.to_string();
    if text.len() > EVENT_BYTES_MAX {
        return Err(LogError::EventTooLarge { event_id, bytes: text.len() });
    }
    Ok(text)
}

mod row {
    use sea_orm::entity::prelude::*;
    use sea_orm::{ActiveModelTrait, IntoActiveModel};
    use time::OffsetDateTime;

    use super::NewEvent;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "outbox")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        command_ordinal: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        command_index: i64,
        command_count: i64,
        event_id: Uuid,
        command_id: Uuid,
        aggregate_kind: String,
        aggregate_id: Uuid,
        aggregate_version: i64,
        name: String,
        schema_version: i64,
        actor: Option<Uuid>,
        at: OffsetDateTime,
        trace: Option<String>,
        payload: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    pub(super) fn new(event: &NewEvent, payload: String) -> ActiveModel {
        let model = Model {
            command_ordinal: event.command_ordinal,
            command_index: event.index.into(),
            command_count: event.count.into(),
            event_id: event.event_id.0,
            command_id: event.command_id.0,
            aggregate_kind: event.aggregate.kind.as_str().to_owned(),
            aggregate_id: event.aggregate.id,
            aggregate_version: event.aggregate.version.into(),
            name: event.name.to_owned(),
            schema_version: event.schema_version.into(),
            actor: event.actor.map(|actor| actor.0),
            at: event.at.moment(),
            trace: event.trace.clone(),
            payload,
        };
        model.into_active_model().reset_all()
    }
}
