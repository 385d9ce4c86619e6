//! The projector: folds the stream into documents, commits them with the checkpoint, and brings them to the cache.

pub mod alarm;
pub mod beats;
pub mod chain;
pub mod core;
pub mod draft;
pub mod drain;
mod emptying;
pub mod figures;
pub mod fold;
mod intake;
pub mod jetstream;
pub mod kept;
pub mod lag;
pub mod limits;
mod look;
pub mod pauses;
pub mod run;
pub mod source;
pub mod spread;
pub mod state;
pub mod sweep;
mod tell;
mod work;
pub mod write_through;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use alarm::{Alarm, Obstacle};
pub use core::{Projector, Round, RoundError, Step};
pub use limits::Limits;
pub use run::{ProjectorStatus, ProjectorStores, run_projector};
pub use source::{Beat, Content, Message, Source, SourceError, StreamState, Wanted};
