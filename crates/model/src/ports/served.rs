//! The port to whichever generation is served, for readers and feeds: a retired one answers nobody.

use std::sync::{Mutex, PoisonError};

use millrace_events::{Revision, rule};
use millrace_read::projection::{DocumentKey, Selector};
use millrace_read::store::{ChangesPage, Checkpoint, Commit, Committed, DocumentStore, Snapshot, StoreError, Stored};

use super::store::StorePort;
use crate::projection::{Name, Sheet};
use crate::sim::{Lost, Sim};

/// Below so many steps lies the time before what was read is used: sometimes long, so that late fills are met.
const DAWDLING: [u64; 2] = [2, 30];

/// A process's guess of the generation that is served.
pub struct ServedPort {
    sim: Sim,
    of: Name,
    current: Mutex<Option<u32>>,
}

impl ServedPort {
    /// Finds out which generation of a projection it is when it is first used.
    pub fn new(sim: Sim, of: Name) -> Self {
        Self { sim, of, current: Mutex::new(None) }
    }

    async fn current(&self) -> Result<StorePort, Lost> {
        let current = *self.current.lock().unwrap_or_else(PoisonError::into_inner);
        match current {
            Some(generation) => Ok(self.store(generation)),
            None => self.look_again().await,
        }
    }

    async fn look_again(&self) -> Result<StorePort, Lost> {
        let of = self.of;
        let generation = self.sim.ask(|world| world.documents(of).served).await?;
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(generation);
        Ok(self.store(generation))
    }

    fn store(&self, generation: u32) -> StorePort {
        StorePort { sim: self.sim.clone(), of: self.of, generation }
    }
}

fn is_retired(checkpoint: &Checkpoint) -> bool {
    checkpoint.retired && rule("retired_serves_nobody")
}

impl DocumentStore<Sheet> for ServedPort {
    async fn checkpoint(&self) -> Result<Checkpoint, StoreError> {
        let checkpoint = self.current().await?.checkpoint().await?;
        if is_retired(&checkpoint) { self.look_again().await?.checkpoint().await } else { Ok(checkpoint) }
    }

    /// Who has read may take a while before they do anything with it.
    async fn read(&self, keys: &[DocumentKey]) -> Result<Snapshot<Sheet>, StoreError> {
        let snapshot = self.current().await?.read(keys).await?;
        let dawdling = self.sim.with(|world| world.random.pick(DAWDLING));
        self.sim.nap(dawdling).await;
        if is_retired(&snapshot.checkpoint) { self.look_again().await?.read(keys).await } else { Ok(snapshot) }
    }

    async fn select(
        &self,
        selector: &Selector,
        done: Option<&DocumentKey>,
        limit: usize,
    ) -> Result<Vec<(DocumentKey, Stored<Sheet>)>, StoreError> {
        self.current().await?.select(selector, done, limit).await
    }

    async fn newest(&self, selector: &Selector, limit: usize) -> Result<Vec<(DocumentKey, Stored<Sheet>)>, StoreError> {
        self.current().await?.newest(selector, limit).await
    }

    async fn commit(&self, from: Revision, commit: &Commit<Sheet>) -> Result<Committed, StoreError> {
        self.current().await?.commit(from, commit).await
    }

    async fn changes(&self, after_seq: u64, limit: usize) -> Result<ChangesPage, StoreError> {
        let page = self.current().await?.changes(after_seq, limit).await?;
        if is_retired(&page.checkpoint) { self.look_again().await?.changes(after_seq, limit).await } else { Ok(page) }
    }
}
