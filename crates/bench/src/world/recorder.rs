//! Recording events as a command does: sealed, in the outbox, one command each.

use crate::error::BenchError;
use millrace_events::{Aggregate, CommandId, Event, EventId, KeyState, Timestamp, UserId, seal};
use millrace_log::{NewEvent, command_ordinal, keys, outbox};
use sea_orm::DatabaseTransaction;
use std::collections::HashMap;
use uuid::Uuid;

/// Seals with the persons' keys.
#[derive(Debug, Clone, Default)]
pub struct Recorder {
    keys: HashMap<UserId, KeyState>,
}

impl Recorder {
    /// Makes a new person's key.
    pub async fn create_key(&mut self, tx: &DatabaseTransaction, person: UserId) -> Result<(), BenchError> {
        self.keys.insert(person, KeyState::Live(keys::create(tx, person).await?));
        Ok(())
    }

    /// Records the event that made an aggregate, as a command of its own.
    pub async fn record(
        &self,
        tx: &DatabaseTransaction,
        aggregate_id: Uuid,
        actor: UserId,
        at: Timestamp,
        event: Event,
    ) -> Result<(), BenchError> {
        let (kind, event_id) = (event.kind(), EventId::generate());
        let mut payload = event.payload()?;
        seal::seal(&mut payload, event_id, &|person| self.keys.get(&person).cloned())?;
        let event = NewEvent {
            event_id,
            command_id: CommandId::generate(),
            command_ordinal: command_ordinal(tx).await?,
            index: 0,
            count: 1,
            aggregate: Aggregate { kind: kind.aggregate(), id: aggregate_id, version: 1 },
            name: kind.name(),
            schema_version: kind.schema_version(),
            actor: Some(actor),
            at,
            trace: None,
            payload,
        };
        Ok(outbox::record(tx, &[event]).await?)
    }
}
