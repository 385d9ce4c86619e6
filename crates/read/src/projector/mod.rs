//! The projector: folds the stream into documents, commits them with the checkpoint, and brings them to the cache.

pub mod source;

pub use source::{Beat, Content, Message, Source, SourceError, StreamState, Wanted};
