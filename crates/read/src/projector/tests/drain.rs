use super::{Store, Tested};
use crate::projector::drain::{Committing, drained};
use crate::projector::testing::{Gated, Held, MemoryCache, MemorySource, Pages, TestLog, post, user};
use crate::projector::{Limits, Projector, Step};
use millrace_events::Position;
use std::future::pending;
use tokio_util::sync::CancellationToken;

fn gated() -> Gated<Store> {
    Gated::new(Store::empty::<Pages>(1), Held::Commits)
}

fn position(store: &Gated<Store>) -> Position {
    store.store.look(|inner| inner.checkpoint.revision.position)
}

fn log() -> TestLog {
    let mut log = TestLog::new(5);
    log.write(post(1), user(1), "one").like(post(1), user(2));
    log
}

#[tokio::test]
async fn a_commit_that_has_begun_is_brought_to_its_end_at_shutdown() {
    let (store, cache, shutdown) = (gated(), MemoryCache::default(), CancellationToken::new());
    let source = MemorySource::of(&log());
    let mut projector = Projector::<Pages, _, _, _>::new(source, store.clone(), cache.clone(), Limits::default());
    let committing = projector.committing();
    let stop_amid_the_commit = async {
        store.gate.reached().await;
        shutdown.cancel();
        tokio::task::yield_now().await;
        store.gate.let_through();
    };
    let (round, ()) = tokio::join!(drained(&shutdown, &committing, projector.round(1)), stop_amid_the_commit);
    assert!(matches!(round.unwrap().unwrap().step, Step::Folded { events: 2 }));
    assert_eq!(position(&store), Position(2));
    assert_eq!(
        cache.look(|inner| inner.head.map(|head| head.revision.position)),
        Some(Position(2)),
        "written through, too"
    );
}

#[tokio::test]
async fn a_commit_that_never_ends_is_given_up() {
    let (store, shutdown) = (gated(), CancellationToken::new());
    let source = MemorySource::of(&log());
    let mut projector =
        Projector::<Pages, _, _, _>::new(source, store.clone(), MemoryCache::default(), Limits::default());
    let committing = projector.committing();
    shutdown.cancel();
    assert!(drained(&shutdown, &committing, projector.round(1)).await.is_none());
    assert_eq!(position(&store), Position::START);
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
