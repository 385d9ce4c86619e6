//! The log in PostgreSQL.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use millrace_events::{CommandId, Envelope, History, KeyState, Position, UserId};
use sea_orm::{DatabaseConnection, DbBackend, DbErr, FromQueryResult, Statement, TransactionTrait};
use tokio::time::timeout;
use uuid::Uuid;

use crate::backlog::{Call, Moved, sequence_backlog};
use crate::error::missing_or_failed;
use crate::{
    KeyRow, LogError, LogHead, PostgresSettings, Sequencing, Wakeups, connection, history, keys, migrations, page,
};

/// About how many events one call of the sequencing function moves; it ends with a whole command.
pub const SEQUENCED_AT_ONCE: i32 = 2_000;

/// The log and the pool of connections to it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Log {
    database: DatabaseConnection,
    answer_wait_max: Duration,
}

impl Log {
    /// Connects; fails if the server does not answer.
    pub async fn connect(settings: &PostgresSettings) -> Result<Self, LogError> {
        Self::over(settings, false).await
    }

    /// Connects when it is first used: the server may come later. Fails only if the address is none.
    pub async fn connect_lazily(settings: &PostgresSettings) -> Result<Self, LogError> {
        Self::over(settings, true).await
    }

    async fn over(settings: &PostgresSettings, lazily: bool) -> Result<Self, LogError> {
        let database = connection::connect(settings, lazily).await?;
        Ok(Self { database, answer_wait_max: settings.answer_wait_max() })
    }

    /// Only for single statements, each a transaction of its own: to drop one half-way costs its connection, and nothing else.
    async fn answered<T, E>(&self, statement: impl Future<Output = Result<T, E>>) -> Result<T, LogError>
    where
        LogError: From<E>,
    {
        let wait_ms = self.answer_wait_max.as_millis();
        timeout(self.answer_wait_max, statement)
            .await
            .map_err(|_| LogError::Silent { wait_ms })?
            .map_err(LogError::from)
    }

    /// The pool, for the commands' own rows.
    ///
    /// A `begin()` may be cancelled here, as in no other pool of sqlx 0.9.0: a connection is rolled back whenever it is given back.
    pub fn database(&self) -> &DatabaseConnection {
        &self.database
    }

    /// Brings the tables up to date. Any number of processes may do so at once.
    pub async fn migrate(&self) -> Result<(), LogError> {
        migrations::migrate(self.database.get_postgres_connection_pool()).await
    }

    /// Gives positions to all events that were committed before the call, and answers the head afterwards.
    pub async fn sequence(&self) -> Result<LogHead, LogError> {
        sequence_backlog(self).await
    }

    /// Where the log ends.
    pub async fn head(&self) -> Result<LogHead, LogError> {
        const HEAD: &str = "SELECT history, (SELECT coalesce(max(position), 0) FROM log) AS position FROM log_head";
        let statement = Statement::from_string(DbBackend::Postgres, HEAD);
        let row = async { HeadRow::find_by_statement(statement).one(&self.database).await.map_err(missing_or_failed) };
        Ok(self.answered(row).await?.ok_or_else(no_head)?.into())
    }

    /// The events after a position, without a gap: at most `limit`, fewer if they are large; none only if there is none.
    pub async fn read(&self, after: Position, limit: u32) -> Result<Vec<Envelope>, LogError> {
        self.answered(page::read(&self.database, after, limit)).await
    }

    /// The first and the last position of a command's events, once they are sequenced.
    pub async fn placed(&self, command_id: CommandId) -> Result<Option<(Position, Position)>, LogError> {
        #[derive(FromQueryResult)]
        struct Row {
            first: Option<i64>,
            last: Option<i64>,
        }
        const PLACED: &str = "SELECT min(position) AS first, max(position) AS last FROM log WHERE command_id = $1";
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, PLACED, [command_id.0.into()]);
        let row = self.answered(Row::find_by_statement(statement).one(&self.database)).await?;
        Ok(row.and_then(|row| Some((position(row.first?), position(row.last?)))))
    }

    /// Keys that changed after a serial, in serial order: at most `limit`.
    ///
    /// Read after the log, it answers every key that the events read need, so that a mirror misses none by going on from the last serial
    /// that it saw. Only a key that somebody was just destroying may still come later.
    pub async fn keys_after(&self, serial: i64, limit: u32) -> Result<Vec<KeyRow>, LogError> {
        self.answered(keys::after(&self.database, serial, limit)).await
    }

    /// The keys of these persons. Who has none is missing in the answer.
    pub async fn keys_of(&self, persons: &[UserId]) -> Result<HashMap<UserId, KeyState>, LogError> {
        self.answered(keys::load(&self.database, persons)).await
    }

    /// Wakes the caller when the log grows. Must be called within a tokio runtime.
    pub fn listen(&self) -> Wakeups {
        Wakeups::beside(self.database.get_postgres_connection_pool())
    }

    /// Begins a new life of the log after PostgreSQL was put back to an older state. First the given keys are destroyed again.
    ///
    /// To be done before any command is taken. Not to be cancelled, for it begins a transaction.
    pub async fn new_history(&self, destroyed: &[UserId]) -> Result<History, LogError> {
        let tx = self.database.begin().await?;
        let history = history::begin(&tx, destroyed).await?;
        tx.commit().await?;
        Ok(history)
    }

    /// Closes all connections, once they are released.
    pub async fn close(self) -> Result<(), LogError> {
        Ok(self.database.close().await?)
    }
}

impl Sequencing for Log {
    type Error = LogError;

    async fn sequence(&self) -> Result<LogHead, LogError> {
        Self::sequence(self).await
    }
}

impl Call for Log {
    type Error = LogError;

    async fn call(&self) -> Result<Moved, LogError> {
        const CALL: &str = "SELECT head_history, head_position, more_left FROM sequence_outbox($1)";
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, CALL, [SEQUENCED_AT_ONCE.into()]);
        let row = async { MovedRow::find_by_statement(statement).one(&self.database).await.map_err(missing_or_failed) };
        let row = self.answered(row).await?.ok_or_else(no_head)?;
        let head = LogHead { history: History(row.head_history), position: position(row.head_position) };
        Ok(Moved { head, left: row.more_left })
    }
}

#[derive(FromQueryResult)]
struct HeadRow {
    history: Uuid,
    position: i64,
}

#[derive(FromQueryResult)]
struct MovedRow {
    head_history: Uuid,
    head_position: i64,
    more_left: bool,
}

impl From<HeadRow> for LogHead {
    fn from(row: HeadRow) -> Self {
        Self { history: History(row.history), position: position(row.position) }
    }
}

/// The tables' checks keep negative ones out.
fn position(column: i64) -> Position {
    Position(u64::try_from(column).unwrap_or_default())
}

/// The row of the head was removed by hand.
pub(crate) fn no_head() -> LogError {
    LogError::NotMigrated(DbErr::RecordNotFound("log_head".to_owned()))
}
