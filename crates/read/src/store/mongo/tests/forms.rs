use super::{Store, at, commit, database, document, like, prepared};
use crate::projection::DocumentKey;
use crate::projector::testing::{page_key, post, user};
use crate::store::mongo::MongoError;
use crate::store::mongo::form;
use crate::store::{Committed, DeadLetter, DocumentStore, Stored};
use millrace_events::Position;
use mongodb::bson::{Bson, Document, doc};
use serde::{Deserialize, Serialize};

async fn raw(store: &Store, collection: &str, filter: Document) -> Document {
    store.database.collection::<Document>(collection).find_one(filter).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_document_lies_flat_with_ids_as_text() {
    let store = prepared().await;
    like(&store, 3).await;
    let raw = raw(&store, "pages_1", doc! { "_id": page_key(post(1)).as_str() }).await;
    assert_eq!(raw.get_document("rev").unwrap(), &doc! { "p": Bson::Int64(1), "n": Bson::Int32(0) });
    assert_eq!(raw.get_str("kind"), Ok("page"));
    assert_eq!(raw.get_str("authorId"), Ok(user(1).to_string().as_str()));
    assert_eq!(raw.get_i64("likes"), Ok(3));
    assert!(!raw.contains_key("brokenSince"));
}

#[tokio::test]
async fn what_was_written_is_read_back() {
    let store = prepared().await;
    let mut commit = like(&store, 3).await;
    let parked = Stored { revision: at(2), broken_since: Some(Position(2)), document: document(3, "one") };
    commit.checkpoint.revision = at(2);
    commit.documents = vec![(page_key(post(1)), Some(parked.clone()))];
    commit.parked = vec![(page_key(post(9)), Position(2))];
    commit.dead_letters = vec![DeadLetter {
        key: page_key(post(1)),
        position: Position(2),
        event: "post.created".into(),
        reason: "so".into(),
    }];
    let changes = std::mem::take(&mut commit.changes);
    assert_eq!(store.commit(at(1), &commit).await.unwrap(), Committed::Yes);

    let snapshot = store.read(&[page_key(post(1)), page_key(post(8)), page_key(post(9))]).await.unwrap();
    assert_eq!(snapshot.checkpoint, commit.checkpoint);
    assert_eq!(snapshot.documents.get(&page_key(post(1))), Some(&parked));
    assert_eq!(snapshot.parked.get(&page_key(post(9))), Some(&Position(2)));
    assert_eq!((snapshot.documents.len(), snapshot.parked.len()), (1, 1));
    assert_eq!(store.changes(0, 10).await.unwrap().changes, changes);
    let letter = raw(&store, "dead_letters", doc! {}).await;
    assert_eq!(letter.get_str("collection"), Ok("pages_1"));
    assert_eq!(letter.get_i64("position"), Ok(2));
}

#[tokio::test]
async fn a_removed_document_is_gone() {
    let store = prepared().await;
    let mut next = like(&store, 3).await;
    next.checkpoint.revision = at(2);
    next.documents = vec![(page_key(post(1)), None)];
    next.changes.clear();
    assert_eq!(store.commit(at(1), &next).await.unwrap(), Committed::Yes);
    assert!(store.read(&[page_key(post(1))]).await.unwrap().documents.is_empty());
}

#[tokio::test]
async fn selected_documents_come_in_key_order_and_newest_ones_by_time() {
    let store = prepared().await;
    let from = store.checkpoint().await.unwrap();
    let pages: Vec<_> = (1..=5).map(|n| (page_key(post(n)), document(10 - n as u32, "text"))).collect();
    assert_eq!(store.commit(from.revision, &commit(&from, &pages)).await.unwrap(), Committed::Yes);
    let mut selector =
        crate::projection::Selector { kind: "page".into(), field: "authorId".into(), value: user(1).to_string() };
    let keys = |found: Vec<(DocumentKey, Stored<_>)>| found.into_iter().map(|(key, _)| key).collect::<Vec<_>>();
    let page = |number: u128| page_key(post(number));
    assert_eq!(keys(store.select(&selector, None, 2).await.unwrap()), [page(1), page(2)]);
    assert_eq!(keys(store.select(&selector, Some(&page(2)), 9).await.unwrap()), [page(3), page(4), page(5)]);
    assert_eq!(keys(store.newest(&selector, 2).await.unwrap()), [page(1), page(2)]);
    selector.value = user(2).to_string();
    assert!(store.select(&selector, None, 9).await.unwrap().is_empty());
    selector = crate::projection::Selector { kind: "card".into(), value: user(1).to_string(), ..selector };
    assert!(store.newest(&selector, 9).await.unwrap().is_empty(), "another kind");
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Greedy {
    rev: u32,
}

#[test]
fn the_stores_own_fields_are_not_taken() {
    let stored = Stored { revision: at(1), broken_since: None, document: Greedy { rev: 7 } };
    let refused = form::document(&page_key(post(1)), &stored).unwrap_err();
    assert!(matches!(refused, MongoError::ReservedField { field: "rev", .. }), "{refused}");
}

#[tokio::test]
async fn a_generation_that_was_not_prepared_says_so() {
    let store = Store::new(database().await, 1);
    let error = store.read_checkpoint().await.unwrap_err();
    assert!(matches!(error, MongoError::CheckpointMissing), "{error}");
}
