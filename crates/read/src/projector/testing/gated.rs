//! A store in front of another one, where one step waits until it is let through.

use crate::projection::{Document, DocumentKey, Selector};
use crate::store::{ChangesPage, Checkpoint, Commit, Committed, DocumentStore, Snapshot, StoreError, Stored};
use millrace_events::Revision;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Which step waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// The answer to a read of documents, as on a slow way.
    Reads,
    /// A commit, before it is made.
    Commits,
}

/// Whoever comes says so, and waits until it is let through.
#[derive(Debug, Clone)]
pub struct Gate {
    reached: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

impl Gate {
    fn closed() -> Self {
        let none = || Arc::new(Semaphore::new(0));
        Self { reached: none(), open: none() }
    }

    /// Returns once somebody waits here.
    pub async fn reached(&self) {
        self.reached.acquire().await.unwrap().forget();
    }

    /// Lets one through.
    pub fn let_through(&self) {
        self.open.add_permits(1);
    }

    async fn pass(&self) {
        self.reached.add_permits(1);
        self.open.acquire().await.unwrap().forget();
    }
}

/// The store, and the gate before the step.
#[derive(Debug, Clone)]
pub struct Gated<S> {
    pub store: S,
    pub gate: Gate,
    held: Held,
}

impl<S> Gated<S> {
    pub fn new(store: S, held: Held) -> Self {
        Self { store, gate: Gate::closed(), held }
    }

    async fn pass(&self, step: Held) {
        if self.held == step {
            self.gate.pass().await;
        }
    }
}

impl<D: Document, S: DocumentStore<D>> DocumentStore<D> for Gated<S> {
    async fn checkpoint(&self) -> Result<Checkpoint, StoreError> {
        self.store.checkpoint().await
    }

    async fn read(&self, keys: &[DocumentKey]) -> Result<Snapshot<D>, StoreError> {
        let snapshot = self.store.read(keys).await;
        self.pass(Held::Reads).await;
        snapshot
    }

    async fn select(
        &self,
        selector: &Selector,
        done: Option<&DocumentKey>,
        limit: usize,
    ) -> Result<Vec<(DocumentKey, Stored<D>)>, StoreError> {
        self.store.select(selector, done, limit).await
    }

    async fn newest(&self, selector: &Selector, limit: usize) -> Result<Vec<(DocumentKey, Stored<D>)>, StoreError> {
        self.store.newest(selector, limit).await
    }

    async fn commit(&self, from: Revision, commit: &Commit<D>) -> Result<Committed, StoreError> {
        self.pass(Held::Commits).await;
        self.store.commit(from, commit).await
    }

    async fn changes(&self, after_seq: u64, limit: usize) -> Result<ChangesPage, StoreError> {
        self.store.changes(after_seq, limit).await
    }
}
