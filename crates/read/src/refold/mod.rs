//! Repair: one document is folded anew from the log, beside the projectors, which go on.
//!
//! A parked document serves its last good state. Once the program can apply what it could not, its whole fold is made again, alone with
//! what it looks at, up to the checkpoint; then it is committed by compare as a chunk of a fan-out is.

mod alone;
mod follow;
pub mod operate;
mod run;

#[cfg(test)]
mod tests;

pub use run::{Refolded, refold};

use crate::projection::DocumentKey;
use crate::projector::{Alarm, Obstacle, SourceError};
use crate::store::{DeadLetter, StoreError};
use millrace_events::Position;

/// Why a document was not folded anew. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum RefoldError {
    /// The event still cannot be applied.
    #[error("{} still cannot be folded: event {} at position {}: {}; it stays parked", .0.key, .0.event, .0.position, .0.reason)]
    StillUnfoldable(DeadLetter),
    /// Neither is there such a document, nor did any event concern it.
    #[error("no event of the log concerns {0}")]
    Unknown(DocumentKey),
    /// The stream did not answer.
    #[error("the stream did not answer")]
    Source(#[source] SourceError),
    /// The store did not answer.
    #[error("the store did not answer")]
    Store(#[source] StoreError),
    /// The generation is another program's, or the log is not the one that was folded.
    #[error("it cannot be folded here")]
    Alarm(#[from] Alarm),
    /// What is wanted of the stream is not there.
    #[error("the stream cannot be folded now: {0}")]
    Obstacle(Obstacle),
    /// The stream ends before the checkpoint.
    #[error("the stream ends at position {last}, before the checkpoint at {checkpoint}: a relay has to fill it first")]
    Short {
        /// Where it ends.
        last: Position,
        /// Where the checkpoint stands.
        checkpoint: Position,
    },
    /// Another generation is served by now.
    #[error("another generation was begun meanwhile: try again")]
    Superseded,
    /// It looks at too many others.
    #[error("it hangs on more than {0} other documents: fold the whole projection anew instead")]
    TooMany(usize),
    /// New things that it looks at were found in each pass over the log.
    #[error(
        "after {0} passes over the log it still looked at further documents: try again with fewer commands under way"
    )]
    TooManyPasses(u32),
    /// Projectors were faster each time.
    #[error("projectors were faster {0} times: try again with fewer commands under way")]
    Outrun(u32),
    /// It does not fit into one commit.
    #[error("what is to be written is too large for one commit")]
    TooLarge,
}
