//! The port to the document store (MongoDB, or memory in the model): documents, changes and the checkpoint, moved together.

pub mod mongo;

use crate::projection::{Change, Document, DocumentKey, FanOut, Selector};
use millrace_events::{EventId, History, Position, Revision, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::error::Error;
use std::future::Future;
use std::sync::Arc;

/// Why a store did not answer. Nothing is known of what a failed commit did.
pub type StoreError = Box<dyn Error + Send + Sync>;

/// How far a generation of a projection has come.
///
/// Its JSON names are those in MongoDB, where it lies among the documents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoint {
    /// The log's life that is folded; none before the first event.
    pub history: Option<History>,
    /// Identity of the stream that was read; a change of it means: verify before going on.
    pub stream: Option<String>,
    /// The build of the projection's collections.
    pub generation: u32,
    /// The fold that made it; a program folds only its own.
    pub fold_version: u32,
    /// The last event folded, and chunks since.
    #[serde(rename = "rev")]
    pub revision: Revision,
    /// The last change's number.
    pub seq: u64,
    /// Identity of the last event folded.
    pub last_event: Option<EventId>,
    /// When the last event folded was decided.
    pub last_at: Option<Timestamp>,
    /// Fan-outs that are not done, in the order of their turns.
    pub open: Vec<FanOut>,
    /// True once another generation answers in its place.
    pub retired: bool,
}

/// A document as it lies in the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored<D> {
    /// Revision of its last change.
    pub revision: Revision,
    /// Since when it is parked because an event could not be applied to it.
    pub broken_since: Option<Position>,
    /// The document.
    pub document: D,
}

impl<D> Stored<D> {
    /// Whether it may lie in the cache. A parked document may not: an answer from it is marked stale, and the cache has no such mark.
    pub fn is_cacheable(&self) -> bool {
        self.broken_since.is_none()
    }
}

/// A document's JSON, with GraphQL's field names: answers are cut from it, and it lies in the cache.
pub fn to_json<D: Document>(document: &D) -> Result<Arc<str>, serde_json::Error> {
    Ok(serde_json::to_string(document)?.into())
}

/// What one commit writes. All of it, or nothing.
#[derive(Debug, Clone)]
pub struct Commit<D> {
    /// The checkpoint after it; its revision is also the revision of each document written.
    pub checkpoint: Checkpoint,
    /// New states; `None` removes.
    pub documents: Vec<(DocumentKey, Option<Stored<D>>)>,
    /// Documents that were parked before they existed, and since when.
    pub parked: Vec<(DocumentKey, Position)>,
    /// The changes, `seq` following on the old checkpoint's.
    pub changes: Vec<Change>,
    /// Why documents were parked in this commit.
    pub dead_letters: Vec<DeadLetter>,
    /// Documents that are parked no longer: their dead letters go.
    pub repaired: Vec<DocumentKey>,
}

impl<D> Commit<D> {
    /// True if it writes nothing but the checkpoint.
    pub fn moves_checkpoint_alone(&self) -> bool {
        let Self { checkpoint: _, documents, parked, changes, dead_letters, repaired } = self;
        documents.is_empty()
            && parked.is_empty()
            && changes.is_empty()
            && dead_letters.is_empty()
            && repaired.is_empty()
    }
}

/// Why a document is parked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// The document.
    pub key: DocumentKey,
    /// The event that could not be applied.
    pub position: Position,
    /// That event's name.
    pub event: String,
    /// Why.
    pub reason: String,
}

/// The answer to a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// It is written, by majority and journal.
    Yes,
    /// The checkpoint was not where the commit starts from: somebody else folded. Nothing is written.
    CompareLost,
    /// It is more than one transaction may hold, and will be so again. Nothing is written.
    TooLarge,
}

/// Documents and checkpoint of one moment.
#[derive(Debug, Clone)]
pub struct Snapshot<D> {
    /// The checkpoint of that moment.
    pub checkpoint: Checkpoint,
    /// Those of the wanted documents that exist.
    pub documents: HashMap<DocumentKey, Stored<D>>,
    /// Those that were parked before they existed, and since when.
    pub parked: HashMap<DocumentKey, Position>,
}

/// A page of changes.
#[derive(Debug, Clone)]
pub struct ChangesPage {
    /// The checkpoint of the same moment.
    pub checkpoint: Checkpoint,
    /// In order of `seq`.
    pub changes: Vec<Change>,
}

/// One generation of one projection in a store.
///
/// Reads are of the primary and of what a majority has; each is one consistent moment.
pub trait DocumentStore<D>: Send + Sync {
    /// The checkpoint.
    fn checkpoint(&self) -> impl Future<Output = Result<Checkpoint, StoreError>> + Send;

    /// Documents and checkpoint of one moment.
    fn read(&self, keys: &[DocumentKey]) -> impl Future<Output = Result<Snapshot<D>, StoreError>> + Send;

    /// Selected documents in key order, after `done`.
    fn select(
        &self,
        selector: &Selector,
        done: Option<&DocumentKey>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<(DocumentKey, Stored<D>)>, StoreError>> + Send;

    /// The newest selected documents, by `createdMicros` and then key, newest first.
    fn newest(
        &self,
        selector: &Selector,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<(DocumentKey, Stored<D>)>, StoreError>> + Send;

    /// Writes a commit if the checkpoint's revision is `from`.
    fn commit(&self, from: Revision, commit: &Commit<D>) -> impl Future<Output = Result<Committed, StoreError>> + Send;

    /// Changes after `seq`, with the checkpoint of the same moment. They follow `seq` without a gap, or are no longer kept.
    fn changes(&self, after_seq: u64, limit: usize) -> impl Future<Output = Result<ChangesPage, StoreError>> + Send;
}
