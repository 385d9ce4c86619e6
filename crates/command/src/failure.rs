//! What goes wrong in the system itself. Its cause is for the log; a client sees a code and a sentence.

use crate::CommandError;
use crate::auth::{KeyError, PasswordError};
use async_graphql::Enum;
use millrace_events::seal::SealError;
use millrace_log::LogError;
use sea_orm::{DbErr, RuntimeErr, SqlxError};
use serde::{Deserialize, Serialize};

/// Why a handler stopped.
#[derive(Debug)]
pub enum HandlerError {
    /// The answer is no.
    Rejected(Vec<CommandError>),
    /// There is no answer.
    Failed(Fault),
}

impl From<CommandError> for HandlerError {
    fn from(error: CommandError) -> Self {
        Self::Rejected(vec![error])
    }
}

impl<F: Into<Fault>> From<F> for HandlerError {
    fn from(fault: F) -> Self {
        Self::Failed(fault.into())
    }
}

/// What went wrong, with its cause.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Nobody is signed in, or the sign-in has ended.
    #[error("the command needs somebody who is signed in")]
    NotSignedIn,
    /// Only admins may.
    #[error("the command is for admins")]
    NotAdmin,
    /// As many commands as may run are running.
    #[error("too many commands are running")]
    TooManyCommands,
    /// This process takes no commands any more: it is shutting down.
    #[error("no commands are taken any more")]
    Draining,
    /// Too many failed sign-ins.
    #[error("too many failed sign-ins")]
    TooManyAttempts,
    /// A sign-in's refresh token is used again and again within its grace.
    #[error("too many refresh tokens of one sign-in")]
    TooManyRefreshTokens,
    /// The answer did not come in time. The command goes on.
    #[error("the command takes longer than {wait_ms} ms")]
    Slow {
        /// How long was waited for it.
        wait_ms: u128,
    },
    /// PostgreSQL refused, or did not answer.
    #[error("PostgreSQL did not carry out a statement")]
    Database(#[from] DbErr),
    /// The connection broke at COMMIT, and whether it took effect could not be found out.
    #[error("it is not known whether the command was committed")]
    CommitUnknown(#[source] DbErr),
    /// The connection broke at COMMIT, and it did not take effect.
    #[error("the command was not committed")]
    NotCommitted(#[source] DbErr),
    /// Outbox, keys or log refused.
    #[error("the log did not do as asked")]
    Log(#[from] LogError),
    /// Personal data could not be sealed.
    #[error("personal data could not be sealed")]
    Seal(#[from] SealError),
    /// Something could not be written as JSON, or what PostgreSQL keeps could not be read.
    #[error("JSON that does not fit")]
    Json(#[from] serde_json::Error),
    /// A password was not hashed or compared.
    #[error("a password was not hashed or compared")]
    Password(#[from] PasswordError),
    /// An access token was not signed.
    #[error("an access token was not signed")]
    Key(#[from] KeyError),
    /// A statement that must change one row changed another number of them.
    #[error("{statement} changed {rows} rows instead of one")]
    Rows {
        /// Which statement.
        statement: &'static str,
        /// How many rows it changed.
        rows: u64,
    },
    /// What a lock or an earlier step promised is not there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// The command's task ended without an answer: it panicked.
    #[error("the command's task ended without an answer")]
    Task(#[from] tokio::task::JoinError),
}

impl Fault {
    /// True if another attempt in a new transaction may succeed. COMMIT did not take effect in any of these cases.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::NotCommitted(_) => true,
            Self::Database(error) | Self::Log(LogError::Database(error)) => is_race(error) || is_lost(error),
            _ => false,
        }
    }

    fn code(&self) -> FailureCode {
        match self {
            Self::NotSignedIn => FailureCode::Unauthenticated,
            Self::NotAdmin => FailureCode::Forbidden,
            Self::TooManyCommands | Self::TooManyAttempts | Self::TooManyRefreshTokens => FailureCode::RateLimited,
            Self::Password(PasswordError::TooManyWaiting) => FailureCode::RateLimited,
            Self::Password(PasswordError::WaitedTooLong) => FailureCode::Unavailable,
            Self::Slow { .. } => FailureCode::Timeout,
            Self::Draining | Self::CommitUnknown(_) | Self::NotCommitted(_) => FailureCode::Unavailable,
            Self::Log(LogError::EventTooLarge { .. } | LogError::TooManyEvents { .. }) => FailureCode::LimitExceeded,
            Self::Database(error) | Self::Log(LogError::Database(error)) => code_of(error),
            _ => FailureCode::Internal,
        }
    }

    fn limit(&self) -> Option<&'static str> {
        match self {
            Self::TooManyCommands => Some("commands at once"),
            Self::TooManyAttempts => Some("failed sign-ins"),
            Self::TooManyRefreshTokens => Some("refresh tokens of one sign-in"),
            Self::Password(PasswordError::TooManyWaiting) => Some("passwords at once"),
            Self::Log(LogError::EventTooLarge { .. }) => Some("bytes of an event"),
            Self::Log(LogError::TooManyEvents { .. }) => Some("events of a command"),
            _ => None,
        }
    }
}

/// SQLSTATE of what the server itself answered.
pub(crate) fn sql_state(error: &DbErr) -> Option<String> {
    match sqlx_error(error)? {
        SqlxError::Database(error) => error.code().map(|code| code.into_owned()),
        _ => None,
    }
}

/// Deadlock, serialisation failure, or a unique key that somebody else took first.
fn is_race(error: &DbErr) -> bool {
    const RACES: [&str; 3] = ["40P01", "40001", "23505"];
    sql_state(error).is_some_and(|state| RACES.contains(&state.as_str()))
}

/// The connection is gone, or the server is going down. Outside of COMMIT this means that nothing took effect.
fn is_lost(error: &DbErr) -> bool {
    match sqlx_error(error) {
        Some(SqlxError::Io(_) | SqlxError::Protocol(_) | SqlxError::WorkerCrashed) => true,
        Some(SqlxError::Database(error)) => {
            error.code().is_some_and(|code| code.starts_with("08") || ["57P01", "57P02"].contains(&&*code))
        }
        _ => false,
    }
}

fn sqlx_error(error: &DbErr) -> Option<&SqlxError> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => Some(error),
        _ => None,
    }
}

fn code_of(error: &DbErr) -> FailureCode {
    const STATEMENT_TOOK_TOO_LONG: &str = "57014";
    if sql_state(error).as_deref() == Some(STATEMENT_TOOK_TOO_LONG) {
        return FailureCode::Timeout;
    }
    // A unique key that stands in the way at every attempt is no race.
    if is_lost(error) || millrace_log::is_retryable(error) { FailureCode::Unavailable } else { FailureCode::Internal }
}

/// Codes of errors that are no command's fault; they stand in `extensions.code` of a top-level error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Enum, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FailureCode {
    /// Nobody is signed in, or the sign-in has ended.
    Unauthenticated,
    /// Signed in, but not in a role that may.
    Forbidden,
    /// Too much at once, or too often.
    RateLimited,
    /// Something is larger than the limit.
    LimitExceeded,
    /// A part of the system does not answer.
    Unavailable,
    /// The answer did not come in time; the command may still take effect.
    Timeout,
    /// A fault of ours.
    Internal,
}

impl FailureCode {
    /// The text in `extensions.code`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::RateLimited => "RATE_LIMITED",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::Unavailable => "UNAVAILABLE",
            Self::Timeout => "TIMEOUT",
            Self::Internal => "INTERNAL",
        }
    }

    /// True if the same command may succeed later. Without an idempotency key it may then take effect twice.
    pub fn is_retryable(self) -> bool {
        matches!(self, Self::RateLimited | Self::Unavailable | Self::Timeout)
    }

    fn message(self) -> &'static str {
        match self {
            Self::Unauthenticated => "Sign in first.",
            Self::Forbidden => "This is not for you to do.",
            Self::RateLimited => "Too much at once. Try again later.",
            Self::LimitExceeded => "This is more than is allowed.",
            Self::Unavailable => "A part of the system does not answer. Try again later.",
            Self::Timeout => "The answer did not come in time. The command may still take effect.",
            Self::Internal => "Something went wrong on our side.",
        }
    }
}

/// What others may know of a failure. It crosses the internal API in place of the failure itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailureReport {
    /// Which failure.
    pub code: FailureCode,
    /// What to tell a person.
    pub message: String,
    /// True if the same command may succeed later.
    pub retryable: bool,
    /// Which limit, where it is one.
    pub limit: Option<String>,
}

/// Why a command has no answer: becomes a top-level error. It shows its report; its source is for the log.
#[derive(Debug, thiserror::Error)]
#[error("{}", report.message)]
pub struct CommandFailure {
    report: FailureReport,
    #[source]
    source: Option<Fault>,
}

impl CommandFailure {
    /// What others may know of it.
    pub fn report(&self) -> &FailureReport {
        &self.report
    }

    /// A failure that another role reported.
    pub fn reported(report: FailureReport) -> Self {
        Self { report, source: None }
    }

    /// Which failure.
    pub fn code(&self) -> FailureCode {
        self.report.code
    }

    /// True if the same command may succeed later.
    pub fn is_retryable(&self) -> bool {
        self.report.retryable
    }
}

impl From<Fault> for CommandFailure {
    fn from(fault: Fault) -> Self {
        let code = fault.code();
        let report = FailureReport {
            code,
            message: code.message().to_owned(),
            retryable: code.is_retryable(),
            limit: fault.limit().map(str::to_owned),
        };
        Self { report, source: Some(fault) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_events::EventId;
    use std::error::Error;

    #[test]
    fn a_failure_keeps_its_cause_and_shows_none_of_it() {
        let failure = CommandFailure::from(Fault::Database(DbErr::Custom("password=hunter2".into())));
        assert_eq!(failure.code(), FailureCode::Internal);
        assert!(!failure.to_string().contains("hunter2"));
        assert!(!serde_json::to_string(failure.report()).unwrap().contains("hunter2"));
        let cause = failure.source().and_then(Error::source).unwrap();
        assert!(cause.to_string().contains("hunter2"));
    }

    #[test]
    fn a_report_crosses_between_roles_unchanged() {
        let failure = CommandFailure::from(Fault::TooManyCommands);
        let text = serde_json::to_string(failure.report()).unwrap();
        assert!(text.contains("RATE_LIMITED"));
        let arrived = CommandFailure::reported(serde_json::from_str(&text).unwrap());
        assert_eq!(arrived.report(), failure.report());
        assert!(arrived.source().is_none() && arrived.is_retryable());
    }

    #[test]
    fn an_event_that_is_too_large_names_the_limit() {
        let fault = Fault::Log(LogError::EventTooLarge { event_id: EventId::generate(), bytes: 300_000 });
        let failure = CommandFailure::from(fault);
        assert_eq!(failure.code(), FailureCode::LimitExceeded);
        assert_eq!(failure.report().limit.as_deref(), Some("bytes of an event"));
        assert!(!failure.is_retryable());
    }
}
