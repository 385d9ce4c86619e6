use super::{KEPT, Store, database, like};
use crate::store::DocumentStore;
use futures_util::TryStreamExt;
use mongodb::IndexModel;
use mongodb::bson::{Document, doc};
use std::time::Duration;

async fn indexes(store: &Store, collection: &str) -> Vec<IndexModel> {
    let collection = store.database.collection::<Document>(collection);
    collection.list_indexes().await.unwrap().try_collect().await.unwrap()
}

#[tokio::test]
async fn several_prepare_at_once_and_again() {
    let store = Store::new(database().await, 1);
    let all = (0..4).map(|_| store.prepare(KEPT, None));
    for prepared in futures_util::future::join_all(all).await {
        prepared.unwrap();
    }
    let commit = like(&store, 1).await;
    store.prepare(KEPT, None).await.unwrap();
    assert_eq!(store.checkpoint().await.unwrap(), commit.checkpoint, "a checkpoint that is there is left alone");
    let checkpoint = commit.checkpoint;
    assert_eq!((checkpoint.generation, checkpoint.fold_version, checkpoint.retired), (1, 3, false));
}

#[tokio::test]
async fn the_projections_indexes_keep_the_order_of_their_keys() {
    let store = Store::new(database().await, 1);
    store.prepare(KEPT, None).await.unwrap();
    let indexes = indexes(&store, "pages_1").await;
    let newest = indexes.iter().find(|index| index.keys.contains_key("authorId")).unwrap();
    let keys: Vec<&String> = newest.keys.keys().collect();
    assert_eq!(keys, ["authorId", "createdMicros", "_id"]);
    let options = newest.options.as_ref().unwrap();
    assert_eq!(options.partial_filter_expression, Some(doc! { "kind": "page" }));
}

#[tokio::test]
async fn changes_expire_and_the_setting_may_change() {
    let store = Store::new(database().await, 1);
    for seconds in [3_600, 60] {
        let kept = Duration::from_secs(seconds);
        store.prepare(kept, None).await.unwrap();
        let indexes = indexes(&store, "pages_1_changes").await;
        let expiry = indexes.iter().find(|index| index.keys == doc! { "keptSince": 1 }).unwrap();
        assert_eq!(expiry.options.as_ref().unwrap().expire_after, Some(kept));
    }
    like(&store, 1).await;
    let raw = store.database.collection::<Document>("pages_1_changes").find_one(doc! {}).await.unwrap().unwrap();
    assert!(raw.get_datetime("keptSince").is_ok(), "the index is of a date: {raw}");
}
