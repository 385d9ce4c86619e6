//! Bare MongoDB upserts: the documents that a replay makes, one upsert for each event, without anything around them.

use crate::dice::Dice;
use crate::error::BenchError;
use crate::plan::{COMMENTS, POSTS, SEED, UPSERT_STRIDE, UPSERTS_AT_ONCE, UPSERTS_PER_COMMAND, USERS};
use crate::world::ids;
use futures_util::{StreamExt, TryStreamExt, stream};
use mongodb::bson::{Document, RawArrayBuf, RawDocumentBuf, doc, rawdoc};
use mongodb::{Collection, Database};
use std::time::{Duration, Instant};

const FETCHED_AT_ONCE: usize = 1_000;

/// How the upserts are sent. All of them wait for majority and journal, as the projector does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    /// One command each, the next after the answer to the last: the order of the log is kept.
    OneByOne,
    /// One command each, many under way: no order.
    ManyAtOnce,
    /// Many in one unordered command: no order, and no event seen before the next thousand.
    InBulk,
}

/// The documents, each with its id.
pub struct Upserts {
    documents: Vec<(String, RawDocumentBuf)>,
}

impl Upserts {
    /// The documents of a replayed database: of every so many-th event the one that bears its name.
    pub async fn of(replayed: &Database) -> Result<Self, BenchError> {
        let mut documents = Vec::new();
        for (collection, keys) in [("people_1", people()), ("content_1", content())] {
            for keys in keys.chunks(FETCHED_AT_ONCE) {
                let found =
                    replayed.collection::<RawDocumentBuf>(collection).find(doc! { "_id": { "$in": keys } }).await?;
                let found: Vec<RawDocumentBuf> = found.try_collect().await?;
                for document in found {
                    documents.push((
                        document.get_str("_id").map_err(|_| BenchError::Missing("an _id"))?.to_owned(),
                        document,
                    ));
                }
            }
        }
        shuffle(&mut documents);
        if documents.is_empty() { Err(BenchError::Missing("documents to upsert")) } else { Ok(Self { documents }) }
    }

    /// Bytes of a document on average.
    pub fn mean_bytes(&self) -> usize {
        let bytes: usize = self.documents.iter().map(|(_, document)| document.as_bytes().len()).sum();
        bytes / self.documents.len()
    }

    /// Upserts in a second, into an empty collection, as long as the time or the documents last.
    pub async fn run(&self, database: &Database, sending: Sending, time: Duration) -> Result<f64, BenchError> {
        let collection = database.collection::<RawDocumentBuf>("upserts");
        collection.drop().await?;
        database.create_collection("upserts").await?;
        let (started, end) = (Instant::now(), Instant::now() + time);
        let done = match sending {
            Sending::OneByOne => self.each(&collection, 1, end).await?,
            Sending::ManyAtOnce => self.each(&collection, UPSERTS_AT_ONCE, end).await?,
            Sending::InBulk => self.in_bulk(database, end).await?,
        };
        Ok(done as f64 / started.elapsed().as_secs_f64())
    }

    async fn each(
        &self,
        collection: &Collection<RawDocumentBuf>,
        at_once: usize,
        end: Instant,
    ) -> Result<usize, BenchError> {
        let in_time = self.documents.iter().take_while(|_| Instant::now() < end);
        let upserts = in_time.map(|(id, document)| async move {
            collection.replace_one(doc! { "_id": id }, document).upsert(true).await.map(|_| 1)
        });
        let done = stream::iter(upserts).buffer_unordered(at_once);
        Ok(done.try_fold(0, |done, one| async move { Ok(done + one) }).await?)
    }

    async fn in_bulk(&self, database: &Database, end: Instant) -> Result<usize, BenchError> {
        let mut done = 0;
        for documents in self.documents.chunks(UPSERTS_PER_COMMAND) {
            if Instant::now() >= end {
                break;
            }
            database.run_raw_command(update(documents)?).await?;
            done += documents.len();
        }
        Ok(done)
    }
}

fn update(documents: &[(String, RawDocumentBuf)]) -> Result<RawDocumentBuf, BenchError> {
    let mut updates = RawArrayBuf::new();
    for (id, document) in documents {
        updates.push(rawdoc! { "q": { "_id": id.as_str() }, "u": document.clone(), "upsert": true });
    }
    Ok(rawdoc! {
        "update": "upserts",
        "updates": updates,
        "ordered": false,
        "writeConcern": { "w": "majority", "j": true },
    })
}

fn people() -> Vec<String> {
    (0..USERS).step_by(UPSERT_STRIDE as usize).map(|number| format!("user:{}", ids::user(number))).collect()
}

fn content() -> Vec<String> {
    let step = UPSERT_STRIDE as usize;
    let posts = (0..POSTS).step_by(step).map(|number| format!("post:{}", ids::post(number)));
    let comments = (0..COMMENTS).step_by(step).map(|number| format!("comment:{}", ids::comment(number)));
    posts.chain(comments).collect()
}

/// So that each command has some of every size.
fn shuffle(documents: &mut [(String, RawDocumentBuf)]) {
    let mut dice = Dice::new(SEED, 0);
    for end in (1..documents.len()).rev() {
        documents.swap(end, dice.below(end + 1));
    }
}

/// Processor time that the server has used, in microseconds.
pub async fn server_cpu_us(database: &Database) -> Result<f64, BenchError> {
    let status: Document = database.run_command(doc! { "serverStatus": 1, "extra_info": 1 }).await?;
    let info = status.get_document("extra_info").map_err(|_| BenchError::Missing("extra_info"))?;
    let part = |name: &str| info.get_i64(name).or_else(|_| info.get_i32(name).map(i64::from)).unwrap_or(0) as f64;
    Ok(part("user_time_us") + part("system_time_us"))
}
