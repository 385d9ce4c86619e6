//! Checks after faults: stream = log, documents = an independent fold of the log, changes without gap,
//! cache = documents. Each panics with what it found.

pub mod books;
pub mod cache;
pub mod commands;
pub mod content;
pub mod documents;
pub mod due;
pub mod life;
pub mod log;
pub mod people;
pub mod prices;
pub mod shop;
pub mod stream;
pub mod subscribers;

use crate::harness::eventually;
use crate::harness::stage::Stage;
use millrace_read::models::NAMES;
use mongodb::bson::{Document, doc};
use std::time::Instant;

/// A projection's checkpoint as it lies in MongoDB.
pub struct Checkpoint {
    pub collection: String,
    pub document: Document,
}

impl Checkpoint {
    pub fn position(&self) -> u64 {
        let revision = self.document.get_document("rev").expect("a revision");
        number(revision.get("p").expect("a position"))
    }

    pub fn seq(&self) -> u64 {
        number(self.document.get("seq").expect("a seq"))
    }

    fn has_open_fan_outs(&self) -> bool {
        self.document.get_array("open").is_ok_and(|open| !open.is_empty())
    }
}

/// Any of BSON's numbers.
pub fn number(value: &mongodb::bson::Bson) -> u64 {
    let number = value.as_i64().or_else(|| value.as_i32().map(i64::from));
    u64::try_from(number.expect("a number")).expect("not negative")
}

/// The checkpoint of the generation that is served.
pub async fn checkpoint(mongodb: &mongodb::Database, projection: &str) -> Option<Checkpoint> {
    let pointer = mongodb.collection::<Document>("projections").find_one(doc! { "_id": projection }).await.ok()??;
    let collection = format!("{projection}_{}", number(pointer.get("generation")?));
    let document = mongodb.collection(&collection).find_one(doc! { "_id": "checkpoint" }).await.ok()??;
    Some(Checkpoint { collection, document })
}

/// Waits until every projection has folded the whole log and spread what was to spread, and until Redis knows of it: reads without a token
/// are as of what lies there.
pub async fn settled(stage: &Stage) {
    let log = log::Log::of(stage).await;
    let (mongodb, redis) = (stage.mongodb().await, stage.redis().await);
    for projection in NAMES {
        eventually(&format!("{projection} has folded the log"), || async {
            let head = log.head().await;
            let checkpoint = checkpoint(&mongodb, projection).await?;
            let is_folded = checkpoint.position() == head && !checkpoint.has_open_fan_outs();
            let cache = cache::head(stage, &mut redis.clone(), projection).await;
            (is_folded && cache.is_none_or(|head| head["seq"].as_u64() == Some(checkpoint.seq()))).then_some(())
        })
        .await;
    }
}

/// Everything that must hold once all is quiet.
pub async fn everything_holds(stage: &Stage) {
    books::are_sequenced(stage).await;
    settled(stage).await;
    let quiet_since = Instant::now();
    books::are_right(stage).await;
    stream::equals_log(stage).await;
    documents::equal_fold(stage).await;
    changes_have_no_gap(stage).await;
    cache::equals_documents(stage, quiet_since).await;
}

/// `seq` is 1…n without a gap, and n is the checkpoint's.
pub async fn changes_have_no_gap(stage: &Stage) {
    let mongodb = stage.mongodb().await;
    for projection in NAMES {
        let checkpoint = checkpoint(&mongodb, projection).await.expect("a checkpoint");
        let changes = mongodb.collection::<Document>(&format!("{}_changes", checkpoint.collection));
        let count = changes.count_documents(doc! {}).await.expect("a count");
        let first = changes.find_one(doc! {}).sort(doc! { "_id": 1 }).await.expect("an answer");
        let last = changes.find_one(doc! {}).sort(doc! { "_id": -1 }).await.expect("an answer");
        let seq =
            |document: Option<Document>| document.map_or(0, |document| number(document.get("_id").expect("a seq")));
        assert_eq!((count, seq(last)), (checkpoint.seq(), checkpoint.seq()), "changes of {projection}");
        assert!(seq(first) <= 1, "the first change of {projection}");
    }
}
