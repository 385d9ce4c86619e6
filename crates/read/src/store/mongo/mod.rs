//! The document store in MongoDB.

mod commit;
mod error;
mod form;
mod names;
mod parked;
mod read;
mod served;
mod setup;
mod statements;
mod superseded;
#[cfg(test)]
pub(crate) mod tests;

pub use error::{MongoError, is_checkpoint_missing};
pub use parked::Parked;
pub use served::{FIRST_GENERATION, Served, ServedPointer};

use crate::projection::{DocumentKey, Projection, Selector};
use crate::store::{ChangesPage, Checkpoint, Commit, Committed, DocumentStore, Snapshot, StoreError, Stored};
use millrace_events::Revision;
use mongodb::Database;
use names::Names;
use std::marker::PhantomData;

/// One generation of a projection in MongoDB: a collection of documents, with the checkpoint among them, and one of changes.
#[derive(Debug)]
pub struct MongoStore<P> {
    database: Database,
    names: Names,
    generation: u32,
    projection: PhantomData<fn() -> P>,
}

impl<P> Clone for MongoStore<P> {
    fn clone(&self) -> Self {
        let (database, names) = (self.database.clone(), self.names.clone());
        Self { database, names, generation: self.generation, projection: PhantomData }
    }
}

impl<P: Projection> MongoStore<P> {
    /// A generation's store. It has to be [prepared](Self::prepare) once.
    pub fn new(database: Database, generation: u32) -> Self {
        Self { database, names: Names::of(P::NAME, generation), generation, projection: PhantomData }
    }

    /// Which generation it is.
    pub fn generation(&self) -> u32 {
        self.generation
    }
}

impl<P: Projection> DocumentStore<P::Document> for MongoStore<P> {
    async fn checkpoint(&self) -> Result<Checkpoint, StoreError> {
        Ok(self.read_checkpoint().await?)
    }

    async fn read(&self, keys: &[DocumentKey]) -> Result<Snapshot<P::Document>, StoreError> {
        Ok(self.read_snapshot(keys).await?)
    }

    async fn select(
        &self,
        selector: &Selector,
        done: Option<&DocumentKey>,
        limit: usize,
    ) -> Result<Vec<(DocumentKey, Stored<P::Document>)>, StoreError> {
        Ok(self.read_selected(selector, done, limit).await?)
    }

    async fn newest(
        &self,
        selector: &Selector,
        limit: usize,
    ) -> Result<Vec<(DocumentKey, Stored<P::Document>)>, StoreError> {
        Ok(self.read_newest(selector, limit).await?)
    }

    async fn commit(&self, from: Revision, commit: &Commit<P::Document>) -> Result<Committed, StoreError> {
        Ok(self.write(from, commit).await?)
    }

    async fn changes(&self, after_seq: u64, limit: usize) -> Result<ChangesPage, StoreError> {
        Ok(self.read_changes(after_seq, limit).await?)
    }
}
