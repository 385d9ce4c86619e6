//! Waiting for a position: together, woken by news, within limits.

use super::world::{PageReader, Redis, World, page};
use crate::projector::testing::{page_key, post, user};
use crate::reader::{Answer, Need, Patience, ReadError};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::watch;
use tokio::task::JoinSet;

const WAITERS: usize = 50;
const BEATS: usize = 8;

/// Patience that ends a wait when it is told to. It counts waits that were begun.
#[derive(Clone)]
struct Beaten {
    beats: watch::Sender<()>,
    begun: Arc<AtomicUsize>,
}

impl Beaten {
    fn new() -> Self {
        Self { beats: watch::channel(()).0, begun: Arc::default() }
    }

    fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    async fn until(&self, begun: usize) {
        while self.begun() < begun {
            tokio::task::yield_now().await;
        }
    }
}

impl Patience for Beaten {
    async fn wait(&self) -> bool {
        let mut beats = self.beats.subscribe();
        self.begun.fetch_add(1, Ordering::Relaxed);
        beats.changed().await.is_ok()
    }
}

/// Only news wake it.
#[derive(Clone)]
struct Endless(Arc<AtomicUsize>);

impl Patience for Endless {
    async fn wait(&self) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed);
        pending().await
    }
}

fn read_many(
    reader: &Arc<PageReader>,
    need: Need,
    patience: impl Patience + Clone + 'static,
) -> JoinSet<Result<Answer, ReadError>> {
    let mut reads = JoinSet::new();
    for _ in 0..WAITERS {
        let (reader, patience) = (Arc::clone(reader), patience.clone());
        reads.spawn(async move { reader.read(&[page_key(post(1))], need, &patience).await });
    }
    reads
}

async fn all_show_likes(reads: JoinSet<Result<Answer, ReadError>>, likes: u32) {
    for answer in reads.join_all().await {
        assert_eq!(page(&answer.unwrap(), &page_key(post(1))).unwrap().0, likes);
    }
}

#[tokio::test]
async fn many_who_wait_look_together() {
    let mut world = World::begin().await;
    world.fold(Redis::Reached, |log| log.write(post(1), user(1), "One")).await;
    let (reader, patience) = (Arc::new(world.reader()), Beaten::new());
    let reads = read_many(&reader, world.need(2), patience.clone());
    patience.until(WAITERS).await;
    let before = world.finds.load(Ordering::Relaxed);
    for _ in 0..BEATS {
        let begun = patience.begun();
        patience.beats.send_replace(());
        patience.until(begun + WAITERS).await;
    }
    let looks = world.finds.load(Ordering::Relaxed) - before;
    assert!((1..=BEATS).contains(&looks), "{WAITERS} who wait looked {looks} times in {BEATS} beats");
    world.fold(Redis::Away, |log| log.like(post(1), user(2))).await;
    patience.beats.send_replace(());
    all_show_likes(reads, 1).await;
}

#[tokio::test]
async fn news_wake_all_who_wait_for_them() {
    let mut world = World::begin().await;
    let feed = world.feed();
    world.fold(Redis::Reached, |log| log.write(post(1), user(1), "One")).await;
    feed.tick().await.unwrap();
    let reader = Arc::new(world.reader().following(feed.progress()));
    let begun = Arc::new(AtomicUsize::new(0));
    let reads = read_many(&reader, world.need(2), Endless(Arc::clone(&begun)));
    while begun.load(Ordering::Relaxed) < WAITERS {
        tokio::task::yield_now().await;
    }
    world.fold(Redis::Reached, |log| log.like(post(1), user(2))).await;
    feed.tick().await.unwrap();
    all_show_likes(reads, 1).await;
}

#[tokio::test]
async fn so_many_may_wait_and_no_more() {
    let mut world = World::begin().await;
    world.fold(Redis::Reached, |log| log.write(post(1), user(1), "One")).await;
    let (reader, patience, need) = (world.reader().letting_wait(WAITERS), Beaten::new(), world.need(2));
    let mut waiting: FuturesUnordered<_> = (0..WAITERS).map(|_| reader.reached(need, &patience)).collect();
    tokio::select! {
        over = waiting.next() => panic!("{over:?}"),
        () = patience.until(WAITERS) => {}
    }
    let keys = [page_key(post(1))];
    let refused = reader.read(&keys, need, &patience).await;
    assert!(matches!(refused, Err(ReadError::TooManyWaiting { max: WAITERS })), "{refused:?}");
    assert!(reader.read(&keys, world.need(1), &patience).await.is_ok(), "who need not wait is answered");
    drop(waiting);
    world.fold(Redis::Away, |log| log.like(post(1), user(2))).await;
    assert!(reader.read(&keys, need, &patience).await.is_ok());
}
