//! Why a run ends without a table.

use std::io;
use std::process::ExitStatus;

/// Any cause, as drivers with many error types give it.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a run ends without a table.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A file, a program or a socket.
    #[error("{what}")]
    Io {
        /// What was done.
        what: String,
        /// What went wrong.
        #[source]
        source: io::Error,
    },
    /// The servers.
    #[error(transparent)]
    Servers(#[from] millrace_servers::Error),
    /// The log.
    #[error("the log")]
    Log(#[from] millrace_log::LogError),
    /// PostgreSQL.
    #[error("PostgreSQL")]
    PostgreSql(#[from] sea_orm::DbErr),
    /// MongoDB.
    #[error("MongoDB")]
    MongoDb(#[from] mongodb::error::Error),
    /// Redis.
    #[error("Redis")]
    Redis(#[from] redis::RedisError),
    /// NATS.
    #[error("NATS: {what}")]
    Nats {
        /// What was done.
        what: &'static str,
        /// What went wrong.
        #[source]
        source: Cause,
    },
    /// Access tokens.
    #[error("access tokens")]
    Keys(#[from] millrace_command::auth::KeyError),
    /// The command side cannot be made in this process.
    #[error("the command side")]
    Commands(#[source] Cause),
    /// A command has no answer.
    #[error("a command was not answered")]
    Command(#[from] millrace_command::CommandFailure),
    /// A command was rejected.
    #[error("a command was rejected: {0:?}")]
    Rejected(Vec<millrace_command::CommandError>),
    /// PostgreSQL, of the server that joins.
    #[error("PostgreSQL")]
    Sqlx(#[from] sqlx::Error),
    /// Sealing.
    #[error("sealing an event")]
    Seal(#[from] millrace_events::seal::SealError),
    /// JSON.
    #[error("JSON")]
    Json(#[from] serde_json::Error),
    /// BSON.
    #[error("BSON")]
    Bson(#[from] mongodb::bson::raw::Error),
    /// A program ended as it should not.
    #[error("{program} ended with {status}: {output}")]
    Program {
        /// Which program.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it said.
        output: String,
    },
    /// A process ended before it served.
    #[error("{0} did not start; what it said is above")]
    NotStarted(String),
    /// An answer that is not what was asked for.
    #[error("an unexpected answer from {from}: status {status}: {body}")]
    Answer {
        /// Who answered.
        from: String,
        /// The status.
        status: u16,
        /// The beginning of the body.
        body: String,
    },
    /// What must come did not come.
    #[error("{0} took longer than it may")]
    TooSlow(String),
    /// What must be there is not.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A task of the bench itself.
    #[error("a task")]
    Task(#[from] tokio::task::JoinError),
}

impl BenchError {
    /// An I/O error with what was done.
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// A NATS error with what was done.
    pub fn nats<E: Into<Cause>>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Nats { what, source: source.into() }
    }
}
