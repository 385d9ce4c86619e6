mod beats;
mod chain;
mod drafts;
mod drain;
mod erasure;
mod kept;
mod lag;
mod pauses;
mod property;
mod rounds;
mod stream;
mod through;
mod went_back;

use super::testing::{MemoryCache, MemorySource, MemoryStore, Pages, PagesDocument, TestLog};
use super::{Limits, Projector, RoundError, Step};

pub(super) type Store = MemoryStore<PagesDocument>;
pub(super) type Tested = Projector<Pages, MemorySource, Store, MemoryCache>;

/// A projector over a log in memory, and what it works on.
pub(super) struct Bench {
    pub source: MemorySource,
    pub store: Store,
    pub cache: MemoryCache,
    pub projector: Tested,
}

impl Bench {
    pub fn over(log: &TestLog) -> Self {
        Self::with(log, Limits::default())
    }

    pub fn with(log: &TestLog, limits: Limits) -> Self {
        let (source, store, cache) = (MemorySource::of(log), Store::empty::<Pages>(1), MemoryCache::default());
        let projector = Projector::new(source.clone(), store.clone(), cache.clone(), limits);
        Self { source, store, cache, projector }
    }

    /// Another projector of the same generation, over the same servers.
    pub fn another(&self, limits: Limits) -> Tested {
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

pub(super) async fn step(projector: &mut Tested) -> Step {
    projector.round(namespace(projector)).await.unwrap().step
}

pub(super) async fn failure(projector: &mut Tested) -> RoundError {
    projector.round(7).await.unwrap_err()
}

fn namespace(projector: &Tested) -> u64 {
    projector.checkpoint().map_or(1, |checkpoint| 1 + checkpoint.revision.position.0)
}
