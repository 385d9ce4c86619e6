//! Every document in MongoDB is, field by field, what an independent fold of the log makes, and there is no document more.

use super::checkpoint;
use super::life::Documents;
use super::log::Log;
use super::{commands, content, people, shop};
use crate::harness::stage::Stage;
use futures_util::TryStreamExt;
use millrace_read::models::NAMES;
use mongodb::bson::{Document, doc};

/// Fields of a stored document that are not the document's own.
const OF_THE_STORE: [&str; 2] = ["_id", "rev"];

/// Compares all documents of all projections.
pub async fn equal_fold(stage: &Stage) {
    let log = Log::of(stage).await.recorded().await;
    let mongodb = stage.mongodb().await;
    for projection in NAMES {
        let found = stored(&mongodb, projection).await;
        let expected = match *projection {
            "people" => people::documents(&log),
            "content" => content::documents(&log, &content::windows(&found)),
            "shop" => shop::documents(&log),
            "commands" => commands::documents(&log),
            other => panic!("the checker has no fold of {other}"),
        };
        compare(projection, expected, found);
    }
}

/// Both are the same; fails with the first difference.
pub fn compare(what: &str, expected: Documents, found: Documents) {
    for (key, document) in &expected {
        assert_eq!(found.get(key), Some(document), "{what} {key}: found, expected");
    }
    let more: Vec<_> = found.keys().filter(|key| !expected.contains_key(*key)).collect();
    assert!(more.is_empty(), "{what}: more than the log says: {more:?}");
}

/// All documents of a projection, with all their fields.
async fn stored(mongodb: &mongodb::Database, projection: &str) -> Documents {
    let checkpoint = checkpoint(mongodb, projection).await.expect("a checkpoint");
    let collection = mongodb.collection::<Document>(&checkpoint.collection);
    let documents = collection.find(doc! { "_id": { "$ne": "checkpoint" } }).await.expect("documents");
    let documents: Vec<Document> = documents.try_collect().await.expect("documents");
    documents.into_iter().map(own_fields).collect()
}

/// One that is parked has a field more than the log says.
fn own_fields(mut document: Document) -> (String, serde_json::Value) {
    let key = document.get_str("_id").expect("a key").to_owned();
    OF_THE_STORE.iter().for_each(|field| drop(document.remove(field)));
    (key, mongodb::bson::Bson::Document(document).into_relaxed_extjson())
}
