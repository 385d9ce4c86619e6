//! When a projector looks at the cache. It never waits for it: a cache that fails is left alone until the next tick.

use super::core::{Look, Projector};
use super::source::Source;
use super::write_through::{Reached, WriteThroughError, catch_up, write_commit};
use crate::cache::Cache;
use crate::projection::Projection;
use crate::store::{Checkpoint, Commit, DocumentStore};

/// Looks in a row that may find the cache moving before it is left alone until the next tick.
const LOOKS_MAX: u32 = 3;

impl<P, S, D, C> Projector<P, S, D, C>
where
    P: Projection,
    S: Source,
    D: DocumentStore<P::Document>,
    C: Cache,
{
    /// Brings the cache to the checkpoint, if a look is due.
    pub(super) async fn look_at_cache(&mut self, checkpoint: &Checkpoint, namespace: u64) {
        let Look::Due { tried } = self.look else { return };
        let reached = catch_up(&self.store, &self.cache, checkpoint, namespace).await;
        self.note(reached, tried + 1);
    }

    /// Writes what was committed through to the cache, unless it is left alone.
    pub(super) async fn write_through(&mut self, from: &Checkpoint, commit: &Commit<P::Document>) {
        if self.look == Look::AfterTick {
            return;
        }
        let reached = write_commit(&self.cache, self.head, from, commit).await;
        self.note(reached, 0);
    }

    fn note(&mut self, reached: Result<Reached, WriteThroughError>, tried: u32) {
        self.head = None;
        self.look = match reached {
            Ok(Reached::Checkpoint(head)) => {
                self.head = Some(head);
                Look::Done
            }
            Ok(Reached::LookAgain) if tried < LOOKS_MAX => Look::Due { tried },
            Ok(Reached::LookAgain | Reached::NotServed) => Look::AfterTick,
            Err(error) => {
                self.cache_error = Some(error);
                Look::AfterTick
            }
        };
    }
}
