//! What can go wrong between this program and its log.

use millrace_events::seal::SealError;
use millrace_events::{CommandId, EventId, Position};
use sea_orm::{DbErr, RuntimeErr, SqlxError};

use crate::outbox::{EVENT_BYTES_MAX, EVENTS_PER_COMMAND_MAX};

/// Why the log did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// PostgreSQL refused, or did not answer. After a lost answer the statement may have been executed.
    #[error("PostgreSQL did not carry out a statement")]
    Database(#[from] DbErr),
    /// PostgreSQL said nothing for longer than it may take. What was asked may have been carried out.
    #[error("PostgreSQL did not answer in {wait_ms} ms")]
    Silent {
        /// So long, in milliseconds.
        wait_ms: u128,
    },
    /// The tables could not be brought up to date.
    #[error("the migrations of PostgreSQL failed")]
    Migrations(#[source] sqlx::migrate::MigrateError),
    /// The tables are missing: `millrace migrate` was not run on this database.
    #[error("this database has no log: run the migrations first")]
    NotMigrated(#[source] DbErr),
    /// An event is larger than readers and the stream take.
    #[error("event {event_id} has {bytes} bytes, {EVENT_BYTES_MAX} are allowed")]
    EventTooLarge {
        /// Which event.
        event_id: EventId,
        /// Its bytes.
        bytes: usize,
    },
    /// A command has more events than readers take in one batch.
    #[error("command {command_id} has {count} events, {EVENTS_PER_COMMAND_MAX} are allowed")]
    TooManyEvents {
        /// Which command.
        command_id: CommandId,
        /// Its events.
        count: usize,
    },
    /// Events that were recorded together do not name one command, or do not count 0, 1, 2… up to their number.
    #[error("the events recorded for command {command_id} are not one whole command")]
    NotOneCommand {
        /// The command of the first event.
        command_id: CommandId,
    },
    /// Personal data would have reached the log readable.
    #[error("event {event_id} holds personal data that is not sealed")]
    NotSealed {
        /// Which event.
        event_id: EventId,
        /// What sealing says of it.
        #[source]
        source: SealError,
    },
    /// The log lacks an event, or what lies there cannot be an event: the database was damaged.
    #[error("the log is damaged at position {position}")]
    Damaged {
        /// Where.
        position: Position,
    },
    /// A payload in the log is no JSON: the database was damaged.
    #[error("the payload at position {position} is not JSON")]
    Payload {
        /// Where.
        position: Position,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}

impl LogError {
    /// True if the same may succeed a moment later: lost connections, restarts, time-outs, deadlocks.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Database(error) => is_retryable(error),
            Self::Silent { .. } => true,
            _ => false,
        }
    }
}

/// True if the same statement or transaction may succeed a moment later.
///
/// It does not tell whether a lost COMMIT took effect: that the caller must look up.
pub fn is_retryable(error: &DbErr) -> bool {
    match error {
        DbErr::ConnectionAcquire(_) => true,
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => is_retryable_in_sqlx(error),
        _ => false,
    }
}

/// Tells a missing table or function from other failures.
pub(crate) fn missing_or_failed(error: DbErr) -> LogError {
    const UNDEFINED_TABLE: &str = "42P01";
    const UNDEFINED_FUNCTION: &str = "42883";
    match state(&error).as_deref() {
        Some(UNDEFINED_TABLE | UNDEFINED_FUNCTION) => LogError::NotMigrated(error),
        _ => LogError::Database(error),
    }
}

fn state(error: &DbErr) -> Option<String> {
    match error {
        DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error)) => {
            error.as_database_error()?.code().map(|code| code.into_owned())
        }
        _ => None,
    }
}

fn is_retryable_in_sqlx(error: &SqlxError) -> bool {
    match error {
        SqlxError::Database(error) => error.code().is_some_and(|code| is_retryable_state(&code)),
        SqlxError::Io(_) | SqlxError::PoolTimedOut | SqlxError::PoolClosed | SqlxError::WorkerCrashed => true,
        _ => false,
    }
}

/// Classes of SQLSTATE that pass: 08 connection, 40 rolled back, 53 resources, 57 operator (restart, cancelled, timed out), and two
/// single states: 55P03 lock not available, 25P03 idle transaction ended.
fn is_retryable_state(state: &str) -> bool {
    const CLASSES: [&str; 4] = ["08", "40", "53", "57"];
    const STATES: [&str; 2] = ["55P03", "25P03"];
    CLASSES.iter().any(|class| state.starts_with(class)) || STATES.contains(&state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_told_from_what_stays() {
        for state in ["40001", "40P01", "08006", "57P01", "57014", "53300", "55P03", "25P03"] {
            assert!(is_retryable_state(state), "{state}");
        }
        for state in ["23505", "42P01", "22021", "25P02"] {
            assert!(!is_retryable_state(state), "{state}");
        }
    }
}
