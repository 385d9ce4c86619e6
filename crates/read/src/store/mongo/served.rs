//! Which generation of a projection is served, and how far the log was when a relay last said so.

use super::MongoStore;
use super::commit::durable;
use super::error::{MongoError, code, failed};
use super::form::{self, CHECKPOINT};
use super::names::{Names, PROJECTIONS};
use super::parked::Parked;
use super::read::{bounded, primary};
use crate::projection::Projection;
use crate::projector::Beat;
use millrace_events::History;
use millrace_events::fail_point::reach;
use mongodb::bson::{Document, RawDocumentBuf, doc};
use mongodb::options::{ReadConcern, WriteConcern};
use mongodb::{Collection, Database};
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;
use std::time::Duration;

/// The first one.
pub const FIRST_GENERATION: u32 = 1;
/// Code: two at once made the same document.
const DUPLICATE_KEY: i32 = 11_000;

/// What readers ask before they read a projection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Served {
    /// The generation that answers.
    pub generation: u32,
    /// The version of the fold that made it.
    pub fold_version: u32,
    /// The last beat that a projector heard.
    pub beat: Option<Beat>,
}

/// The pointer to the generation that is served.
#[derive(Debug)]
pub struct ServedPointer<P> {
    database: Database,
    projection: PhantomData<fn() -> P>,
}

impl<P> Clone for ServedPointer<P> {
    fn clone(&self) -> Self {
        Self { database: self.database.clone(), projection: PhantomData }
    }
}

impl<P: Projection> ServedPointer<P> {
    /// The projection's pointer.
    pub fn new(database: Database) -> Self {
        Self { database, projection: PhantomData }
    }

    /// What is served; nothing before the first projector ran.
    pub async fn served(&self) -> Result<Option<Served>, MongoError> {
        const STEP: &str = "read which generation is served";
        let pointers = self.pointers();
        let query = pointers.find_one(doc! { "_id": P::NAME });
        let query = query.selection_criteria(primary()).read_concern(ReadConcern::majority());
        let found = bounded(STEP, async { query.await.map_err(failed(STEP)) }).await?;
        found.map(|raw| form::decode(P::NAME, &raw)).transpose()
    }

    /// What is served, begun with the first generation if nothing is. The generation is prepared.
    pub async fn begin(&self, changes_kept: Duration) -> Result<Served, MongoError> {
        let found = self.served().await?;
        let generation = found.as_ref().map_or(FIRST_GENERATION, |served| served.generation);
        self.store(generation).prepare(changes_kept, None).await?;
        self.serve_first().await?;
        self.served().await?.ok_or(MongoError::CheckpointMissing)
    }

    /// Has the next generation served in place of this one, at once and bound to this life of the log; if it is none, its first event
    /// binds it.
    ///
    /// Any number of projectors may do so at once: one of them moves the pointer. The old checkpoint is marked in the same
    /// transaction, so that a commit of a projector that knows of nothing loses its compare.
    pub async fn supersede(
        &self,
        generation: u32,
        history: impl Into<Option<History>>,
        changes_kept: Duration,
    ) -> Result<(), MongoError> {
        let next = generation + 1;
        self.store(next).prepare(changes_kept, history.into()).await?;
        reach("projector.generation_prepared").await;
        bounded("serve the next generation", self.move_pointer(generation, next)).await?;
        reach("projector.generation_served").await;
        Ok(())
    }

    /// Remembers a beat, for those who cannot hear it. Before a generation is served there is nothing to remember it with.
    pub async fn record_beat(&self, beat: &Beat) -> Result<(), MongoError> {
        const STEP: &str = "remember a beat";
        let form = form::encode("a beat", beat)?;
        let form = Document::try_from(&*form).map_err(|error| super::error::malformed("a beat", error))?;
        let pointers = self.pointers();
        let update = pointers.update_one(doc! { "_id": P::NAME }, doc! { "$set": { "beat": form } });
        let update = update.write_concern(WriteConcern::nodes(1));
        bounded(STEP, async { update.await.map_err(failed(STEP)) }).await.map(|_| ())
    }

    /// How much of what is served is parked; nothing before the first projector ran.
    pub async fn count_parked(&self) -> Result<Option<Parked>, MongoError> {
        let Some(served) = self.served().await? else { return Ok(None) };
        self.store(served.generation).count_parked().await.map(Some)
    }

    /// The store of a generation.
    pub fn store(&self, generation: u32) -> MongoStore<P> {
        MongoStore::new(self.database.clone(), generation)
    }

    async fn move_pointer(&self, from: u32, to: u32) -> Result<(), MongoError> {
        const STEP: &str = "serve the next generation";
        let mut session = self.database.client().start_session().await.map_err(failed(STEP))?;
        session.start_transaction().write_concern(durable()).await.map_err(failed(STEP))?;
        let pointer = doc! { "_id": P::NAME, "generation": from };
        let moved = doc! { "$set": { "generation": to, "foldVersion": P::FOLD_VERSION } };
        let pointers = self.pointers();
        let result = pointers.update_one(pointer, moved).session(&mut session).await.map_err(failed(STEP))?;
        if result.matched_count == 0 {
            return session.abort_transaction().await.map_err(failed(STEP));
        }
        let old: Collection<RawDocumentBuf> = self.database.collection(&Names::of(P::NAME, from).documents);
        let retired = doc! { "$set": { "retired": true } };
        old.update_one(doc! { "_id": CHECKPOINT }, retired).session(&mut session).await.map_err(failed(STEP))?;
        session.commit_transaction().await.map_err(failed(STEP))
    }

    async fn serve_first(&self) -> Result<(), MongoError> {
        const STEP: &str = "write which generation is served";
        let first = doc! { "generation": FIRST_GENERATION, "foldVersion": P::FOLD_VERSION };
        let pointers = self.pointers();
        let upsert = pointers.update_one(doc! { "_id": P::NAME }, doc! { "$setOnInsert": first });
        let upsert = upsert.upsert(true).write_concern(durable());
        match bounded(STEP, async { Ok(upsert.await) }).await? {
            Err(error) if code(&error) != Some(DUPLICATE_KEY) => Err(failed(STEP)(error)),
            _ => Ok(()),
        }
    }

    fn pointers(&self) -> Collection<RawDocumentBuf> {
        self.database.collection(PROJECTIONS)
    }
}
