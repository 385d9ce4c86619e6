//! Every document that lies in Redis under the living namespace is MongoDB's, field by field.

use super::checkpoint;
use crate::harness::stage::Stage;
use millrace_read::models::NAMES;
use mongodb::bson::{Bson, Document, doc};
use redis::aio::MultiplexedConnection;
use serde_json::Value;
use std::time::{Duration, Instant};

/// The promise: so long after the last change everything that is cached is MongoDB's.
const QUIET: Duration = Duration::from_secs(5);
/// After faults, on a busy machine, it is waited for longer: what is pushed late is pushed all the same.
const AFTER_FAULTS: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Fields of a stored document that are not the document's own.
const OF_THE_STORE: [&str; 3] = ["_id", "rev", "brokenSince"];

/// What lies at a document's key.
#[derive(Debug, PartialEq)]
pub enum Cached {
    /// A document.
    Document(Value),
    /// The word that there is none.
    Absent,
    /// A lease.
    Leased,
}

/// Waits until the cache is MongoDB's; fails with the first difference if it is not within [`AFTER_FAULTS`] of the last change. Answers how
/// much lies there.
pub async fn equals_documents(stage: &Stage, quiet_since: Instant) -> usize {
    loop {
        match difference(stage).await {
            Ok(count) => return count,
            Err(difference) => {
                assert!(quiet_since.elapsed() < AFTER_FAULTS, "after {AFTER_FAULTS:?} of quiet: {difference}");
            }
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Looks once, [`QUIET`] after the last change. Answers how much lies there.
pub async fn equals_documents_in_time(stage: &Stage, quiet_since: Instant) -> usize {
    tokio::time::sleep_until((quiet_since + QUIET).into()).await;
    difference(stage).await.unwrap_or_else(|difference| panic!("after {QUIET:?} of quiet: {difference}"))
}

async fn difference(stage: &Stage) -> Result<usize, String> {
    let (mongodb, mut redis) = (stage.mongodb().await, stage.redis().await);
    let mut count = 0;
    for projection in NAMES {
        let checkpoint = checkpoint(&mongodb, projection).await.expect("a checkpoint");
        let documents = mongodb.collection::<Document>(&checkpoint.collection);
        for (key, cached) in cached(stage, &mut redis, projection).await {
            let stored = documents.find_one(doc! { "_id": &key }).await.expect("an answer").map(own_fields);
            let expected = stored.map_or(Cached::Absent, Cached::Document);
            if cached != Cached::Leased && cached != expected {
                return Err(format!("{projection} {key} is cached as {cached:?}, and is {expected:?}"));
            }
            count += usize::from(cached != Cached::Leased);
        }
    }
    Ok(count)
}

fn own_fields(mut document: Document) -> Value {
    OF_THE_STORE.iter().for_each(|field| drop(document.remove(field)));
    Bson::Document(document).into_relaxed_extjson()
}

/// How far a projection is in Redis; none if nothing is known there.
pub async fn head(stage: &Stage, redis: &mut MultiplexedConnection, projection: &str) -> Option<Value> {
    let head = format!("{}:{{{projection}}}:head", stage.name);
    let head: Option<String> = redis::cmd("GET").arg(head).query_async(redis).await.expect("an answer");
    head.map(|head| serde_json::from_str(&head).expect("JSON"))
}

/// What lies in Redis of a projection, by document key.
pub async fn cached(stage: &Stage, redis: &mut MultiplexedConnection, projection: &str) -> Vec<(String, Cached)> {
    let Some(head) = head(stage, redis, projection).await else { return Vec::new() };
    let namespace = head["namespace"].as_u64().expect("a namespace");
    let prefix = format!("{}:{projection}:{}:{namespace:x}:", stage.name, head["generation"]);
    let mut found = Vec::new();
    for key in stage.redis_keys(&prefix).await {
        let value: Option<String> = redis::cmd("GET").arg(&key).query_async(redis).await.expect("an answer");
        found.extend(value.map(|value| (key[prefix.len()..].to_owned(), read(&value))));
    }
    found
}

fn read(value: &str) -> Cached {
    match (value.as_bytes().first(), value.split_once('\n')) {
        (Some(b'D'), Some((_, json))) => Cached::Document(serde_json::from_str(json).expect("JSON")),
        (Some(b'A'), None) => Cached::Absent,
        (Some(b'L'), None) => Cached::Leased,
        _ => panic!("what is {value}?"),
    }
}
