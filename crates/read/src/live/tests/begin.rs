//! Beginning: with a snapshot, with a cursor, at a cutover.

use super::world::*;
use crate::live::{Closing, Cursor, Item, SubscribeError};
use crate::projection::Projection;
use futures_util::FutureExt;
use millrace_events::{Position, Required, Revision};

#[tokio::test]
async fn a_snapshot_comes_first_then_each_change_once() {
    let store = MemoryStore::new();
    store.write("a");
    let feed = feed(&store).await;
    let mut subscription = feed.subscribe(request(["a"], None)).unwrap();
    assert_eq!(snapshot(&mut subscription, "a").1, Some(1));
    let changes = [store.write("a"), store.write("b"), store.write("a")];
    feed.hear(ring(&changes)).await.unwrap();
    feed.hear(ring(&changes)).await.unwrap();
    assert_eq!(seqs(&mut subscription), [2, 4]);
}

#[tokio::test]
async fn what_changes_while_the_snapshot_is_read_is_not_lost() {
    let store = MemoryStore::new();
    let feed = feed(&store).await;
    let mut subscription = feed.subscribe(request(["a"], None)).unwrap();
    store.hold();
    assert!(subscription.next().now_or_never().is_none(), "the snapshot is held");
    // That attempt was given up. This one has seen its moment before the change.
    let mut taking = Box::pin(async {
        let item = subscription.next().await;
        (item, subscription)
    });
    assert!(taking.as_mut().now_or_never().is_none());
    feed.hear(ring(&[store.write("a")])).await.unwrap();
    store.release();
    let (item, mut subscription) = taking.await;
    let Some(Item::Snapshot { cursor, documents, .. }) = item else { panic!("no snapshot but {item:?}") };
    assert_eq!((cursor.seq, documents.len()), (0, 0));
    assert_eq!(seqs(&mut subscription), [1]);
}

#[tokio::test]
async fn what_the_snapshot_shows_is_not_told_again() {
    let store = MemoryStore::new();
    let feed = feed(&store).await;
    let mut subscription = feed.subscribe(request(["a"], None)).unwrap();
    let shown = store.write("a");
    feed.hear(ring(&[shown])).await.unwrap();
    assert_eq!(snapshot(&mut subscription, "a").1, Some(1));
    feed.hear(ring(&[store.write("a")])).await.unwrap();
    assert_eq!(seqs(&mut subscription), [2]);
}

/// Its changes lack what subscribers are told by: they would wait, and never know.
#[tokio::test]
async fn what_an_earlier_program_has_folded_takes_no_subscribers() {
    let store = MemoryStore::new();
    store.folded_by(Notes::FOLD_VERSION - 1);
    let feed = feed(&store).await;
    assert!(matches!(feed.subscribe(request(["a"], None)), Err(SubscribeError::NotReady)));
    assert!(feed.found().now_or_never().is_none(), "whoever comes meanwhile waits for a moment");
    store.cut_over(2, 1);
    feed.tick().await.unwrap();
    assert!(feed.found().now_or_never().is_some());
    let mut subscription = feed.subscribe(request(["a"], None)).unwrap();
    feed.hear(ring(&[store.write("a")])).await.unwrap();
    assert_eq!(snapshot(&mut subscription, "a").1, Some(1));
}

#[tokio::test]
async fn a_cursor_goes_on_at_any_instance() {
    let store = MemoryStore::new();
    let (one, other) = (feed(&store).await, feed(&store).await);
    let mut subscription = one.subscribe(request(["a"], None)).unwrap();
    snapshot(&mut subscription, "a");
    one.hear(ring(&[store.write("a")])).await.unwrap();
    assert_eq!(seqs(&mut subscription), [1]);
    let cursor: Cursor = subscription.cursor().unwrap().to_string().parse().unwrap();
    drop(subscription);
    let missed = [store.write("b"), store.write("a")];
    let mut resumed = other.subscribe(request(["a"], Some(cursor))).unwrap();
    assert_eq!(seqs(&mut resumed), [3], "missed, and rung to nobody");
    other.hear(ring(&missed)).await.unwrap();
    other.hear(ring(&[store.write("a")])).await.unwrap();
    assert_eq!(seqs(&mut resumed), [4]);
}

#[tokio::test]
async fn an_item_says_what_a_read_of_it_owes() {
    let store = MemoryStore::new();
    let feed = feed(&store).await;
    let mut subscription = feed.subscribe(request(["a"], None)).unwrap();
    snapshot(&mut subscription, "a");
    feed.hear(ring(&[store.write("a")])).await.unwrap();
    let owed = ready(&mut subscription).unwrap().owed();
    let revision = Revision::at(Position(1));
    assert_eq!(owed, Some(Required { history: history(1), position: Position(1), seen: Some((1, revision)) }));
}

#[tokio::test]
async fn a_cursor_whose_changes_are_trimmed_is_gone() {
    let store = MemoryStore::new();
    for _ in 0..4 {
        store.write("a");
    }
    let feed = feed(&store).await;
    let cursor = |seq| Cursor {
        history: Some(history(1)),
        projection: "notes".into(),
        generation: 1,
        seq,
        position: Position(seq),
    };
    store.trim(2);
    let mut kept = feed.subscribe(request(["a"], Some(cursor(2)))).unwrap();
    assert_eq!(seqs(&mut kept), [3, 4]);
    let mut trimmed = feed.subscribe(request(["a"], Some(cursor(1)))).unwrap();
    assert!(matches!(ready(&mut trimmed), Some(Item::HistoryGone)));
    assert!(trimmed.next().await.is_none(), "it is the last item");
    let mut never_given = feed.subscribe(request(["a"], Some(cursor(5)))).unwrap();
    assert!(matches!(ready(&mut never_given), Some(Item::HistoryGone)));
}

#[tokio::test]
async fn changes_trimmed_between_two_pages_are_gone() {
    let store = MemoryStore::new();
    let feed = feed(&store).await;
    let mut subscription = feed.subscribe(request(["a"], None)).unwrap();
    let (cursor, _) = snapshot(&mut subscription, "a");
    drop(subscription);
    for _ in 0..1_200 {
        store.write("a");
    }
    feed.tick().await.unwrap();
    let mut resumed = feed.subscribe(request(["a"], Some(cursor))).unwrap();
    for due in 1..=500 {
        let Some(Item::Change { change, .. }) = ready(&mut resumed) else { panic!("no change {due}") };
        assert_eq!(change.seq, due);
    }
    store.trim(700);
    assert!(matches!(ready(&mut resumed), Some(Item::HistoryGone)));
}

#[tokio::test]
async fn a_cutover_ends_what_was_followed() {
    let store = MemoryStore::new();
    let feed = feed(&store).await;
    let mut subscription = feed.subscribe(request(["a"], None)).unwrap();
    snapshot(&mut subscription, "a");
    feed.hear(ring(&[store.write("a")])).await.unwrap();
    let Some(Item::Change { cursor, .. }) = ready(&mut subscription) else { panic!("no change") };
    store.cut_over(2, 1);
    store.write("a");
    feed.tick().await.unwrap();
    assert!(matches!(ready(&mut subscription), Some(Item::HistoryGone)));
    let mut resumed = feed.subscribe(request(["a"], Some(cursor))).unwrap();
    assert!(matches!(ready(&mut resumed), Some(Item::HistoryGone)), "seq 1 of generation 2 is another change");
}

#[tokio::test]
async fn another_history_ends_what_was_followed() {
    let store = MemoryStore::new();
    let feed = feed(&store).await;
    let mut subscription = feed.subscribe(request(["a"], None)).unwrap();
    let (cursor, _) = snapshot(&mut subscription, "a");
    store.cut_over(1, 2);
    feed.tick().await.unwrap();
    assert!(matches!(ready(&mut subscription), Some(Item::HistoryGone)));
    let mut resumed = feed.subscribe(request(["a"], Some(cursor))).unwrap();
    assert!(matches!(ready(&mut resumed), Some(Item::HistoryGone)));
}

#[tokio::test]
async fn a_cursor_of_the_next_generation_has_the_feed_look_again() {
    let store = MemoryStore::new();
    let late = feed(&store).await;
    store.cut_over(2, 1);
    let ahead = feed(&store).await;
    let mut subscription = ahead.subscribe(request(["a"], None)).unwrap();
    let (cursor, _) = snapshot(&mut subscription, "a");
    store.write("a");
    let mut resumed = late.subscribe(request(["a"], Some(cursor))).unwrap();
    assert_eq!(seqs(&mut resumed), [1]);
    let invented = Cursor { generation: 3, ..resumed.cursor().unwrap().clone() };
    let mut nowhere = late.subscribe(request(["a"], Some(invented))).unwrap();
    assert!(matches!(ready(&mut nowhere), Some(Item::HistoryGone)), "looking again has an end");
}

#[tokio::test]
async fn topics_changed_before_the_cursor_is_looked_at_do_not_end_it() {
    let store = MemoryStore::new();
    let late = feed(&store).await;
    store.cut_over(2, 1);
    let ahead = feed(&store).await;
    let mut subscription = ahead.subscribe(request(["a"], None)).unwrap();
    let (cursor, _) = snapshot(&mut subscription, "a");
    let mut resumed = late.subscribe(request(["a"], Some(cursor))).unwrap();
    late.tick().await.unwrap();
    resumed.set_topics(topics(["b"])).unwrap();
    store.write("b");
    assert_eq!(seqs(&mut resumed), [1]);
}

#[tokio::test]
async fn a_snapshot_of_the_next_generation_has_the_feed_look_again() {
    let store = MemoryStore::new();
    let feed = feed(&store).await;
    let mut subscription = feed.subscribe(request(["a"], None)).unwrap();
    store.cut_over(2, 1);
    assert_eq!(snapshot(&mut subscription, "a").0.generation, 2);
    store.write("a");
    feed.tick().await.unwrap();
    assert_eq!(seqs(&mut subscription), [1]);
}

#[tokio::test]
async fn before_the_first_event_there_is_no_history_yet() {
    let store = MemoryStore::new();
    store.forget_history();
    let feed = feed(&store).await;
    let mut subscription = feed.subscribe(request(["a"], None)).unwrap();
    let (cursor, _) = snapshot(&mut subscription, "a");
    assert_eq!(cursor.history, None);
    store.learn_history();
    feed.hear(ring(&[store.write("a")])).await.unwrap();
    let Some(Item::Change { cursor: later, .. }) = ready(&mut subscription) else { panic!("no change") };
    assert_eq!(later.history, Some(history(1)), "a ring does not tell it, so the checkpoint was asked");
    let mut resumed = feed.subscribe(request(["a"], Some(cursor))).unwrap();
    assert_eq!(seqs(&mut resumed), [1], "it is the same generation");
}

#[tokio::test]
async fn who_cannot_begin_is_told_why() {
    let store = MemoryStore::new();
    let foreign = Cursor { history: None, projection: "people".into(), generation: 1, seq: 0, position: Position(0) };
    let feed = feed(&store).await;
    let refused = feed.subscribe(request(["a"], Some(foreign))).err();
    assert_eq!(refused, Some(SubscribeError::MalformedCursor));
    let blind = std::sync::Arc::new(crate::live::Feed::<Notes, _>::new(store.clone().into(), Default::default()));
    assert_eq!(blind.subscribe(request(["a"], None)).err(), Some(SubscribeError::NotReady));
    store.set_away(true);
    let mut subscription = feed.subscribe(request(["a"], None)).unwrap();
    let closed = ready(&mut subscription);
    assert!(matches!(closed, Some(Item::Closed { cursor: None, why: Closing::Store(_) })), "{closed:?}");
}
