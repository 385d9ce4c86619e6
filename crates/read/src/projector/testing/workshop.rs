//! A projector over a log in memory, and what it works on.

use super::{MemoryCache, MemorySource, MemoryStore, TestLog};
use crate::projection::Projection;
use crate::projector::{Limits, Projector, Step};

type Tested<P> = Projector<P, MemorySource, MemoryStore<<P as Projection>::Document>, MemoryCache>;

pub struct Workshop<P: Projection> {
    pub source: MemorySource,
    pub store: MemoryStore<P::Document>,
    pub cache: MemoryCache,
    pub projector: Tested<P>,
}

impl<P: Projection> Workshop<P> {
    pub fn over(log: &TestLog) -> Self {
        Self::with(log, Limits::default())
    }

    pub fn with(log: &TestLog, limits: Limits) -> Self {
        let (source, store, cache) = (MemorySource::of(log), MemoryStore::empty::<P>(1), MemoryCache::default());
        let projector = Projector::new(source.clone(), store.clone(), cache.clone(), limits);
        Self { source, store, cache, projector }
    }

    /// Another projector of the same generation, over the same servers.
    pub fn another(&self, limits: Limits) -> Tested<P> {
        Projector::new(self.source.clone(), self.store.clone(), self.cache.clone(), limits)
    }

    pub async fn step(&mut self) -> Step {
        step(&mut self.projector).await
    }

    /// Rounds until there is nothing to do; gives how many did something.
    pub async fn drain(&mut self) -> usize {
        for round in 0..10_000 {
            if matches!(self.step().await, Step::Idle) {
                return round;
            }
        }
        panic!("it never comes to rest");
    }
}

pub async fn step<P: Projection>(projector: &mut Tested<P>) -> Step {
    let namespace = projector.checkpoint().map_or(1, |checkpoint| 1 + checkpoint.revision.position.0);
    projector.round(namespace).await.unwrap().step
}
