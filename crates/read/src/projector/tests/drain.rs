use super::{Store, Tested};
use crate::projection::{DocumentKey, Selector};
use crate::projector::drain::{Committing, drained};
use crate::projector::testing::{MemoryCache, MemorySource, Pages, PagesDocument, TestLog, post, user};
use crate::projector::{Limits, Projector, Step};
use crate::store::{ChangesPage, Checkpoint, Commit, Committed, DocumentStore, Snapshot, StoreError, Stored};
use millrace_events::{Position, Revision};
use std::future::pending;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// A store whose commit says that it has begun, and waits until it is let through.
#[derive(Clone)]
struct Gated {
    store: Store,
    begun: Arc<Semaphore>,
    gate: Arc<Semaphore>,
}

impl Gated {
    fn new() -> Self {
        let closed = || Arc::new(Semaphore::new(0));
        Self { store: Store::empty::<Pages>(1), begun: closed(), gate: closed() }
    }

    fn position(&self) -> Position {
        self.store.look(|inner| inner.checkpoint.revision.position)
    }
}

impl DocumentStore<PagesDocument> for Gated {
    async fn checkpoint(&self) -> Result<Checkpoint, StoreError> {
        self.store.checkpoint().await
    }

    async fn read(&self, keys: &[DocumentKey]) -> Result<Snapshot<PagesDocument>, StoreError> {
        self.store.read(keys).await
    }

    async fn select(
        &self,
        selector: &Selector,
        done: Option<&DocumentKey>,
        limit: usize,
    ) -> Result<Vec<(DocumentKey, Stored<PagesDocument>)>, StoreError> {
        self.store.select(selector, done, limit).await
    }

    async fn newest(
        &self,
        selector: &Selector,
        limit: usize,
    ) -> Result<Vec<(DocumentKey, Stored<PagesDocument>)>, StoreError> {
        self.store.newest(selector, limit).await
    }

    async fn commit(&self, from: Revision, commit: &Commit<PagesDocument>) -> Result<Committed, StoreError> {
        self.begun.add_permits(1);
        self.gate.acquire().await.unwrap().forget();
        self.store.commit(from, commit).await
    }

    async fn changes(&self, after_seq: u64, limit: usize) -> Result<ChangesPage, StoreError> {
        self.store.changes(after_seq, limit).await
    }
}

fn log() -> TestLog {
    let mut log = TestLog::new(5);
    log.write(post(1), user(1), "one").like(post(1), user(2));
    log
}

#[tokio::test]
async fn a_commit_that_has_begun_is_brought_to_its_end_at_shutdown() {
    let (store, cache, shutdown) = (Gated::new(), MemoryCache::default(), CancellationToken::new());
    let source = MemorySource::of(&log());
    let mut projector = Projector::<Pages, _, _, _>::new(source, store.clone(), cache.clone(), Limits::default());
    let committing = projector.committing();
    let stop_amid_the_commit = async {
        store.begun.acquire().await.unwrap().forget();
        shutdown.cancel();
        tokio::task::yield_now().await;
        store.gate.add_permits(1);
    };
    let (round, ()) = tokio::join!(drained(&shutdown, &committing, projector.round(1)), stop_amid_the_commit);
    assert!(matches!(round.unwrap().unwrap().step, Step::Folded { events: 2 }));
    assert_eq!(store.position(), Position(2));
    assert_eq!(
        cache.look(|inner| inner.head.map(|head| head.revision.position)),
        Some(Position(2)),
        "written through, too"
    );
}

#[tokio::test]
async fn a_commit_that_never_ends_is_given_up() {
    let (store, shutdown) = (Gated::new(), CancellationToken::new());
    let source = MemorySource::of(&log());
    let mut projector =
        Projector::<Pages, _, _, _>::new(source, store.clone(), MemoryCache::default(), Limits::default());
    let committing = projector.committing();
    shutdown.cancel();
    assert!(drained(&shutdown, &committing, projector.round(1)).await.is_none());
    assert_eq!(store.position(), Position::START);
}

#[tokio::test]
async fn what_is_no_commit_is_dropped_at_once() {
    let shutdown = CancellationToken::new();
    let committing = Committing::default();
    drop(committing.begin());
    shutdown.cancel();
    assert_eq!(drained(&shutdown, &committing, pending::<()>()).await, None);
}

#[tokio::test]
async fn a_projector_says_when_it_commits_and_only_then() {
    let mut bench = super::Bench::over(&log());
    let committing = Tested::committing(&bench.projector);
    bench.drain().await;
    let shutdown = CancellationToken::new();
    shutdown.cancel();
    assert_eq!(drained(&shutdown, &committing, pending::<()>()).await, None, "no commit is under way by now");
}
