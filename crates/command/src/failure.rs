//! What a client may know of a fault: a code and a sentence.

use crate::fault::Fault;
use async_graphql::Enum;
use serde::{Deserialize, Serialize};

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
    /// It took too long.
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
            Self::Timeout => "It took too long. Try again later.",
            Self::Internal => "Something went wrong on our side.",
        }
    }
}

/// What is said of a command that may have taken effect, or may still.
const OPEN: &str = "The answer did not come. The command may have taken effect, or may still. With the same idempotency key it can \
                    be repeated: it takes effect once.";

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
    /// After how many seconds it may be tried again, where that is known.
    pub retry_after_s: Option<u64>,
    /// True if the command may have taken effect, or may still. A command role of before does not say so.
    #[serde(default)]
    pub is_open: bool,
}

impl FailureReport {
    /// What there is to say of a failure of which only its code is known.
    pub fn of(code: FailureCode) -> Self {
        let message = code.message().to_owned();
        Self { code, message, retryable: code.is_retryable(), limit: None, retry_after_s: None, is_open: false }
    }

    /// The same of a command that may have taken effect, or may still. Whatever kept its answer, sending it again with its key tells.
    pub fn open(code: FailureCode) -> Self {
        Self { message: OPEN.to_owned(), retryable: true, is_open: true, ..Self::of(code) }
    }
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
        let told = if fault.is_open() { FailureReport::open(code) } else { FailureReport::of(code) };
        let limit = fault.limit().map(str::to_owned);
        let report = FailureReport { limit, retry_after_s: fault.retry_after_s(), ..told };
        Self { report, source: Some(fault) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_events::EventId;
    use millrace_log::LogError;
    use sea_orm::DbErr;
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
    fn a_command_that_may_have_taken_effect_is_told_so_also_across_roles() {
        for fault in [Fault::Slow { wait_ms: 7 }, Fault::CommitUnknown(DbErr::Custom("gone".into())), Fault::Task] {
            let failure = CommandFailure::from(fault);
            assert!(failure.report().is_open && failure.is_retryable(), "{failure:?}");
            let text = serde_json::to_string(failure.report()).unwrap();
            assert_eq!(serde_json::from_str::<FailureReport>(&text).unwrap(), *failure.report());
        }
        assert!(!CommandFailure::from(Fault::TooManyCommands).report().is_open);
    }

    /// As one of before wrote it.
    #[test]
    fn a_report_of_an_older_command_role_is_read() {
        let text = r#"{"code":"TIMEOUT","message":"late","retryable":true,"limit":null,"retryAfterS":null}"#;
        assert!(!serde_json::from_str::<FailureReport>(text).unwrap().is_open);
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
