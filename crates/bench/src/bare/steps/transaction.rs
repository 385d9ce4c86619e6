//! One MongoDB transaction as a projector's commit of one comment is.

use crate::error::BenchError;
use crate::stage::Stage;
use mongodb::bson::{Document, doc};
use mongodb::options::{Acknowledgment, WriteConcern};
use mongodb::{ClientSession, Database};
use std::time::{Duration, Instant};

const DOCUMENTS: &str = "content_1";
const CHANGES: &str = "content_1_changes";

/// A database of its own and a session.
pub struct Transaction {
    database: Database,
    session: ClientSession,
    position: i64,
}

impl Transaction {
    /// With the checkpoint at 0.
    pub async fn new(stage: &Stage, name: &str) -> Result<Self, BenchError> {
        let database = stage.mongodb(name).await?;
        database.create_collection(CHANGES).await?;
        let checkpoint = doc! { "_id": "checkpoint", "rev": { "p": 0_i64, "n": 0 } };
        database.collection(DOCUMENTS).insert_one(checkpoint).await?;
        let session = database.client().start_session().await?;
        Ok(Self { database, session, position: 0 })
    }

    /// From the first command until COMMIT is answered.
    pub async fn once(&mut self, post: &Document, comment: &Document) -> Result<Duration, BenchError> {
        let update = self.update(post, comment);
        let insert = self.insert();
        let concern = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build();
        let started = Instant::now();
        self.session.start_transaction().write_concern(concern).await?;
        self.database.run_command(update).session(&mut self.session).await?;
        self.database.run_command(insert).session(&mut self.session).await?;
        self.session.commit_transaction().await?;
        let took = started.elapsed();
        self.position += 1;
        Ok(took)
    }

    /// Checkpoint first, by compare, then the documents.
    fn update(&self, post: &Document, comment: &Document) -> Document {
        let revision = |position: i64| doc! { "p": position, "n": 0 };
        let next = doc! { "$set": { "rev": revision(self.position + 1) } };
        let checkpoint = doc! { "q": { "_id": "checkpoint", "rev": revision(self.position) }, "u": next };
        let write = |document: &Document, id: String| {
            let mut document = document.clone();
            document.insert("_id", id.as_str());
            doc! { "q": { "_id": id }, "u": document, "upsert": true }
        };
        let post = write(post, "post".into());
        // Each comment is a new document; the post is always the same.
        let comment = write(comment, format!("comment:{}", self.position));
        doc! { "update": DOCUMENTS, "updates": [checkpoint, post, comment] }
    }

    fn insert(&self) -> Document {
        let change = |seq: i64, key: &str| {
            let topics =
                ["post:01980000-0000-7002-8000-000000000000", "author:01980000-0000-7001-8000-000000000000/posts"];
            doc! { "_id": seq, "key": key, "position": self.position, "topics": &topics[..], "audience": "everyone" }
        };
        let first = self.position * 2 + 1;
        doc! { "insert": CHANGES, "documents": [change(first, "post"), change(first + 1, "comment")] }
    }
}
