//! Limits: slow subscribers, too many of them, the end.

use super::world::*;
use crate::live::{Closing, Item, LiveLimits, SubscribeError};
use futures_util::StreamExt;

fn limits(waiting_max: usize) -> LiveLimits {
    LiveLimits { subscribers_max: 2, topics_max: 2, waiting_max }
}

#[tokio::test]
async fn a_slow_subscriber_is_closed_with_its_cursor_and_resumes() {
    let store = MemoryStore::new();
    let feed = feed_with(&store, limits(3)).await;
    let mut slow = feed.subscribe(request(["a"], None)).unwrap();
    let mut brisk = feed.subscribe(request(["a"], None)).unwrap();
    snapshot(&mut slow, "a");
    snapshot(&mut brisk, "a");
    feed.hear(ring(&[store.write("a")])).await.unwrap();
    assert_eq!((seqs(&mut slow), seqs(&mut brisk)), (vec![1], vec![1]));
    for due in 2..=5 {
        feed.hear(ring(&[store.write("a")])).await.unwrap();
        assert_eq!(seqs(&mut brisk), [due]);
    }
    let closed = ready(&mut slow);
    let Some(Item::Closed { cursor: Some(cursor), why: Closing::Slow }) = closed else { panic!("{closed:?}") };
    assert_eq!(cursor.seq, 1, "the last that it was given");
    assert!(slow.next().await.is_none());
    drop(slow);
    let mut resumed = feed.subscribe(request(["a"], Some(cursor))).unwrap();
    assert_eq!(seqs(&mut resumed), [2, 3, 4, 5]);
}

#[tokio::test]
async fn who_is_still_catching_up_is_not_slow() {
    let store = MemoryStore::new();
    let feed = feed_with(&store, limits(3)).await;
    let mut subscription = feed.subscribe(request(["a"], None)).unwrap();
    let (cursor, _) = snapshot(&mut subscription, "a");
    drop(subscription);
    let mut resumed = feed.subscribe(request(["a"], Some(cursor))).unwrap();
    for _ in 0..10 {
        feed.hear(ring(&[store.write("a")])).await.unwrap();
    }
    assert_eq!(seqs(&mut resumed), (1..=10).collect::<Vec<_>>());
    feed.hear(ring(&[store.write("a")])).await.unwrap();
    assert_eq!(seqs(&mut resumed), [11], "it sits in the right place now");
}

#[tokio::test]
async fn seats_and_topics_are_limited_and_seats_come_free() {
    let store = MemoryStore::new();
    let feed = feed_with(&store, limits(3)).await;
    let refused = feed.subscribe(request(["a", "b", "c"], None)).err();
    assert_eq!(refused, Some(SubscribeError::TooManyTopics { max: 2 }));
    let mut one = feed.subscribe(request(["a"], None)).unwrap();
    let other = feed.subscribe(request(["a"], None)).unwrap();
    let refused = feed.subscribe(request(["a"], None)).err();
    assert_eq!(refused, Some(SubscribeError::TooManySubscribers { max: 2 }));
    one.set_topics(topics(["a", "b"])).unwrap();
    assert_eq!(one.set_topics(topics(["a", "b", "c"])), Err(SubscribeError::TooManyTopics { max: 2 }));
    snapshot(&mut one, "a");
    feed.hear(ring(&[store.write("b")])).await.unwrap();
    assert_eq!(seqs(&mut one), [1], "the topics that were refused changed nothing");
    drop(other);
    assert!(feed.subscribe(request(["a"], None)).is_ok());
}

#[tokio::test]
async fn stopping_closes_with_the_cursor_after_what_was_there() {
    let store = MemoryStore::new();
    let feed = feed(&store).await;
    let mut subscription = feed.subscribe(request(["a"], None)).unwrap();
    snapshot(&mut subscription, "a");
    feed.hear(ring(&[store.write("a")])).await.unwrap();
    feed.stop();
    assert_eq!(feed.subscribe(request(["a"], None)).err(), Some(SubscribeError::Stopping));
    let items: Vec<_> = subscription.into_stream().collect().await;
    let [Item::Change { cursor: told, .. }, Item::Closed { cursor: Some(cursor), why: Closing::Stopping }] = &items[..]
    else {
        panic!("{items:?}")
    };
    assert_eq!(told, cursor);
}

#[tokio::test]
async fn a_change_under_two_topics_is_told_once() {
    let store = MemoryStore::new();
    let feed = feed(&store).await;
    let mut request = request(["a"], None);
    request.topics.insert("all".into());
    let mut subscription = feed.subscribe(request).unwrap();
    snapshot(&mut subscription, "a");
    feed.hear(ring(&[store.write("a"), store.write("b")])).await.unwrap();
    assert_eq!(seqs(&mut subscription), [1, 2]);
}

#[tokio::test]
async fn a_waiting_subscriber_is_woken() {
    let store = MemoryStore::new();
    let feed = feed(&store).await;
    let mut subscription = feed.subscribe(request(["a"], None)).unwrap();
    snapshot(&mut subscription, "a");
    let waiting = tokio::spawn(async move { subscription.next().await });
    tokio::task::yield_now().await;
    feed.hear(ring(&[store.write("a")])).await.unwrap();
    let item = waiting.await.unwrap();
    assert!(matches!(item, Some(Item::Change { .. })), "{item:?}");
}
