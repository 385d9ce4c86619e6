//! What can go wrong in a round.

use millrace_events::{Position, UserId};

use crate::ports::BoxError;

/// Why a round ended early. The next one looks at everything anew.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// PostgreSQL did not do as asked.
    #[error("the log did not answer")]
    Log(#[source] BoxError),
    /// NATS did not do as asked; after a lost answer it may have.
    #[error("the stream did not answer")]
    Stream(#[source] BoxError),
    /// An event cannot be written as JSON.
    #[error("the event at {position} cannot be written as JSON")]
    Encode {
        /// Where it lies.
        position: Position,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// The log is not the one that it was a moment ago. If the next look finds nothing, its own chain is broken.
    #[error("the log does not go on at {0} as the stream ends")]
    LogDoesNotFollow(Position),
    /// Somebody else writes a person's key again and again.
    #[error("the key of person {0} is being written by somebody else")]
    KeyContended(UserId),
}

impl RelayError {
    /// Which side it is about, for people.
    pub(crate) fn side(&self) -> &'static str {
        match self {
            Self::Log(_) | Self::Encode { .. } | Self::LogDoesNotFollow(_) => "the log in PostgreSQL",
            Self::Stream(_) | Self::KeyContended(_) => "the stream in NATS",
        }
    }
}
