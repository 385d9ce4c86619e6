//! What a process itself is told: that something changed, and what was taken away from readers.

use super::world::*;
use crate::live::{Feed, LiveLimits, Notice, Withdrawals};
use crate::projection::{Audience, Change, ERASURE};
use futures_util::FutureExt;
use millrace_events::{Position, Required};
use std::sync::Arc;

fn of(change: &Change) -> Notice {
    let seen = Some((1, change.revision));
    Notice { required: Some(Required { history: history(1), position: Position::START, seen }) }
}

const UNKNOWN: Notice = Notice { required: None };

#[tokio::test]
async fn a_process_is_told_of_what_nobody_may_see_and_takes_nobodys_place() {
    let store = MemoryStore::new();
    let feed = feed_with(&store, LiveLimits { subscribers_max: 1, ..LiveLimits::default() }).await;
    let mut all: Vec<_> = (0..3).map(|_| feed.notices(topics(["a"]))).collect();
    assert!(feed.subscribe(request(["a"], None)).is_ok());
    let hidden = store.write_for("a", Audience::Nobody, Audience::Nobody);
    feed.hear(ring(&[hidden.clone(), store.write("b")])).await.unwrap();
    for notices in &mut all {
        assert_eq!(notices.next().now_or_never(), Some(of(&hidden)));
        assert_eq!(notices.next().now_or_never(), None, "nothing of others");
    }
}

#[tokio::test]
async fn who_may_have_missed_something_is_told_so() {
    let store = MemoryStore::new();
    let feed = Arc::new(Feed::<Notes, _>::new(Arc::new(store.clone()), LiveLimits::default()));
    let mut notices = feed.notices(topics(["a"]));
    assert_eq!(notices.next().now_or_never(), None, "nothing is followed yet");
    feed.tick().await.unwrap();
    assert_eq!(notices.next().await, UNKNOWN);
    let change = store.write("a");
    feed.hear(ring(std::slice::from_ref(&change))).await.unwrap();
    assert_eq!(notices.next().await, of(&change));
    store.cut_over(2, 1);
    feed.tick().await.unwrap();
    assert_eq!(notices.next().await, UNKNOWN);
    feed.stop();
    assert_eq!(notices.next().now_or_never(), None);
}

#[tokio::test]
async fn what_is_taken_away_is_noted_before_anybody_hears_of_it() {
    let (store, withdrawals) = (MemoryStore::new(), Withdrawals::default());
    let feed = Feed::<Notes, _>::new(Arc::new(store.clone()), LiveLimits::default()).noting(withdrawals.clone());
    feed.tick().await.unwrap();
    let (everyone, nobody, person) = (Audience::Everyone, Audience::Nobody, Audience::Person(person(1)));
    for (before, after) in [(everyone, everyone), (nobody, everyone), (person, everyone), (nobody, nobody)] {
        feed.hear(ring(&[store.write_for("a", before, after)])).await.unwrap();
        assert!(withdrawals.token().is_none(), "{before:?} {after:?}");
    }
    for (before, after) in [(everyone, nobody), (everyone, person), (person, nobody)] {
        let change = store.write_for("a", before, after);
        feed.hear(ring(std::slice::from_ref(&change))).await.unwrap();
        let token = withdrawals.token().unwrap();
        assert_eq!(token.projections["notes"], (1, change.revision), "{before:?} {after:?}");
    }
    assert_eq!(withdrawals.watch().borrow().erased, 0);
    let erased = Change { event: ERASURE.into(), ..store.write_for("a", nobody, nobody) };
    feed.hear(ring(std::slice::from_ref(&erased))).await.unwrap();
    assert_eq!(withdrawals.token().unwrap().projections["notes"], (1, erased.revision));
    assert_eq!(withdrawals.watch().borrow().erased, 1);
    store.cut_over(2, 1);
    feed.tick().await.unwrap();
    assert_eq!(withdrawals.token().unwrap().projections["notes"].0, 2, "whatever was passed over");
}
