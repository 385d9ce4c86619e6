//! What can go wrong with MongoDB.

use crate::projection::DocumentKey;
use crate::store::StoreError;
use mongodb::bson;
use mongodb::error::{ErrorKind, WriteFailure};

/// Why MongoDB did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum MongoError {
    /// The driver or the server gave an error.
    #[error("MongoDB did not {step}")]
    Driver {
        /// What was asked.
        step: &'static str,
        /// Why not.
        #[source]
        source: mongodb::error::Error,
    },
    /// No answer in time. What was asked may have been done.
    #[error("MongoDB did not {step} within {max_ms} ms")]
    TimedOut {
        /// What was asked.
        step: &'static str,
        /// The limit.
        max_ms: u64,
    },
    /// A statement was refused although its command was accepted.
    #[error("MongoDB refused to {step}: code {code}")]
    Refused {
        /// What was asked.
        step: &'static str,
        /// MongoDB's error code.
        code: i32,
    },
    /// It is written, and may be lost again. Nobody may build on it before it was read as what a majority has.
    #[error("MongoDB wrote a commit, but not durably: code {code}")]
    NotDurable {
        /// MongoDB's error code.
        code: i32,
    },
    /// The generation has no checkpoint: it was not prepared, or dropped.
    #[error("the generation has no checkpoint")]
    CheckpointMissing,
    /// A document of the projection has a field that the store needs for itself.
    #[error("document {key} has a field {field}, which is the store's own")]
    ReservedField {
        /// The document.
        key: DocumentKey,
        /// The field.
        field: &'static str,
    },
    /// Something cannot be written as BSON.
    #[error("{what} cannot be written as BSON")]
    Encode {
        /// Its key or name.
        what: String,
        /// Why not.
        #[source]
        source: Box<bson::ser::Error>,
    },
    /// What lies in the store is not what this program writes.
    #[error("{what} in MongoDB cannot be read")]
    Decode {
        /// Its key or name.
        what: String,
        /// Why not.
        #[source]
        source: Box<bson::de::Error>,
    },
    /// What lies in the store is not what this program writes.
    #[error("{what} in MongoDB lacks what every document has")]
    Malformed {
        /// Its key or name.
        what: String,
        /// What is wrong with it.
        #[source]
        source: StoreError,
    },
}

/// True if a generation is not there: none was ever begun, or MongoDB was emptied or put back to before it.
pub fn is_checkpoint_missing(error: &StoreError) -> bool {
    matches!(error.downcast_ref(), Some(MongoError::CheckpointMissing))
}

/// What lies in the store is not what this program writes.
pub(super) fn malformed(what: &str, source: impl Into<StoreError>) -> MongoError {
    MongoError::Malformed { what: what.to_owned(), source: source.into() }
}

/// The driver's error, with what was asked.
pub(super) fn failed(step: &'static str) -> impl FnOnce(mongodb::error::Error) -> MongoError {
    move |source| MongoError::Driver { step, source }
}

/// The server's error code, also of a single write that it refused.
pub(super) fn code(error: &mongodb::error::Error) -> Option<i32> {
    match error.kind.as_ref() {
        ErrorKind::Command(refused) => Some(refused.code),
        ErrorKind::Write(WriteFailure::WriteError(refused)) => Some(refused.code),
        _ => None,
    }
}
