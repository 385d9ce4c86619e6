//! What a read is owed, and what it answers.

use super::owed::owed;
use super::served::NotServedYet;
use crate::projection::DocumentKey;
use crate::store::{Checkpoint, StoreError};
use millrace_events::{History, Required, Revision};
use std::collections::HashMap;
use std::sync::Arc;

/// What to do if the position that is owed is not reached in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OnTimeout {
    /// A typed error.
    #[default]
    Error,
    /// The older answer, marked stale.
    Stale,
}

/// What a read is owed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Need {
    /// From the request's tokens; none if it brought none.
    pub required: Option<Required>,
    /// If that is not reached in time.
    pub on_timeout: OnTimeout,
}

/// Where an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// All of it from the cache.
    Cache,
    /// All of it from the store.
    Store,
    /// Some from each.
    Mixed,
}

/// A document that exists.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Revision of its last change.
    pub revision: Revision,
    /// The JSON, with GraphQL's field names.
    pub json: Arc<str>,
    /// True if an event could not be applied to it: this is its last good state.
    pub is_parked: bool,
}

/// Documents, and how far what was read had come.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The log's life; none before the first event.
    pub history: Option<History>,
    /// The generation that answered.
    pub generation: u32,
    /// The higher of the checkpoint (or head) and of all documents: what the client has seen now.
    pub revision: Revision,
    /// For each wanted key; none for a document that does not exist.
    pub documents: HashMap<DocumentKey, Option<Found>>,
    /// Where it came from.
    pub source: Source,
    /// True if it is older than what was owed, as the request allowed.
    pub stale: bool,
}

/// What has not reached what is owed. If it does not in time, this is the answer or the error.
#[derive(Debug)]
pub(super) enum Late<T> {
    /// The projection is behind.
    Behind {
        /// What there is.
        older: T,
        required: Revision,
        reached: Revision,
    },
    /// Before the first projector has run there is nothing to read: that is late, not broken.
    NotServed(StoreError),
}

impl<T> Late<T> {
    /// What was read at a checkpoint that is behind.
    pub fn behind(older: T, checkpoint: &Checkpoint, required: Required) -> Self {
        let required = owed(&required, checkpoint.generation);
        Self::Behind { older, required, reached: checkpoint.revision }
    }

    /// An error that time may mend.
    pub fn of(error: ReadError) -> Result<Self, ReadError> {
        match error {
            ReadError::Store(error) if error.is::<NotServedYet>() => Ok(Self::NotServed(error)),
            error => Err(error),
        }
    }

    /// The time is over.
    pub fn over(self, on_timeout: OnTimeout) -> Result<T, ReadError> {
        match (self, on_timeout) {
            (Self::Behind { older, .. }, OnTimeout::Stale) => Ok(older),
            (Self::Behind { required, reached, .. }, OnTimeout::Error) => {
                Err(ReadError::ConsistencyTimeout { required, reached })
            }
            (Self::NotServed(error), _) => Err(ReadError::Store(error)),
        }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store does not answer.
    #[error("the documents cannot be read")]
    Store(#[source] StoreError),
    /// A document that its projection cannot read.
    #[error("a document is not what its projection wrote")]
    Document(#[from] serde_json::Error),
    /// What is owed was not reached in time.
    #[error("position {} was not reached in time, {} was", required.position, reached.position)]
    ConsistencyTimeout {
        /// What was owed.
        required: Revision,
        /// How far the projection was.
        reached: Revision,
    },
    /// A token of an older life of the log: what it saw may never have happened.
    #[error("the token belongs to an older history")]
    HistoryGone,
    /// As many as may wait are waiting.
    #[error("{max} requests wait for a position, and no more may")]
    TooManyWaiting {
        /// The limit.
        max: usize,
    },
    /// More documents at once than are read at once.
    #[error("more than {max} documents at once")]
    TooManyKeys {
        /// The limit.
        max: usize,
    },
}
