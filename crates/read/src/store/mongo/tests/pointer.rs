use super::{KEPT, at, commit, database, document, pointer};
use crate::projector::Beat;
use crate::projector::testing::{Pages, page_key, post};
use crate::store::mongo::ServedPointer;
use crate::store::{Committed, DocumentStore};
use millrace_events::{History, Position};
use uuid::Uuid;

pub(super) fn history() -> History {
    History(Uuid::from_u128(9))
}

#[tokio::test]
async fn the_first_generation_is_served_by_whoever_comes_first() {
    let pointer = ServedPointer::<Pages>::new(database().await);
    assert_eq!(pointer.served().await.unwrap(), None);
    let all = futures_util::future::join_all((0..4).map(|_| pointer.begin(KEPT))).await;
    for served in all {
        let served = served.unwrap();
        assert_eq!((served.generation, served.fold_version, served.beat), (1, 3, None));
    }
    assert_eq!(pointer.store(1).checkpoint().await.unwrap().history, None);
}

#[tokio::test]
async fn a_generation_is_superseded_once_and_its_projectors_lose() {
    let store = super::prepared().await;
    let pointer = pointer(&store);
    pointer.begin(KEPT).await.unwrap();
    let last = super::like(&store, 1).await;
    let all = futures_util::future::join_all((0..4).map(|_| pointer.supersede(1, history(), KEPT))).await;
    assert!(all.iter().any(Result::is_ok), "{all:?}");
    pointer.supersede(1, history(), KEPT).await.unwrap();
    assert_eq!(pointer.served().await.unwrap().unwrap().generation, 2);

    let next = pointer.store(2).checkpoint().await.unwrap();
    assert_eq!((next.history, next.revision, next.generation), (Some(history()), at(0), 2));
    let unaware = commit(&last.checkpoint, &[(page_key(post(1)), document(2, "one"))]);
    assert_eq!(store.commit(at(1), &unaware).await.unwrap(), Committed::CompareLost);
    assert!(store.checkpoint().await.unwrap().retired);
}

#[tokio::test]
async fn a_beat_is_remembered_beside_the_pointer() {
    let pointer = ServedPointer::<Pages>::new(database().await);
    let beat = Beat { history: history(), head: Position(8), last: Position(7), at: super::moment() };
    pointer.record_beat(&beat).await.unwrap();
    assert_eq!(pointer.served().await.unwrap(), None, "a beat alone is no generation");
    pointer.begin(KEPT).await.unwrap();
    pointer.record_beat(&beat).await.unwrap();
    // Nobody waits for the majority of a beat, so reads may be a moment behind.
    let served = loop {
        match pointer.served().await.unwrap().unwrap() {
            served if served.beat.is_some() => break served,
            _ => {}
        }
    };
    assert_eq!((served.generation, served.beat), (1, Some(beat)));
}
