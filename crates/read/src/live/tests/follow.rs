//! Following: lost rings, other topics, what a viewer may see.

use super::world::*;
use crate::live::{Item, Showing, showing};
use crate::projection::Audience::{self, Everyone, Nobody};
use millrace_events::viewer::Role;
use millrace_events::{Position, Revision, Viewer};

#[tokio::test]
async fn lost_rings_are_made_up_for() {
    let store = MemoryStore::new();
    let feed = feed(&store).await;
    let mut subscription = feed.subscribe(request(["a"], None)).unwrap();
    snapshot(&mut subscription, "a");
    store.write("a");
    let (second, third) = (store.write("a"), store.write("a"));
    feed.hear(ring(&[third])).await.unwrap();
    assert_eq!(seqs(&mut subscription), [1, 2, 3], "the ring shows that two are missing");
    feed.hear(ring(&[second])).await.unwrap();
    assert_eq!(seqs(&mut subscription), [0; 0], "late");
    store.write("a");
    feed.tick().await.unwrap();
    assert_eq!(seqs(&mut subscription), [4], "nothing rang");
}

#[tokio::test]
async fn a_ring_of_another_generation_is_not_believed() {
    let store = MemoryStore::new();
    let feed = feed(&store).await;
    let mut subscription = feed.subscribe(request(["a"], None)).unwrap();
    snapshot(&mut subscription, "a");
    let foreign = change("a", 1, Position(1), Everyone, Everyone);
    for generation in [0, 2] {
        let ring = crate::cache::Ring::of(generation, vec![foreign.clone()]);
        feed.hear(ring).await.unwrap();
    }
    assert_eq!(seqs(&mut subscription), [0; 0]);
}

#[tokio::test]
async fn a_feed_that_missed_what_is_trimmed_says_so_to_everyone() {
    let store = MemoryStore::new();
    let feed = feed(&store).await;
    let mut subscription = feed.subscribe(request(["a"], None)).unwrap();
    snapshot(&mut subscription, "a");
    for _ in 0..3 {
        store.write("a");
    }
    store.trim(1);
    feed.tick().await.unwrap();
    assert!(matches!(ready(&mut subscription), Some(Item::HistoryGone)));
    let mut anew = feed.subscribe(request(["a"], None)).unwrap();
    assert_eq!(snapshot(&mut anew, "a").1, Some(3));
    feed.hear(ring(&[store.write("a")])).await.unwrap();
    assert_eq!(seqs(&mut anew), [4]);
}

#[tokio::test]
async fn a_store_that_does_not_answer_costs_nothing_but_time() {
    let store = MemoryStore::new();
    let feed = feed(&store).await;
    let mut subscription = feed.subscribe(request(["a"], None)).unwrap();
    snapshot(&mut subscription, "a");
    store.write("a");
    let rung = store.write("a");
    store.set_away(true);
    assert!(feed.tick().await.is_err());
    assert!(feed.hear(ring(&[rung])).await.is_err(), "there is a gap, and nobody to ask");
    assert_eq!(seqs(&mut subscription), [0; 0]);
    store.set_away(false);
    feed.tick().await.unwrap();
    assert_eq!(seqs(&mut subscription), [1, 2]);
}

#[tokio::test]
async fn other_topics_are_heard_from_the_last_item_on() {
    let store = MemoryStore::new();
    let feed = feed(&store).await;
    let mut subscription = feed.subscribe(request(["follows"], None)).unwrap();
    snapshot(&mut subscription, "follows");
    store.write("author");
    let follows = store.write("follows");
    feed.tick().await.unwrap();
    let Some(Item::Change { change, .. }) = ready(&mut subscription) else { panic!("no change") };
    assert_eq!(change.seq, follows.seq);
    // Between the item and its effect.
    feed.hear(ring(&[store.write("author")])).await.unwrap();
    subscription.set_topics(topics(["follows", "author"])).unwrap();
    feed.hear(ring(&[store.write("author")])).await.unwrap();
    assert_eq!(seqs(&mut subscription), [3, 4], "but not 1, which was before");
    subscription.set_topics(topics(["follows"])).unwrap();
    feed.hear(ring(&[store.write("author"), store.write("follows")])).await.unwrap();
    assert_eq!(seqs(&mut subscription), [6]);
}

#[tokio::test]
async fn topics_changed_over_a_cutover_end_it() {
    let store = MemoryStore::new();
    let feed = feed(&store).await;
    let mut subscription = feed.subscribe(request(["a"], None)).unwrap();
    snapshot(&mut subscription, "a");
    store.cut_over(2, 1);
    feed.tick().await.unwrap();
    subscription.set_topics(topics(["a", "b"])).unwrap();
    assert!(matches!(ready(&mut subscription), Some(Item::HistoryGone)));
}

#[tokio::test]
async fn what_is_hidden_is_told_as_gone_once() {
    let store = MemoryStore::new();
    let feed = feed(&store).await;
    let owner = Audience::Person(person(7));
    let mut stranger = feed.subscribe(request(["a"], None)).unwrap();
    let mut author = feed.subscribe(crate::live::Request { viewer: signed_in(7), ..request(["a"], None) }).unwrap();
    snapshot(&mut stranger, "a");
    snapshot(&mut author, "a");
    let changes = [
        store.write_for("a", Nobody, owner),
        store.write_for("a", owner, owner),
        store.write_for("a", owner, Everyone),
        store.write_for("a", Everyone, owner),
        store.write_for("a", owner, owner),
        store.write_for("a", owner, Nobody),
    ];
    feed.hear(ring(&changes)).await.unwrap();
    let told = |subscription: &mut TestSubscription| {
        let mut told = Vec::new();
        while let Some(item) = ready(subscription) {
            match item {
                Item::Change { change, .. } => told.push((change.seq, Showing::Changed)),
                Item::Gone { change, .. } => told.push((change.seq, Showing::Gone)),
                other => panic!("{other:?}"),
            }
        }
        told
    };
    assert_eq!(told(&mut stranger), [(3, Showing::Changed), (4, Showing::Gone)]);
    let all_but_last = (1..6).map(|seq| (seq, Showing::Changed));
    assert_eq!(told(&mut author), all_but_last.chain([(6, Showing::Gone)]).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_snapshot_hides_what_the_viewer_may_not_see() {
    let store = MemoryStore::new();
    store.write_for("a", Nobody, Audience::Person(person(7)));
    let feed = feed(&store).await;
    for (viewer, shown) in [(Viewer::Anonymous, None), (signed_in(8), None), (signed_in(7), Some(1))] {
        let mut subscription = feed.subscribe(crate::live::Request { viewer, ..request(["a"], None) }).unwrap();
        assert_eq!(snapshot(&mut subscription, "a").1, shown);
    }
}

#[test]
fn staff_see_what_belongs_to_a_person_but_not_what_belongs_to_nobody() {
    let mut viewer = signed_in(1);
    if let Viewer::Person(person) = &mut viewer {
        person.roles.insert(Role::Staff);
    }
    let told = |before, after| showing(&viewer, &change("a", 1, Position(1), before, after));
    assert_eq!(told(Nobody, Audience::Person(person(7))), Some(Showing::Changed));
    assert_eq!(told(Audience::Person(person(7)), Nobody), Some(Showing::Gone));
    assert_eq!(told(Nobody, Nobody), None);
}

#[tokio::test]
async fn progress_is_told_and_lags_by_a_tick_as_floor() {
    let store = MemoryStore::new();
    let feed = feed(&store).await;
    let mut progress = feed.progress();
    let at = |position| Revision::at(Position(position));
    store.write("a");
    feed.tick().await.unwrap();
    assert!(progress.has_changed().unwrap());
    let known = *progress.borrow_and_update();
    assert_eq!((known.generation, known.revision, known.floor), (1, at(1), at(0)));
    feed.hear(ring(&[store.write("a")])).await.unwrap();
    assert!(progress.has_changed().unwrap());
    feed.tick().await.unwrap();
    let known = *progress.borrow_and_update();
    assert_eq!((known.revision, known.floor), (at(2), at(1)));
    store.cut_over(2, 1);
    feed.tick().await.unwrap();
    let known = *progress.borrow_and_update();
    assert_eq!((known.generation, known.revision, known.floor), (2, at(0), at(0)));
}
