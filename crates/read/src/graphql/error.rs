//! The one place where errors become what a client sees: a stable code, plain words, and nothing of a store or driver.

use crate::reader::{NotServedYet, ReadError};
use async_graphql::{Error, ErrorExtensionValues, Value};
use millrace_events::Position;
use millrace_events::ids::IdError;
use millrace_events::values::ValueError;

/// Why a field has no answer.
///
/// It has no `Display` on purpose: async-graphql turns everything that has one into an error without a code, and silently so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody is signed in, or the token is void.
    Unauthenticated,
    /// Signed in, but not in a role that may.
    Forbidden,
    /// `first` and `last` together.
    BothEnds,
    /// A page of no entries.
    EmptyPage {
        /// `first` or `last`.
        argument: &'static str,
    },
    /// A cursor that this list never gave.
    MalformedCursor {
        /// `after` or `before`.
        argument: &'static str,
    },
    /// An id that this API never gave, or that of another type.
    Id(IdError),
    /// An argument without content.
    Empty {
        /// Which one.
        argument: &'static str,
    },
    /// An argument that is not what it should be.
    Value {
        /// Which one.
        argument: &'static str,
        /// The rule that it breaks.
        error: ValueError,
    },
    /// More than is allowed.
    LimitExceeded {
        /// Which limit.
        limit: &'static str,
        /// Its value.
        max: usize,
    },
    /// As many reads as may wait for a position are waiting.
    TooManyWaiting {
        /// Which limit.
        limit: &'static str,
        /// Its value.
        max: usize,
    },
    /// The read side did not get to where the request's tokens want it.
    NotReached {
        /// The projection that is late.
        projection: &'static str,
        /// Where it should be.
        required: Position,
        /// Where it is.
        reached: Position,
    },
    /// The request's tokens belong to an earlier life of the log, or this process still to one.
    OtherHistory,
    /// A subscriber took its events too slowly.
    Slow {
        /// To go on after it.
        cursor: Option<String>,
    },
    /// A subscription was cut off.
    Interrupted {
        /// To go on after it.
        cursor: Option<String>,
    },
    /// What the answer is read from does not answer now.
    Unavailable,
    /// It took longer than the request may take.
    Timeout,
    /// A defect of ours; its cause is in the log.
    Internal,
}

impl Refusal {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::BothEnds
            | Self::EmptyPage { .. }
            | Self::MalformedCursor { .. }
            | Self::Id(_)
            | Self::Empty { .. }
            | Self::Value { .. } => "BAD_USER_INPUT",
            Self::LimitExceeded { .. } | Self::TooManyWaiting { .. } | Self::Slow { .. } => "LIMIT_EXCEEDED",
            Self::NotReached { .. } => "CONSISTENCY_TIMEOUT",
            Self::OtherHistory => "HISTORY_GONE",
            Self::Unavailable | Self::Interrupted { .. } => "UNAVAILABLE",
            Self::Timeout => "TIMEOUT",
            Self::Internal => "INTERNAL",
        }
    }

    /// True if the same request may succeed later.
    pub fn retryable(&self) -> bool {
        matches!(
            self,
            Self::TooManyWaiting { .. }
                | Self::NotReached { .. }
                | Self::Slow { .. }
                | Self::Interrupted { .. }
                | Self::Unavailable
                | Self::Timeout
        )
    }

    /// Words for a person.
    pub fn message(&self) -> String {
        match self {
            Self::Unauthenticated => "sign in first".into(),
            Self::Forbidden => "this is not for you to see".into(),
            Self::BothEnds => "give `first` or `last`, not both".into(),
            Self::EmptyPage { argument } => format!("`{argument}` must be at least 1"),
            Self::MalformedCursor { argument } => format!("`{argument}` is not a cursor that was given here"),
            Self::Id(error) => error.to_string(),
            Self::Empty { argument } => format!("`{argument}` must not be empty"),
            Self::Value { argument, error } => format!("`{argument}` {error}"),
            Self::LimitExceeded { limit, max } => format!("`{limit}` must not be more than {max}"),
            Self::TooManyWaiting { .. } => "too many requests wait for their consistency tokens".into(),
            Self::NotReached { required, reached, .. } => {
                format!("position {required} is not here yet, only {reached}: try again, or accept older answers")
            }
            Self::OtherHistory => "the consistency token is from before the log was put back: read without it".into(),
            Self::Slow { .. } => "events were taken too slowly: subscribe again after the cursor".into(),
            Self::Interrupted { .. } => "interrupted: subscribe again after the cursor".into(),
            Self::Unavailable => "temporarily unavailable".into(),
            Self::Timeout => "it took too long".into(),
            Self::Internal => "internal error".into(),
        }
    }

    /// What a failed read of a projection is to a client. What it really was goes into the log.
    pub fn of_read(projection: &'static str, error: ReadError) -> Self {
        match error {
            ReadError::ConsistencyTimeout { required, reached } => {
                Self::NotReached { projection, required: required.position, reached: reached.position }
            }
            ReadError::HistoryGone => Self::OtherHistory,
            ReadError::TooManyWaiting { max } => Self::TooManyWaiting { limit: "waitingReads", max },
            ReadError::TooManyKeys { max } => Self::LimitExceeded { limit: "documents", max },
            // As everything is before its first generation: /readyz tells it, too.
            ReadError::Store(error) if error.is::<NotServedYet>() => {
                tracing::info!(projection, "{error}");
                Self::Unavailable
            }
            ReadError::Store(error) => {
                tracing::warn!(
                    projection,
                    error = error.as_ref() as &dyn std::error::Error,
                    "documents cannot be read"
                );
                Self::Unavailable
            }
            ReadError::Document(error) => {
                tracing::error!(projection, %error, "a document is not what its projection wrote");
                Self::Internal
            }
        }
    }

    fn details(&self, extensions: &mut ErrorExtensionValues) {
        match self {
            Self::LimitExceeded { limit, max } | Self::TooManyWaiting { limit, max } => {
                extensions.set("limit", *limit);
                extensions.set("max", *max);
            }
            Self::NotReached { projection, required, reached } => {
                extensions.set("projection", *projection);
                extensions.set("requiredPosition", required.to_string());
                extensions.set("reachedPosition", reached.to_string());
            }
            Self::Slow { cursor } | Self::Interrupted { cursor } => {
                extensions.set("cursor", cursor.clone().map_or(Value::Null, Value::from));
            }
            Self::Unauthenticated | Self::Forbidden | Self::BothEnds | Self::OtherHistory => {}
            Self::EmptyPage { .. }
            | Self::MalformedCursor { .. }
            | Self::Id(_)
            | Self::Empty { .. }
            | Self::Value { .. } => {}
            Self::Unavailable | Self::Timeout | Self::Internal => {}
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let mut error = Self::new(refusal.message());
        let mut extensions = ErrorExtensionValues::default();
        extensions.set("code", refusal.code());
        extensions.set("retryable", refusal.retryable());
        refusal.details(&mut extensions);
        error.extensions = Some(extensions);
        error
    }
}

impl From<IdError> for Refusal {
    fn from(error: IdError) -> Self {
        Self::Id(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_keeps_its_code_on_the_way_out() {
        fn refuse() -> async_graphql::Result<()> {
            Err(Refusal::LimitExceeded { limit: "first", max: 100 })?
        }
        let extensions = refuse().unwrap_err().extensions.unwrap();
        assert_eq!(extensions.get("code"), Some(&"LIMIT_EXCEEDED".into()));
        assert_eq!(extensions.get("limit"), Some(&"first".into()));
        assert_eq!(extensions.get("retryable"), Some(&false.into()));
    }
}
