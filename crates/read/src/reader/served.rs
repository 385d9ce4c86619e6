//! The store of whichever generation is served: after a cutover or a new history the next read goes to the next generation.

use crate::projection::{DocumentKey, Projection, Selector};
use crate::store::mongo::{MongoStore, ServedPointer, is_checkpoint_missing};
use crate::store::{ChangesPage, Checkpoint, Commit, Committed, DocumentStore, Snapshot, StoreError, Stored};
use millrace_events::{Revision, rule};
use mongodb::Database;
use mongodb::bson::Document;
use std::sync::{PoisonError, RwLock};

/// No projector has run yet, so there is nothing to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no generation of the projection is served yet")]
pub struct NotServedYet;

/// A projection's served generation in MongoDB.
pub struct ServedStore<P> {
    pointer: ServedPointer<P>,
    current: RwLock<Option<MongoStore<P>>>,
}

impl<P: Projection> ServedStore<P> {
    /// Finds out which generation it is when it is first used.
    pub fn new(database: Database) -> Self {
        Self { pointer: ServedPointer::new(database), current: RwLock::new(None) }
    }

    /// The pointer, with the last beat that a projector heard.
    pub fn pointer(&self) -> &ServedPointer<P> {
        &self.pointer
    }

    /// Documents that a query finds, in its order, and the generation that they are of: one that may be retired by now.
    pub async fn find(
        &self,
        filter: Document,
        sort: Document,
        limit: usize,
    ) -> Result<(u32, Vec<(DocumentKey, Stored<P::Document>)>), StoreError> {
        let store = self.current().await?;
        Ok((store.generation(), store.find_documents("read a list", filter, sort, limit).await?))
    }

    async fn current(&self) -> Result<MongoStore<P>, StoreError> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        match current {
            Some(store) => Ok(store),
            None => self.look_again().await,
        }
    }

    /// What was read of the generation that was served last. If that is gone, MongoDB was emptied or put back to before it, and the next
    /// read asks anew which one is served.
    fn known<T>(&self, read: Result<T, StoreError>) -> Result<T, StoreError> {
        if read.as_ref().is_err_and(is_checkpoint_missing) {
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = None;
        }
        read
    }

    async fn look_again(&self) -> Result<MongoStore<P>, StoreError> {
        let served = self.pointer.served().await?.ok_or(NotServedYet)?;
        let store = self.pointer.store(served.generation);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(store.clone());
        Ok(store)
    }
}

/// A retired generation answers nobody: its successor may already have shown more.
fn is_retired(checkpoint: &Checkpoint) -> bool {
    checkpoint.retired && rule("retired_serves_nobody")
}

impl<P: Projection> DocumentStore<P::Document> for ServedStore<P> {
    async fn checkpoint(&self) -> Result<Checkpoint, StoreError> {
        let checkpoint = self.known(self.current().await?.checkpoint().await)?;
        if is_retired(&checkpoint) { self.look_again().await?.checkpoint().await } else { Ok(checkpoint) }
    }

    async fn read(&self, keys: &[DocumentKey]) -> Result<Snapshot<P::Document>, StoreError> {
        let snapshot = self.known(self.current().await?.read(keys).await)?;
        if is_retired(&snapshot.checkpoint) { self.look_again().await?.read(keys).await } else { Ok(snapshot) }
    }

    async fn select(
        &self,
        selector: &Selector,
        done: Option<&DocumentKey>,
        limit: usize,
    ) -> Result<Vec<(DocumentKey, Stored<P::Document>)>, StoreError> {
        self.current().await?.select(selector, done, limit).await
    }

    async fn newest(
        &self,
        selector: &Selector,
        limit: usize,
    ) -> Result<Vec<(DocumentKey, Stored<P::Document>)>, StoreError> {
        self.current().await?.newest(selector, limit).await
    }

    async fn commit(&self, from: Revision, commit: &Commit<P::Document>) -> Result<Committed, StoreError> {
        self.current().await?.commit(from, commit).await
    }

    async fn changes(&self, after_seq: u64, limit: usize) -> Result<ChangesPage, StoreError> {
        let page = self.known(self.current().await?.changes(after_seq, limit).await)?;
        if is_retired(&page.checkpoint) { self.look_again().await?.changes(after_seq, limit).await } else { Ok(page) }
    }
}
