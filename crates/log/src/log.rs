//! The log in PostgreSQL.

use millrace_events::{CommandId, Envelope, History, Position, UserId};
use sea_orm::DatabaseConnection;

use crate::{KeyRow, LogError, LogHead, PostgresSettings, Sequencing, Wakeups};

/// The log and the pool of connections to it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Log {
    database: DatabaseConnection,
}

impl Log {
    /// Connects; fails if the server does not answer.
    pub async fn connect(settings: &PostgresSettings) -> Result<Self, LogError> {
        let _ = settings;
        Err(LogError::NotMigrated)
    }

    /// The pool, for the commands' own rows.
    ///
    /// Never put `begin()` under a time-out or into a `select!`: run it in a task that nothing cancels.
    pub fn database(&self) -> &DatabaseConnection {
        &self.database
    }

    /// Brings the tables up to date. Any number of processes may do so at once.
    pub async fn migrate(&self) -> Result<(), LogError> {
        Err(LogError::NotMigrated)
    }

    /// Gives positions to all events that were committed before the call, and answers the head afterwards.
    pub async fn sequence(&self) -> Result<LogHead, LogError> {
        Err(LogError::NotMigrated)
    }

    /// Where the log ends.
    pub async fn head(&self) -> Result<LogHead, LogError> {
        Err(LogError::NotMigrated)
    }

    /// The events after a position, without a gap: at most `limit`, fewer if they are large; none only if there is none.
    pub async fn read(&self, after: Position, limit: u32) -> Result<Vec<Envelope>, LogError> {
        let _ = (after, limit);
        Err(LogError::NotMigrated)
    }

    /// The first and the last position of a command's events, once they are sequenced.
    pub async fn placed(&self, command_id: CommandId) -> Result<Option<(Position, Position)>, LogError> {
        let _ = command_id;
        Err(LogError::NotMigrated)
    }

    /// Keys that changed after a serial, in serial order: at most `limit`.
    pub async fn keys_after(&self, serial: i64, limit: u32) -> Result<Vec<KeyRow>, LogError> {
        let _ = (serial, limit);
        Err(LogError::NotMigrated)
    }

    /// Wakes the caller when the log grows. Must be called within a tokio runtime.
    pub fn listen(&self) -> Wakeups {
        Wakeups::beside(self.database.get_postgres_connection_pool())
    }

    /// Begins a new life of the log after PostgreSQL was restored to an older state. First the given keys are destroyed again.
    pub async fn new_history(&self, destroyed: &[UserId]) -> Result<History, LogError> {
        let _ = destroyed;
        Err(LogError::NotMigrated)
    }
}

impl Sequencing for Log {
    type Error = LogError;

    async fn sequence(&self) -> Result<LogHead, LogError> {
        Self::sequence(self).await
    }
}
