use super::{KEPT, Store, at, commit, database, document, is_unchanged, like, pointer};
use crate::projector::testing::{page_key, post};
use crate::store::{Committed, DocumentStore};
use mongodb::bson::{Document, doc};

const MANY: u32 = 1_100;

/// A generation with many pages, and what tells who was erased.
async fn filled() -> Store {
    let store = Store::new(database().await, 1);
    pointer(&store).begin(KEPT).await.unwrap();
    let from = store.checkpoint().await.unwrap();
    let pages: Vec<_> = (0..MANY).map(|number| (page_key(post(number.into())), document(number, "one"))).collect();
    assert_eq!(store.commit(from.revision, &commit(&from, &pages)).await.unwrap(), Committed::Yes);
    let erased = doc! { "_id": "card:1", "kind": "card", "erased": true };
    store.database.collection::<Document>("pages_1").insert_one(erased).await.unwrap();
    store
}

async fn ids(store: &Store) -> Vec<String> {
    let documents = store.database.collection::<Document>("pages_1");
    let ids = documents.distinct("_id", doc! {}).await.unwrap();
    ids.iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_generation_that_is_superseded_is_emptied_and_no_other() {
    let store = filled().await;
    let pointer = pointer(&store);
    for served in [1, 2] {
        assert_eq!(pointer.empty_superseded(served).await.unwrap(), 0, "it is served");
    }
    pointer.supersede(1, super::pointer::history(), KEPT).await.unwrap();
    let next = pointer.store(2);
    let kept = like(&next, 1).await;
    let all = futures_util::future::join_all((0..4).map(|_| pointer.empty_superseded(2))).await;
    let deleted: u64 = all.into_iter().map(Result::unwrap).sum();
    assert_eq!((deleted, ids(&store).await), (u64::from(MANY), vec!["card:1".to_owned(), "checkpoint".to_owned()]));
    is_unchanged(&next, &kept).await;
    assert_eq!(pointer.empty_superseded(2).await.unwrap(), 0);
}

/// Neither one that folded there a moment ago, nor one that only now comes to read where it stands.
#[tokio::test]
async fn nobody_folds_into_a_generation_that_was_emptied() {
    let store = filled().await;
    let pointer = pointer(&store);
    let folded = store.checkpoint().await.unwrap();
    pointer.supersede(1, super::pointer::history(), KEPT).await.unwrap();
    let retired = store.checkpoint().await.unwrap();
    pointer.empty_superseded(2).await.unwrap();
    store.prepare(KEPT, None).await.unwrap();
    let unaware = commit(&folded, &[(page_key(post(1)), document(2, "one"))]);
    assert_eq!(store.commit(at(1), &unaware).await.unwrap(), Committed::CompareLost);
    let closed = store.checkpoint().await.unwrap();
    assert_eq!((closed.retired, closed.revision), (true, retired.revision));
    assert_ne!(closed.fold_version, retired.fold_version, "no program's own");
}
