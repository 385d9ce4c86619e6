//! The port to MongoDB, for projectors and readers.

use millrace_events::Revision;
use millrace_read::projection::{DocumentKey, Selector};
use millrace_read::store::{ChangesPage, Checkpoint, Commit, Committed, DocumentStore, Snapshot, StoreError, Stored};

use crate::faults::Aim;
use crate::plot::Plot;
use crate::projection::{Name, Sheet};
use crate::sim::{Lost, Sim};
use crate::world::documents::Generation;
use crate::world::{Server, World};

/// How often a process dies or stands still just before a commit, and between a commit and the cache.
const STRUCK_AT_COMMIT: f64 = 0.02;
/// How often a commit and its repetition both get lost, in the time in which another projector may commit.
const LOST_TWICE: f64 = 0.03;
/// The same where a schedule is about it.
const LOST_TWICE_IN_DOUBT: f64 = 0.15;
/// Below so many steps lies the time in which another projector may commit.
const LOST_FOR: u64 = 40;
/// How often a process dies or stands still between a commit and the cache, where a schedule is about what lies between them.
const STRUCK_BEFORE_CACHE: f64 = 0.1;

/// A generation of one of the model's projections.
#[derive(Clone)]
pub struct StorePort {
    /// The world.
    pub sim: Sim,
    /// Which projection.
    pub of: Name,
    /// Which generation.
    pub generation: u32,
}

impl StorePort {
    async fn ask<R>(&self, read: impl FnOnce(&Generation) -> R) -> Result<R, StoreError> {
        let (of, number) = (self.of, self.generation);
        Ok(self.sim.ask(|world| read(world.documents(of).generation(number))).await?)
    }

    async fn commit_once(&self, transaction: u64, from: Revision, commit: &Commit<Sheet>) -> Result<Committed, Lost> {
        let (place, commit) = ((self.of, self.generation), commit.clone());
        let effect = move |world: &mut World| world.commit(place, transaction, from, &commit);
        self.sim.call(Server::MongoDb, effect).await
    }
}

impl DocumentStore<Sheet> for StorePort {
    async fn checkpoint(&self) -> Result<Checkpoint, StoreError> {
        self.ask(|store| store.checkpoint.clone()).await
    }

    async fn read(&self, keys: &[DocumentKey]) -> Result<Snapshot<Sheet>, StoreError> {
        self.ask(|store| store.read(keys)).await
    }

    async fn select(
        &self,
        selector: &Selector,
        done: Option<&DocumentKey>,
        limit: usize,
    ) -> Result<Vec<(DocumentKey, Stored<Sheet>)>, StoreError> {
        self.ask(|store| store.select(selector, done, limit)).await
    }

    async fn newest(&self, selector: &Selector, limit: usize) -> Result<Vec<(DocumentKey, Stored<Sheet>)>, StoreError> {
        self.ask(|store| store.select(selector, None, limit)).await
    }

    /// In doubt the commit of the same transaction is asked for again, never its body.
    async fn commit(&self, from: Revision, commit: &Commit<Sheet>) -> Result<Committed, StoreError> {
        let transaction = self.sim.with(World::new_number);
        self.sim.with(|world| world.aim(Aim::Process, STRUCK_AT_COMMIT));
        self.sim.pass().await;
        if self.sim.with(World::loses_commit) {
            self.sim.with(|world| world.tell(|world| format!("{} loses its commit", world.own_name())));
            self.sim.nap(LOST_FOR).await;
            return Err(Lost.into());
        }
        let answer = match self.commit_once(transaction, from, commit).await {
            Ok(committed) => committed,
            Err(Lost) => {
                self.sim.with(|world| world.tell(|world| format!("{} is in doubt about its commit", world.own_name())));
                self.commit_once(transaction, from, commit).await?
            }
        };
        self.sim.with(World::strike_before_cache);
        self.sim.pass().await;
        Ok(answer)
    }

    async fn changes(&self, after_seq: u64, limit: usize) -> Result<ChangesPage, StoreError> {
        let read = |store: &Generation| ChangesPage {
            checkpoint: store.checkpoint.clone(),
            changes: store.changes.iter().filter(|change| change.seq > after_seq).take(limit).cloned().collect(),
        };
        self.ask(read).await
    }
}

impl World {
    fn loses_commit(&mut self) -> bool {
        let often = if self.faults.plot == Plot::Doubt { LOST_TWICE_IN_DOUBT } else { LOST_TWICE };
        self.is_hit(often)
    }

    fn strike_before_cache(&mut self) {
        let often = if self.faults.plot == Plot::Again { STRUCK_BEFORE_CACHE } else { STRUCK_AT_COMMIT };
        self.aim(Aim::Process, often);
    }
}
