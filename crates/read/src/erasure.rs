//! What documents and cache still hold of an erased person: for an operator who checks a receipt.

use crate::cache::redis::RedisSettings;
use crate::cache::{Cached, value};
use crate::models::content::{Content, card};
use crate::models::{Registered, Visitor, visit};
use crate::projection::DocumentKey;
use crate::store::mongo::{MongoError, MongoStore, ServedPointer};
use crate::store::{DocumentStore, StoreError};
use futures_util::future::{BoxFuture, try_join_all};
use futures_util::{FutureExt, TryStreamExt};
use millrace_events::{Position, Timestamp, UserId};
use mongodb::Database;
use mongodb::bson::{self, Document, doc};
use redis::aio::MultiplexedConnection;
use std::collections::BTreeSet;
use std::time::Duration;
use time::OffsetDateTime;

/// Keys that Redis is asked to look at in one step.
const SCANNED_AT_ONCE: usize = 1_000;
/// How often a cached document that differs is looked at, and after how long again.
const LOOKS_MAX: usize = 5;
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// Within this time of an erasure every projection has folded it.
const FOLDED_WITHIN: Duration = Duration::from_secs(3_600);

/// Why it could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// MongoDB did not answer.
    #[error("MongoDB")]
    Documents(#[from] mongodb::error::Error),
    /// MongoDB did not answer, or not as it should.
    #[error(transparent)]
    Store(#[from] MongoError),
    /// A document could not be read.
    #[error("documents")]
    Read(#[source] StoreError),
    /// A question could not be put.
    #[error("a question to documents")]
    Question(#[from] bson::ser::Error),
    /// Redis did not answer.
    #[error("Redis")]
    Cache(#[from] redis::RedisError),
}

/// One promise of an erasure, and whether it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which store.
    pub store: &'static str,
    /// What was looked at, and what was found.
    pub text: String,
    /// Whether it is kept.
    pub verdict: Verdict,
}

/// Whether a promise of an erasure is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Kept,
    /// Something is left.
    Left,
    /// Nothing was promised. Whoever keeps the servers should know.
    Told,
}

impl From<bool> for Verdict {
    fn from(is_kept: bool) -> Self {
        if is_kept { Self::Kept } else { Self::Left }
    }
}

/// Who was erased, and where the log says so.
#[derive(Debug, Clone, Copy)]
pub struct Erased {
    /// The person.
    pub person: UserId,
    /// Position of the event.
    pub position: Position,
    /// When it was decided.
    pub at: Timestamp,
}

/// Looks at all generations of all projections, and at everything in the cache.
pub async fn check(database: &Database, redis: &RedisSettings, erased: Erased) -> Result<Vec<Finding>, CheckError> {
    let client = redis::Client::open(redis.url.as_str())?;
    let connection = client.get_multiplexed_async_connection().await?;
    let collections = database.list_collection_names().await?;
    let mut checks =
        Checks { database, connection, prefix: &redis.prefix, collections: &collections, erased, all: vec![] };
    visit(&mut checks);
    let mut findings: Vec<Finding> = try_join_all(checks.all).await?.into_iter().flatten().collect();
    findings.push(oplog(oldest_write(database).await, erased.at));
    Ok(findings)
}

/// When the oldest write was done that MongoDB keeps for its other members, with what was written.
async fn oldest_write(database: &Database) -> Result<Option<Timestamp>, mongodb::error::Error> {
    let oplog = database.client().database("local").collection::<Document>("oplog.rs");
    let oldest = oplog.find_one(doc! {}).sort(doc! { "$natural": 1 }).projection(doc! { "ts": 1 }).await?;
    let seconds = oldest.and_then(|oldest| Some(i64::from(oldest.get_timestamp("ts").ok()?.time)));
    Ok(seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok()).map(Timestamp::new))
}

/// Documents may have been written with what was erased until every projection had folded it.
fn oplog(oldest: Result<Option<Timestamp>, mongodb::error::Error>, erased: Timestamp) -> Finding {
    let (text, verdict) = match oldest {
        Ok(Some(oldest)) if oldest.moment() > erased.moment() + FOLDED_WITHIN => {
            (format!("oplog: reaches back to {oldest}, after the erasure"), Verdict::Kept)
        }
        Ok(Some(oldest)) => {
            let holds = "as in backups, what was written before the erasure is there until it has rolled over";
            (format!("oplog: reaches back to {oldest}; {holds}"), Verdict::Told)
        }
        Ok(None) => ("oplog: there is none".to_owned(), Verdict::Told),
        Err(error) => (format!("oplog: not looked at ({error})"), Verdict::Told),
    };
    Finding { store: "MongoDB", text, verdict }
}

/// Everybody whose erasure any generation has folded. A restored PostgreSQL may have forgotten it.
pub async fn folded_erasures(database: &Database) -> Result<BTreeSet<UserId>, CheckError> {
    let mut persons = BTreeSet::new();
    for collection in database.list_collection_names().await? {
        if generation::<Content>(&collection).is_none() {
            continue;
        }
        let documents = database.collection::<Document>(&collection);
        let erased = documents.find(doc! { "kind": card::KIND, "erased": true }).projection(doc! { "_id": 1 });
        let cards: Vec<Document> = erased.await?.try_collect().await?;
        let ids = cards.iter().filter_map(|found| found.get_str("_id").ok()?.split_once(':')?.1.parse().ok());
        persons.extend(ids.map(UserId));
    }
    Ok(persons)
}

/// One check for each projection.
struct Checks<'a> {
    database: &'a Database,
    connection: MultiplexedConnection,
    prefix: &'a str,
    collections: &'a [String],
    erased: Erased,
    all: Vec<BoxFuture<'a, Result<Vec<Finding>, CheckError>>>,
}

impl Visitor for Checks<'_> {
    fn visit<P: Registered>(&mut self) {
        let (database, collections, erased) = (self.database, self.collections, self.erased);
        let (connection, prefix) = (self.connection.clone(), self.prefix);
        let check = async move {
            let mut findings = vec![folded::<P>(database, erased).await?];
            for collection in collections.iter().filter(|name| generation::<P>(name).is_some()) {
                findings.push(documents::<P>(database, collection, erased.person).await?);
            }
            findings.push(cached::<P>(database, connection, prefix, erased.person).await?);
            Ok(findings)
        };
        self.all.push(check.boxed());
    }
}

/// The generation whose documents a collection holds.
fn generation<P: Registered>(collection: &str) -> Option<u32> {
    collection.strip_prefix(P::NAME)?.strip_prefix('_')?.parse().ok()
}

/// The projection that is served has folded the event, and has cleaned everything that it concerns.
async fn folded<P: Registered>(database: &Database, erased: Erased) -> Result<Finding, CheckError> {
    let Some(served) = ServedPointer::<P>::new(database.clone()).served().await? else {
        return Ok(mongodb(format!("projection {}: never folded", P::NAME), false));
    };
    let store = MongoStore::<P>::new(database.clone(), served.generation);
    let checkpoint = store.checkpoint().await.map_err(CheckError::Read)?;
    let cleaning = checkpoint.open.iter().filter(|open| open.position == erased.position).count();
    let (name, generation, position) = (P::NAME, served.generation, checkpoint.revision.position);
    let text =
        format!("projection {name}, generation {generation}: folded up to {position}, {cleaning} cleanings open");
    Ok(mongodb(text, position >= erased.position && cleaning == 0))
}

/// No document of this collection holds anything of the person, those that are parked included.
async fn documents<P: Registered>(
    database: &Database,
    collection: &str,
    person: UserId,
) -> Result<Finding, CheckError> {
    let (documents, mut left) = (database.collection::<Document>(collection), 0);
    let questions = P::left_of(person);
    for question in &questions {
        left += documents.count_documents(bson::to_document(question)?).await?;
    }
    let text =
        format!("collection {collection}: {} questions, {left} documents that still hold something", questions.len());
    Ok(mongodb(text, left == 0))
}

/// What lies in Redis and names the person is what MongoDB holds, which is clean. Another copy is one that nobody reads any more, and
/// goes when its time is over.
async fn cached<P: Registered>(
    database: &Database,
    mut connection: MultiplexedConnection,
    prefix: &str,
    person: UserId,
) -> Result<Finding, CheckError> {
    let (mut cursor, mut seen, mut left) = (0u64, 0, 0);
    let prefix = format!("{prefix}:{}:", P::NAME);
    loop {
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(format!("{prefix}*")).arg("COUNT").arg(SCANNED_AT_ONCE);
        let (next, keys): (u64, Vec<String>) = scan.query_async(&mut connection).await?;
        for key in &keys {
            left += usize::from(!is_clean::<P>(database, &mut connection, key, &prefix, person).await?);
        }
        (cursor, seen) = (next, seen + keys.len());
        if cursor == 0 {
            break;
        }
    }
    let text = format!("projection {}: {seen} entries, {left} name the id and are not what MongoDB holds", P::NAME);
    Ok(Finding { store: "Redis", text, verdict: (left == 0).into() })
}

/// A document that is changing at this moment may differ: it is looked at again.
async fn is_clean<P: Registered>(
    database: &Database,
    connection: &mut MultiplexedConnection,
    key: &str,
    prefix: &str,
    person: UserId,
) -> Result<bool, CheckError> {
    for look in 0..LOOKS_MAX {
        if look > 0 {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        let text: Option<Vec<u8>> = redis::cmd("GET").arg(key).query_async(connection).await?;
        let Cached::Document { json, .. } = value::decode(text.as_deref()) else { return Ok(true) };
        if !names(&json, person) || is_stored::<P>(database, &key[prefix.len()..], &json).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn names(json: &str, person: UserId) -> bool {
    json.contains(&person.to_string()) || json.contains(&person.to_global())
}

/// True if MongoDB has the very same document. What stands before it in the key is its generation and its namespace.
async fn is_stored<P: Registered>(database: &Database, key: &str, json: &str) -> Result<bool, CheckError> {
    let mut parts = key.splitn(3, ':');
    let (Some(generation), Some(_), Some(key)) = (parts.next(), parts.next(), parts.next()) else { return Ok(false) };
    let (Ok(generation), key) = (generation.parse(), DocumentKey::from_store(key)) else { return Ok(false) };
    let Ok(cached) = P::decode(&key, json) else { return Ok(false) };
    let store = MongoStore::<P>::new(database.clone(), generation);
    match store.read(std::slice::from_ref(&key)).await {
        Ok(snapshot) => Ok(snapshot.documents.get(&key).is_some_and(|stored| stored.document == cached)),
        Err(error) => Err(CheckError::Read(error)),
    }
}

fn mongodb(text: String, is_kept: bool) -> Finding {
    Finding { store: "MongoDB", text, verdict: is_kept.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mongodb::error::Error;

    #[test]
    fn it_is_told_how_far_the_oplog_reaches_back() {
        let at = |hour: i64| Timestamp::new(OffsetDateTime::UNIX_EPOCH + time::Duration::hours(hour));
        let told = |oldest| {
            let Finding { text, verdict, .. } = oplog(oldest, at(10));
            (text, verdict)
        };
        let (text, verdict) = told(Ok(Some(at(3))));
        assert!(
            verdict == Verdict::Told && text.contains("1970-01-01T03:00:00Z") && text.contains("backups"),
            "{text}"
        );
        assert_eq!(told(Ok(Some(at(10)))).1, Verdict::Told, "words may have been written until it was folded");
        assert_eq!(told(Ok(Some(at(12)))).1, Verdict::Kept);
        assert_eq!(told(Ok(None)).1, Verdict::Told);
        let (text, verdict) = told(Err(Error::custom("not authorized on local")));
        assert!(verdict == Verdict::Told && text.contains("not looked at"), "{text}");
    }
}
