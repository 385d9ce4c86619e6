//! Reads: of the primary, of what a majority has, each one consistent moment.

use super::MongoStore;
use super::error::{MongoError, failed};
use super::form::{self, CHECKPOINT, Found};
use crate::projection::{Change, DocumentKey, Projection, Selector};
use crate::store::{ChangesPage, Checkpoint, Snapshot, Stored};
use futures_util::TryStreamExt;
use mongodb::Collection;
use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};
use mongodb::options::{ReadConcern, ReadPreference, SelectionCriteria};
use std::collections::HashMap;
use std::time::Duration;

/// An answer that takes longer is given up.
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(10);

pub(super) fn primary() -> SelectionCriteria {
    SelectionCriteria::ReadPreference(ReadPreference::Primary)
}

/// Gives up waiting after [`ANSWER_MAX`].
pub(super) async fn bounded<T>(
    step: &'static str,
    answer: impl Future<Output = Result<T, MongoError>>,
) -> Result<T, MongoError> {
    match tokio::time::timeout(ANSWER_MAX, answer).await {
        Ok(answer) => answer,
        Err(_) => {
            let max_ms = u64::try_from(ANSWER_MAX.as_millis()).unwrap_or(u64::MAX);
            Err(MongoError::TimedOut { step, max_ms })
        }
    }
}

impl<P: Projection> MongoStore<P> {
    /// Documents and checkpoint lie in one collection, so one query sees them in one moment.
    pub(super) async fn read_snapshot(&self, keys: &[DocumentKey]) -> Result<Snapshot<P::Document>, MongoError> {
        let ids: Vec<&str> = keys.iter().map(DocumentKey::as_str).chain([CHECKPOINT]).collect();
        let found = self.find("read documents", doc! { "_id": { "$in": &ids } }, doc! {}, ids.len()).await?;
        let mut checkpoint = None;
        let (mut documents, mut parked) = (HashMap::with_capacity(keys.len()), HashMap::new());
        for raw in &found {
            if raw.get_str("_id") == Ok(CHECKPOINT) {
                checkpoint = Some(form::decode(CHECKPOINT, raw)?);
                continue;
            }
            match form::read_document(raw)? {
                (key, Found::Document(stored)) => drop(documents.insert(key, stored)),
                (key, Found::Parked(since)) => drop(parked.insert(key, since)),
            }
        }
        let checkpoint = checkpoint.ok_or(MongoError::CheckpointMissing)?;
        Ok(Snapshot { checkpoint, documents, parked })
    }

    /// In key order after `done`. The kind is that of the document's own field `kind`, which partial indexes are made of.
    pub(super) async fn read_selected(
        &self,
        selector: &Selector,
        done: Option<&DocumentKey>,
        limit: usize,
    ) -> Result<Vec<(DocumentKey, Stored<P::Document>)>, MongoError> {
        let mut filter = selected(selector);
        if let Some(done) = done {
            filter.insert("_id", doc! { "$gt": done.as_str() });
        }
        self.find_documents("select documents", filter, doc! { "_id": 1 }, limit).await
    }

    pub(super) async fn read_newest(
        &self,
        selector: &Selector,
        limit: usize,
    ) -> Result<Vec<(DocumentKey, Stored<P::Document>)>, MongoError> {
        let newest_first = doc! { "createdMicros": -1, "_id": -1 };
        self.find_documents("read the newest documents", selected(selector), newest_first, limit).await
    }

    /// The checkpoint and the changes in one query, because they lie in two collections and must be of one moment.
    pub(super) async fn read_changes(&self, after_seq: u64, limit: usize) -> Result<ChangesPage, MongoError> {
        let page = vec![
            Bson::from(doc! { "$match": { "_id": { "$gt": form::signed(after_seq) } } }),
            Bson::from(doc! { "$sort": { "_id": 1 } }),
            Bson::from(doc! { "$limit": form::signed(limit as u64) }),
        ];
        let pipeline = [
            doc! { "$match": { "_id": CHECKPOINT } },
            doc! { "$unionWith": { "coll": &self.names.changes, "pipeline": page } },
        ];
        let found = bounded("read changes", self.aggregate(pipeline, limit)).await?;
        let (mut checkpoint, mut changes) = (None, Vec::<Change>::with_capacity(found.len()));
        for raw in &found {
            match raw.get_str("_id") {
                Ok(_) => checkpoint = Some(form::decode(CHECKPOINT, raw)?),
                Err(_) => changes.push(form::decode("a change", raw)?),
            }
        }
        changes.sort_unstable_by_key(|change| change.seq);
        let checkpoint = checkpoint.ok_or(MongoError::CheckpointMissing)?;
        Ok(ChangesPage { checkpoint, changes })
    }

    pub(super) async fn read_checkpoint(&self) -> Result<Checkpoint, MongoError> {
        Ok(self.read_snapshot(&[]).await?.checkpoint)
    }

    /// The collection of documents, for the queries of the read side.
    pub fn documents(&self) -> Collection<RawDocumentBuf> {
        self.database.collection(&self.names.documents)
    }

    /// Documents that a query of the read side found, in its order, of what a majority has. Parked ones that never existed are left out.
    pub async fn find_documents(
        &self,
        step: &'static str,
        filter: Document,
        sort: Document,
        limit: usize,
    ) -> Result<Vec<(DocumentKey, Stored<P::Document>)>, MongoError> {
        let mut documents = Vec::new();
        for raw in &self.find(step, filter, sort, limit).await? {
            if let (key, Found::Document(stored)) = form::read_document(raw)? {
                documents.push((key, stored));
            }
        }
        Ok(documents)
    }

    /// All in one moment, also if it takes several messages.
    async fn find(
        &self,
        step: &'static str,
        filter: Document,
        sort: Document,
        limit: usize,
    ) -> Result<Vec<RawDocumentBuf>, MongoError> {
        let documents = self.documents();
        let query = documents.find(filter).selection_criteria(primary()).read_concern(ReadConcern::snapshot());
        let query = query.sort(sort).limit(form::signed(limit as u64)).batch_size(batch_size(limit));
        let read = async { query.await?.try_collect().await };
        bounded(step, async { read.await.map_err(failed(step)) }).await
    }

    async fn aggregate(&self, pipeline: [Document; 2], limit: usize) -> Result<Vec<RawDocumentBuf>, MongoError> {
        let documents = self.documents();
        let query = documents.aggregate(pipeline).selection_criteria(primary()).read_concern(ReadConcern::snapshot());
        let query = query.batch_size(batch_size(limit)).with_type::<RawDocumentBuf>();
        let read = async { query.await?.try_collect().await };
        read.await.map_err(failed("read changes"))
    }
}

/// What one message of an answer may hold, so that small answers come in one.
fn batch_size(limit: usize) -> u32 {
    u32::try_from(limit.saturating_add(2)).unwrap_or(u32::MAX)
}

fn selected(selector: &Selector) -> Document {
    doc! { "kind": &selector.kind, &selector.field: &selector.value }
}
