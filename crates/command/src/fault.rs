//! What goes wrong in the system itself, with its cause: for the log.

use crate::auth::openid::IdTokenError;
use crate::auth::{KeyError, PasswordError};
use crate::{CommandError, FailureCode};
use millrace_events::money::MoneyError;
use millrace_events::seal::SealError;
use millrace_log::LogError;
use sea_orm::{DbErr, RuntimeErr, SqlxError};
use std::future::Future;
use std::time::Duration;
use tokio::time::timeout;

/// After so long a place for an export may be free again, in seconds.
const EXPORT_RETRY_AFTER_S: u64 = 10;

/// Waits so long for PostgreSQL and no longer: it ends each statement sooner itself, unless it is gone without a word.
pub(crate) async fn within<T, E: From<Fault>>(
    wait_max: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let silent = |_| Err(Fault::Silent { wait_ms: wait_max.as_millis() }.into());
    timeout(wait_max, work).await.unwrap_or_else(silent)
}

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
    /// Only staff may.
    #[error("the command is for staff")]
    NotStaff,
    /// Only admins may.
    #[error("the command is for admins")]
    NotAdmin,
    /// Only the system itself may.
    #[error("the command is for the system itself")]
    NotSystem,
    /// As many commands as may run are running.
    #[error("too many commands are running")]
    TooManyCommands,
    /// This process takes no commands any more: it is shutting down.
    #[error("no commands are taken any more")]
    Draining,
    /// Too many failed sign-ins.
    #[error("too many failed sign-ins")]
    TooManyAttempts {
        /// After this time another one is allowed.
        wait: Duration,
    },
    /// Too many mails for forgotten passwords were asked for.
    #[error("too many password resets")]
    TooManyResets {
        /// After this time another one is allowed.
        wait: Duration,
    },
    /// Too many ID tokens were refused.
    #[error("too many refused ID tokens")]
    TooManyIdTokens {
        /// After this time another one is looked at.
        wait: Duration,
    },
    /// An ID token could not be verified.
    #[error("an ID token could not be verified")]
    IdToken(#[source] IdTokenError),
    /// Too many new passwords were set.
    #[error("too many new passwords")]
    TooManyNewPasswords {
        /// After this time another one is allowed.
        wait: Duration,
    },
    /// A sign-in's refresh token is used again and again within its grace.
    #[error("too many refresh tokens of one sign-in")]
    TooManyRefreshTokens,
    /// As many exports as may run are running, or one of this person's is.
    #[error("too many exports are running")]
    TooManyExports,
    /// Another command has just done what this one cannot do after it.
    #[error("another command was faster")]
    Overtaken,
    /// The answer did not come in time. The command goes on.
    #[error("the command takes longer than {wait_ms} ms")]
    Slow {
        /// How long was waited for it.
        wait_ms: u128,
    },
    /// PostgreSQL refused, or did not answer.
    #[error("PostgreSQL did not carry out a statement")]
    Database(#[from] DbErr),
    /// PostgreSQL said nothing for longer than a transaction may take. Nothing of a command's transaction took effect, as this was before
    /// its COMMIT; a statement without one may have.
    #[error("PostgreSQL did not answer in {wait_ms} ms")]
    Silent {
        /// How long the transaction was waited for.
        wait_ms: u128,
    },
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
    /// Amounts that do not go together, although it was made sure that they do.
    #[error("amounts do not go together")]
    Money(#[from] MoneyError),
    /// A password was not hashed or compared.
    #[error("a password was not hashed or compared")]
    Password(#[from] PasswordError),
    /// A token was not signed.
    #[error("a token was not signed")]
    Key(#[from] KeyError),
    /// A statement must change so many rows, and changed another number of them.
    #[error("{statement} changed {rows} rows instead of {wanted}")]
    Rows {
        /// Which statement.
        statement: &'static str,
        /// How many rows it changed.
        rows: u64,
        /// How many it must change.
        wanted: usize,
    },
    /// What a lock or an earlier step promised is not there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// The command's task ended without an answer: it panicked. No cause is kept, as it would repeat the panic's text, and with that perhaps
    /// what somebody has sent.
    #[error("the command's task ended without an answer")]
    Task,
}

impl Fault {
    /// True if another attempt in a new transaction may succeed. COMMIT did not take effect in any of these cases.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::NotCommitted(_) | Self::Overtaken => true,
            Self::Database(error) | Self::Log(LogError::Database(error)) => is_race(error) || is_lost(error),
            _ => false,
        }
    }

    pub(crate) fn code(&self) -> FailureCode {
        match self {
            // Only the sender's own words are sealed: the sender was erased meanwhile.
            Self::NotSignedIn | Self::Seal(SealError::KeyDestroyed(_)) => FailureCode::Unauthenticated,
            Self::NotStaff | Self::NotAdmin | Self::NotSystem => FailureCode::Forbidden,
            Self::TooManyCommands | Self::TooManyAttempts { .. } | Self::TooManyRefreshTokens => {
                FailureCode::RateLimited
            }
            Self::TooManyResets { .. } | Self::TooManyNewPasswords { .. } | Self::TooManyExports => {
                FailureCode::RateLimited
            }
            Self::TooManyIdTokens { .. } => FailureCode::RateLimited,
            Self::IdToken(_) => FailureCode::Unavailable,
            // Nothing is broken, and whoever guesses passwords fills no log with errors.
            Self::Password(PasswordError::TooManyWaiting { .. } | PasswordError::WaitedTooLong { .. }) => {
                FailureCode::RateLimited
            }
            Self::Slow { .. } => FailureCode::Timeout,
            Self::Draining | Self::Overtaken => FailureCode::Unavailable,
            Self::Silent { .. } | Self::CommitUnknown(_) | Self::NotCommitted(_) => FailureCode::Unavailable,
            Self::Log(LogError::EventTooLarge { .. } | LogError::TooManyEvents { .. }) => FailureCode::LimitExceeded,
            Self::Database(error) | Self::Log(LogError::Database(error)) => code_of(error),
            _ => FailureCode::Internal,
        }
    }

    /// After how many seconds it may be tried again, where that is known.
    pub(crate) fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::TooManyAttempts { wait }
            | Self::TooManyIdTokens { wait }
            | Self::TooManyResets { wait }
            | Self::TooManyNewPasswords { wait }
            | Self::Password(PasswordError::TooManyWaiting { wait } | PasswordError::WaitedTooLong { wait }) => {
                Some(whole_seconds(*wait))
            }
            Self::TooManyExports => Some(EXPORT_RETRY_AFTER_S),
            _ => None,
        }
    }

    /// True if the command may have taken effect, or may still. A task may have panicked after its COMMIT.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Self::Slow { .. } | Self::CommitUnknown(_) | Self::Task)
    }

    pub(crate) fn limit(&self) -> Option<&'static str> {
        match self {
            Self::TooManyCommands => Some("commands at once"),
            Self::TooManyAttempts { .. } => Some("failed sign-ins"),
            Self::TooManyIdTokens { .. } => Some("refused ID tokens"),
            Self::TooManyExports => Some("exports at once"),
            Self::TooManyResets { .. } => Some("password resets"),
            Self::TooManyNewPasswords { .. } => Some("new passwords"),
            Self::TooManyRefreshTokens => Some("refresh tokens of one sign-in"),
            Self::Password(PasswordError::TooManyWaiting { .. } | PasswordError::WaitedTooLong { .. }) => {
                Some("passwords at once")
            }
            Self::Log(LogError::EventTooLarge { .. }) => Some("bytes of an event"),
            Self::Log(LogError::TooManyEvents { .. }) => Some("events of a command"),
            _ => None,
        }
    }
}

/// Rounded up, and at least one: whoever came back sooner would be refused again.
fn whole_seconds(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u64::MAX).max(1)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_finds_no_turn_for_a_password_is_told_when_to_come_back() {
        let told = |ms: u64| {
            let wait = Duration::from_millis(ms);
            let full = Fault::from(PasswordError::TooManyWaiting { wait });
            let late = Fault::from(PasswordError::WaitedTooLong { wait });
            [full.retry_after_s(), late.retry_after_s()]
        };
        assert_eq!(told(2_000), [Some(2), Some(2)]);
        assert_eq!(told(2_001), [Some(3), Some(3)]);
        assert_eq!(told(0), [Some(1), Some(1)]);
    }
}
