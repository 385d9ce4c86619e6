//! The ports to PostgreSQL: sequencing, and the relay's side of the log.

use std::collections::HashMap;

use millrace_events::{Envelope, KeyState, Position, UserId};
use millrace_log::{Call, KeyRow, LogHead, Moved, Sequencing, sequence_backlog};
use millrace_relay::ports::{BoxError, LogSide};

use crate::plot::Plot;
use crate::sim::{Lost, Sim};
use crate::world::Server;
use crate::world::postgres::looks_after_lock;

/// Rows that one read answers at the most: few, so that pages have ends.
const ROWS_READ_MAX: u64 = 3;

/// Below so many steps lies the time that a sequencing call waits for the head's row.
const WAITS_FOR_HEAD: [u64; 3] = [1, 1, 30];

/// How often it takes long until what was read is used.
const LINGERS: f64 = 0.05;
/// The same of keys, where a schedule is about them.
const LINGERS_WITH_KEYS: f64 = 0.15;
/// Below so many steps lies that time.
const LINGERS_FOR: u64 = 80;

/// A pool of connections.
pub struct LogPort(pub Sim);

impl LogPort {
    /// Who has read may take a while before they do anything with it.
    async fn linger(&self, often: f64) {
        if self.0.with(|world| world.is_hit(often)) {
            self.0.nap(LINGERS_FOR).await;
        }
    }
}

impl Call for LogPort {
    type Error = Lost;

    async fn call(&self) -> Result<Moved, Lost> {
        let waiting = self.0.with(|world| world.random.pick(WAITS_FOR_HEAD));
        self.0.nap(waiting).await;
        let seen = if looks_after_lock() {
            None
        } else {
            let seen = self.0.with(|world| world.postgres.outbox_places());
            self.0.pass().await;
            Some(seen)
        };
        self.0.call(Server::Postgres, |world| world.sequence(seen)).await
    }
}

impl Sequencing for LogPort {
    type Error = Lost;

    async fn sequence(&self) -> Result<LogHead, Lost> {
        sequence_backlog(self).await
    }
}

impl LogSide for LogPort {
    async fn sequence(&self) -> Result<LogHead, BoxError> {
        Ok(sequence_backlog(self).await?)
    }

    async fn head(&self) -> Result<LogHead, BoxError> {
        let head = self.0.ask(|world| world.postgres.head()).await?;
        self.linger(LINGERS).await;
        Ok(head)
    }

    async fn read(&self, after: Position, limit: u32) -> Result<Vec<Envelope>, BoxError> {
        let read = |world: &mut crate::world::World| {
            let rows = world.random.between(1, ROWS_READ_MAX).min(u64::from(limit));
            world.postgres.read(after, usize::try_from(rows).unwrap_or_default())
        };
        Ok(self.0.ask(read).await?)
    }

    async fn keys_of(&self, persons: &[UserId]) -> Result<HashMap<UserId, KeyState>, BoxError> {
        let find = |world: &mut crate::world::World| {
            let keys = &world.postgres.tables.keys;
            let found = persons.iter().filter_map(|person| Some((*person, keys.get(person)?.0.clone())));
            found.collect()
        };
        let found = self.0.ask(find).await?;
        let is_about_keys = self.0.with(|world| world.faults.plot == Plot::Erasure);
        self.linger(if is_about_keys { LINGERS_WITH_KEYS } else { LINGERS }).await;
        Ok(found)
    }

    async fn keys_after(&self, serial: i64, limit: u32) -> Result<Vec<KeyRow>, BoxError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(self.0.ask(|world| world.postgres.keys_after(serial, limit)).await?)
    }
}
