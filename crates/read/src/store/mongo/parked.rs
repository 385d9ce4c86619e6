//! What is parked, and why.

use super::MongoStore;
use super::error::{MongoError, failed};
use super::form;
use super::names::DEAD_LETTERS;
use super::read::{bounded, primary};
use crate::projection::Projection;
use crate::store::DeadLetter;
use futures_util::TryStreamExt;
use mongodb::Collection;
use mongodb::bson::{Document, RawDocumentBuf, doc};
use mongodb::options::ReadConcern;

/// How much of a generation is parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parked {
    /// Documents.
    pub documents: u64,
    /// Dead letters.
    pub letters: u64,
}

impl<P: Projection> MongoStore<P> {
    /// Counts what is parked: an index has nothing but that.
    pub async fn count_parked(&self) -> Result<Parked, MongoError> {
        const STEP: &str = "count parked documents";
        let (documents, letters) = (self.documents(), self.letters());
        let parked = documents.count_documents(parked()).selection_criteria(primary());
        let of_own = letters.count_documents(self.own_letters()).selection_criteria(primary());
        let counts = async { tokio::try_join!(parked.into_future(), of_own.into_future()).map_err(failed(STEP)) };
        let (documents, letters) = bounded(STEP, counts).await?;
        Ok(Parked { documents, letters })
    }

    /// Why documents are parked, by position.
    pub async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, MongoError> {
        const STEP: &str = "read dead letters";
        let letters = self.letters();
        let find = letters.find(self.own_letters()).sort(doc! { "position": 1, "_id": 1 }).limit(limit as i64);
        let find = find.selection_criteria(primary()).read_concern(ReadConcern::majority());
        let find = async { find.await?.try_collect::<Vec<RawDocumentBuf>>().await };
        let found = bounded(STEP, async { find.await.map_err(failed(STEP)) }).await?;
        found.iter().map(|raw| form::decode("a dead letter", raw)).collect()
    }

    fn letters(&self) -> Collection<RawDocumentBuf> {
        self.database.collection(DEAD_LETTERS)
    }

    fn own_letters(&self) -> Document {
        let (first, end) = form::dead_letter_ids(&self.names.documents);
        doc! { "_id": { "$gte": first, "$lt": end } }
    }
}

/// What the index of parked documents holds. Positions begin at 1.
fn parked() -> Document {
    doc! { form::BROKEN_SINCE: { "$gt": 0 } }
}
