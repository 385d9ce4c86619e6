//! Where PostgreSQL is, and the limits of every use of it.

use std::time::Duration;

/// How to reach PostgreSQL, and what is never exceeded there.
#[derive(Clone)]
pub struct PostgresSettings {
    /// `postgres://user:password@host:port/database`. It holds a password, so it never shows in a log.
    pub url: String,
    /// The most connections of this process, beside the one that listens.
    pub connections_max: u32,
    /// How long a use waits for a connection out of the pool.
    pub acquire_timeout: Duration,
    /// The server ends a statement that takes longer, waiting for locks included.
    pub statement_timeout: Duration,
    /// The server ends a connection whose transaction is left open and idle for longer.
    pub idle_in_transaction_timeout: Duration,
    /// A connection that is unused for longer is closed.
    pub idle_timeout: Duration,
    /// How the connections are called in `pg_stat_activity`.
    pub application_name: String,
}

impl PostgresSettings {
    /// The usual limits, for the database at this URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            connections_max: 24,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(10),
            idle_in_transaction_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(600),
            application_name: "millrace".to_owned(),
        }
    }

    /// The longest wait for what the log itself asks for. The server ends a statement sooner, and says so, unless it is gone without a
    /// word: then the kernel would go on asking for a quarter of an hour, and nobody else may make the call meanwhile.
    pub(crate) fn answer_wait_max(&self) -> Duration {
        const ON_THE_WAY: Duration = Duration::from_secs(1);
        self.acquire_timeout + self.statement_timeout + ON_THE_WAY
    }
}

impl std::fmt::Debug for PostgresSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresSettings")
            .field("connections_max", &self.connections_max)
            .field("acquire_timeout", &self.acquire_timeout)
            .field("statement_timeout", &self.statement_timeout)
            .field("idle_in_transaction_timeout", &self.idle_in_transaction_timeout)
            .field("idle_timeout", &self.idle_timeout)
            .field("application_name", &self.application_name)
            .finish_non_exhaustive()
    }
}
