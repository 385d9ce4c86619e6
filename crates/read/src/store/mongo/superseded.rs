//! Generations in whose place another one is served for good. They are never folded on, so that no erasure would reach what they hold:
//! it goes.

use super::commit::durable;
use super::error::{MongoError, failed};
use super::form::CHECKPOINT;
use super::read::{bounded, primary};
use super::served::{FIRST_GENERATION, ServedPointer};
use crate::projection::Projection;
use futures_util::TryStreamExt;
use mongodb::Collection;
use mongodb::bson::{Document, doc};
use mongodb::options::ReadConcern;

/// Documents that are deleted in one step.
const DELETED_AT_ONCE: usize = 1_000;
/// The fold version of no program. Each folds only what its own version made, so that nobody folds this on.
const NOBODYS_FOLD: u32 = 0;

impl<P: Projection> ServedPointer<P> {
    /// Deletes what the generations before the one that is served hold; answers how many documents it were. May be done by several
    /// at once, and again.
    ///
    /// Their checkpoints stay, so that whoever still reads or folds there learns that it is over. So does what only says who was
    /// erased: a new history asks for it. Changes hold nobody's words, and expire.
    pub async fn empty_superseded(&self, served: u32) -> Result<u64, MongoError> {
        let mut deleted = 0;
        for generation in FIRST_GENERATION..served {
            let documents = self.store(generation).documents().clone_with_type::<Document>();
            if close(&documents).await? {
                deleted += empty(&documents).await?;
            }
        }
        Ok(deleted)
    }
}

/// From here on no commit writes into the generation: those that are under way are waited for. False if it is not superseded.
async fn close(documents: &Collection<Document>) -> Result<bool, MongoError> {
    const STEP: &str = "close a superseded generation";
    let close = doc! { "$set": { "foldVersion": NOBODYS_FOLD } };
    let close = documents.update_one(doc! { "_id": CHECKPOINT, "retired": true }, close).write_concern(durable());
    let closed = bounded(STEP, async { close.await.map_err(failed(STEP)) }).await?;
    Ok(closed.matched_count > 0)
}

async fn empty(documents: &Collection<Document>) -> Result<u64, MongoError> {
    const STEP: &str = "empty a superseded generation";
    let mut deleted = 0;
    loop {
        let ids = some_ids(documents).await?;
        if ids.is_empty() {
            return Ok(deleted);
        }
        let delete = documents.delete_many(doc! { "_id": { "$in": ids } }).write_concern(durable());
        deleted += bounded(STEP, async { delete.await.map_err(failed(STEP)) }).await?.deleted_count;
    }
}

async fn some_ids(documents: &Collection<Document>) -> Result<Vec<String>, MongoError> {
    const STEP: &str = "find what a superseded generation holds";
    let held = doc! { "_id": { "$ne": CHECKPOINT }, "erased": { "$ne": true } };
    let find = documents.find(held).projection(doc! { "_id": 1 }).limit(DELETED_AT_ONCE as i64);
    let find = find.selection_criteria(primary()).read_concern(ReadConcern::majority());
    let find = async { find.await?.try_collect::<Vec<Document>>().await };
    let found = bounded(STEP, async { find.await.map_err(failed(STEP)) }).await?;
    Ok(found.iter().filter_map(|document| Some(document.get_str("_id").ok()?.to_owned())).collect())
}
