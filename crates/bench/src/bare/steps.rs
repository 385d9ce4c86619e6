//! The bare steps between COMMIT and a visible document, each by itself on an otherwise idle server: sequencing, publish and deliver, the
//! MongoDB transaction, the Redis writes. The same calls with the same bytes as ours, and nothing around them.

mod delivery;
mod transaction;

use crate::error::BenchError;
use crate::stage::{ReadSide, Stage};
use crate::world::fill::add_comment;
use crate::world::recorder::Recorder;
use crate::world::{Written, ids};
use delivery::Delivery;
use millrace_log::Log;
use mongodb::bson::{Document, doc};
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use sea_orm::TransactionTrait;
use std::time::{Duration, Instant};
use transaction::Transaction;

/// As the projector writes documents.
const DOCUMENT_TTL_S: u64 = 3_600;

/// Everything that the steps are done on: databases, a stream and keys of their own.
pub struct Steps {
    log: Log,
    delivery: Delivery,
    transaction: Transaction,
    redis: MultiplexedConnection,
    prefix: String,
    post: Document,
    comment: Document,
}

/// How long each step took.
#[derive(Debug, Clone, Copy)]
pub struct Took {
    /// The SQL function, which moves one event from the outbox into the log.
    pub sequencing: Duration,
    /// From publishing until a pull consumer has the message.
    pub delivery: Duration,
    /// Checkpoint, post and comment in one update command, two changes, COMMIT by majority and journal.
    pub transaction: Duration,
    /// The post, the head, the ring.
    pub redis: Duration,
}

impl Took {
    /// All of them.
    pub fn sum(&self) -> Duration {
        self.sequencing + self.delivery + self.transaction + self.redis
    }
}

impl Steps {
    /// Over a copy of the log's database, with documents of the size of this comment and its post.
    pub async fn new(stage: &Stage, copy: &str, read_side: &ReadSide, like: Written) -> Result<Self, BenchError> {
        let log = stage.log(copy).await?;
        let content = stage.mongodb(read_side.name()).await?.collection::<Document>("content_1");
        let found = async |key: String| {
            let found = content.find_one(doc! { "_id": key }).await?;
            found.ok_or(BenchError::Missing("a document to write again"))
        };
        let prefix = format!("{}_steps", stage.name);
        Ok(Self {
            log,
            delivery: Delivery::new(stage, &prefix).await?,
            transaction: Transaction::new(stage, &prefix).await?,
            redis: stage.redis().await?,
            post: found(format!("post:{}", ids::post(like.post))).await?,
            comment: found(format!("comment:{}", ids::comment(like.number))).await?,
            prefix,
        })
    }

    /// Each step once.
    pub async fn once(&mut self, recorder: &Recorder, comment: Written, text: String) -> Result<Took, BenchError> {
        let tx = self.log.database().begin().await?;
        add_comment(&tx, recorder, comment, text).await?;
        tx.commit().await?;
        let started = Instant::now();
        let head = self.log.sequence().await?;
        let sequencing = started.elapsed();
        let before = head.position.previous().unwrap_or_default();
        let envelope = self.log.read(before, 1).await?.pop().ok_or(BenchError::Missing("an event"))?;
        let delivery = self.delivery.once(&envelope).await?;
        let transaction = self.transaction.once(&self.post, &self.comment).await?;
        Ok(Took { sequencing, delivery, transaction, redis: self.write_to_redis().await? })
    }

    /// In the projector's order, which lets none begin before the last is done.
    async fn write_to_redis(&mut self) -> Result<Duration, BenchError> {
        let document = serde_json::to_string(&self.post)?;
        let (key, head, ring) = (format!("{}:post", self.prefix), format!("{}:head", self.prefix), "ring");
        let started = Instant::now();
        let () = self.redis.set_ex(key, document, DOCUMENT_TTL_S).await?;
        let () = self.redis.set(head, "{}").await?;
        let () = self.redis.publish(format!("{}:{ring}", self.prefix), "{}").await?;
        Ok(started.elapsed())
    }
}
