//! What a generation needs before it is folded: collections, indexes, a checkpoint. Each step may be done by several at once, and again.

use super::MongoStore;
use super::commit::durable;
use super::error::{MongoError, code, failed, malformed};
use super::form::{self, CHECKPOINT, KEPT_SINCE};
use super::names::{DEAD_LETTERS, PROJECTIONS};
use super::read::bounded;
use crate::projection::Projection;
use crate::store::Checkpoint;
use millrace_events::{History, Revision};
use mongodb::bson::{Document, RawArrayBuf, RawDocumentBuf, doc, rawdoc};
use mongodb::error::Error;
use std::time::Duration;

const KEPT_SINCE_INDEX: &str = "kept_since";
/// Code: the collection is there.
const NAMESPACE_EXISTS: i32 = 48;
/// Code: an index of this name has other options.
const INDEX_OPTIONS_CONFLICT: i32 = 85;
/// Code: two at once made the same document.
const DUPLICATE_KEY: i32 = 11_000;

impl<P: Projection> MongoStore<P> {
    /// Makes what is missing of the generation. `history` binds a new one to a life of the log; without, its first event does.
    pub async fn prepare(&self, changes_kept: Duration, history: Option<History>) -> Result<(), MongoError> {
        for name in [&self.names.documents, &self.names.changes, DEAD_LETTERS, PROJECTIONS] {
            self.create_collection(name).await?;
        }
        self.create_projection_indexes().await?;
        self.create_expiry(changes_kept).await?;
        self.create_checkpoint(history).await
    }

    async fn create_collection(&self, name: &str) -> Result<(), MongoError> {
        let created = bounded("create a collection", async {
            let create = self.database.create_collection(name).write_concern(durable());
            Ok(create.await)
        });
        match created.await? {
            Err(error) if code(&error) != Some(NAMESPACE_EXISTS) => Err(failed("create a collection")(error)),
            _ => Ok(()),
        }
    }

    async fn create_projection_indexes(&self) -> Result<(), MongoError> {
        let mut indexes = RawArrayBuf::new();
        for index in P::indexes() {
            indexes.push(form::encode("an index", &index)?);
        }
        indexes.push(rawdoc! { "name": "parked", "key": { form::BROKEN_SINCE: 1 }, "partialFilterExpression": {
            form::BROKEN_SINCE: { "$gt": 0 },
        } });
        let command = rawdoc! { "createIndexes": self.names.documents.as_str(), "indexes": indexes };
        self.run("create indexes", command).await?.map_err(failed("create indexes"))?;
        Ok(())
    }

    /// Changes expire by age. Should the age be another than at the last start, the index is told.
    async fn create_expiry(&self, kept: Duration) -> Result<(), MongoError> {
        let seconds = form::signed(kept.as_secs());
        let changes = self.names.changes.as_str();
        let command = rawdoc! { "createIndexes": changes, "indexes": [
            { "key": { KEPT_SINCE: 1 }, "name": KEPT_SINCE_INDEX, "expireAfterSeconds": seconds },
        ] };
        match self.run("create the expiry of changes", command).await? {
            Err(error) if code(&error) == Some(INDEX_OPTIONS_CONFLICT) => {
                let index = rawdoc! { "name": KEPT_SINCE_INDEX, "expireAfterSeconds": seconds };
                let command = rawdoc! { "collMod": changes, "index": index };
                let modified = self.run("alter the expiry of changes", command).await?;
                modified.map(drop).map_err(failed("alter the expiry of changes"))
            }
            created => created.map(drop).map_err(failed("create the expiry of changes")),
        }
    }

    async fn create_checkpoint(&self, history: Option<History>) -> Result<(), MongoError> {
        let start = form::checkpoint(&self.start(history))?;
        let start = Document::try_from(&*start).map_err(|error| malformed(CHECKPOINT, error))?;
        let collection = self.documents();
        let upsert = collection.update_one(doc! { "_id": CHECKPOINT }, doc! { "$setOnInsert": start });
        let upsert = upsert.upsert(true).write_concern(durable());
        match bounded("create a checkpoint", async { Ok(upsert.await) }).await? {
            Err(error) if code(&error) != Some(DUPLICATE_KEY) => Err(failed("create a checkpoint")(error)),
            _ => Ok(()),
        }
    }

    fn start(&self, history: Option<History>) -> Checkpoint {
        Checkpoint {
            history,
            stream: None,
            generation: self.generation,
            fold_version: P::FOLD_VERSION,
            revision: Revision::default(),
            seq: 0,
            last_event: None,
            last_at: None,
            open: Vec::new(),
            retired: false,
        }
    }

    async fn run(&self, step: &'static str, command: RawDocumentBuf) -> Result<Result<Document, Error>, MongoError> {
        bounded(step, async { Ok(self.database.run_raw_command(command).await) }).await
    }
}
