//! The reader: cache first, then the store, then the cache is filled, if nobody wrote meanwhile.

use super::answer::{Answer, Found, Late, Need, ReadError, Source};
use super::counts::Counts;
use super::flight::Flights;
use super::looked::{Known, Looked};
use super::looks::{Looks, Waiter};
use super::owed::{is_behind, is_of_older_history};
use super::patience::Patience;
use crate::cache::Cache;
use crate::live::Progress;
use crate::projection::{Document, DocumentKey, Projection};
use crate::store::{Checkpoint, DocumentStore, Snapshot, to_json};
use millrace_events::fail_point::reach_with;
use millrace_events::{Required, Revision};
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// The most documents that are read at once.
const KEYS_MAX: usize = 1_200;

/// Reads the documents of one generation of a projection.
pub struct Reader<P: Projection, D, C> {
    pub(super) store: D,
    pub(super) cache: C,
    pub(super) known: Mutex<Option<Known>>,
    pub(super) looks: Looks,
    pub(super) counts: Counts,
    flights: Flights<Arc<Snapshot<P::Document>>>,
}

/// A read that reached what is owed, or not yet.
type Attempt<T> = Result<T, Late<T>>;

impl<P: Projection, D: DocumentStore<P::Document>, C: Cache> Reader<P, D, C> {
    /// A reader of this store in front of which lies this cache. To be made after the recorder of metrics.
    pub fn new(store: D, cache: C) -> Self {
        let (known, looks, flights) = (Mutex::default(), Looks::default(), Flights::default());
        Self { store, cache, known, looks, counts: Counts::of(P::NAME), flights }
    }

    /// Has the reader know what a feed of the projection knows: a cache whose head is stuck then does not count, and whoever waits is
    /// woken by news.
    pub fn following(mut self, progress: watch::Receiver<Progress>) -> Self {
        self.looks.follow(progress);
        self
    }

    /// Lets so many reads wait at once.
    pub fn letting_wait(mut self, waiters_max: usize) -> Self {
        self.looks.limit(waiters_max);
        self
    }

    /// The documents with these keys, as new as the need says.
    pub async fn read(&self, keys: &[DocumentKey], need: Need, patience: &impl Patience) -> Result<Answer, ReadError> {
        if keys.len() > KEYS_MAX {
            return Err(ReadError::TooManyKeys { max: KEYS_MAX });
        }
        let mut waiter = None;
        loop {
            let late = match self.attempt(keys, need.required).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(late)) => late,
                Err(error) => Late::of(error)?,
            };
            if !self.wait(&mut waiter, need.required, patience).await? {
                return late.over(need.on_timeout);
            }
        }
    }

    /// Waits until the projection has reached what is owed. True if it has not, and the request would rather have an older answer.
    pub async fn reached(&self, need: Need, patience: &impl Patience) -> Result<bool, ReadError> {
        let Some(required) = need.required else { return Ok(false) };
        let mut waiter = None;
        loop {
            let late = match self.store.checkpoint().await.map_err(ReadError::Store) {
                Ok(checkpoint) => match judged(true, &checkpoint, Some(required))? {
                    Ok(_) => return Ok(false),
                    Err(late) => late,
                },
                Err(error) => Late::of(error)?,
            };
            if !self.wait(&mut waiter, Some(required), patience).await? {
                return late.over(need.on_timeout);
            }
        }
    }

    /// One read of what there is now.
    async fn attempt(&self, keys: &[DocumentKey], required: Option<Required>) -> Result<Attempt<Answer>, ReadError> {
        let mut looked = self.look(keys, required).await;
        if let Some(answer) = looked.answer(keys) {
            return Ok(Ok(answer));
        }
        let mut missing = looked.missing(keys);
        let mut snapshot = self.read_missing(&missing, looked.leases.is_empty()).await?;
        if looked.forget_hits_of_others(snapshot.checkpoint.generation) {
            missing = keys.to_vec();
            snapshot = self.read_store(&missing).await?;
        }
        reach_with("reader.before_fill", P::NAME, || format!("{:?}", snapshot.documents)).await;
        self.fill(&looked, &snapshot).await;
        let is_behind = is_behind(&snapshot.checkpoint, required);
        judged(compose(looked, &snapshot, &missing, is_behind)?, &snapshot.checkpoint, required)
    }

    /// Until it seems worth reading again. False if the time is over.
    async fn wait<'a>(
        &'a self,
        waiter: &mut Option<Waiter<'a>>,
        required: Option<Required>,
        patience: &impl Patience,
    ) -> Result<bool, ReadError> {
        if waiter.is_none() && !patience.may_wait() {
            return Err(self.looks.too_many());
        }
        let waiter = match waiter {
            Some(waiter) => waiter,
            none => none.insert(self.looks.enter()?),
        };
        Ok(waiter.wait(required, || self.store.checkpoint(), patience).await)
    }

    /// Whoever holds a lease reads for themselves, after the lease was given: a read that began before may have missed a write
    /// that found nothing to replace. All others share one flight per key.
    async fn read_missing(
        &self,
        keys: &[DocumentKey],
        may_share: bool,
    ) -> Result<Arc<Snapshot<P::Document>>, ReadError> {
        match keys {
            [key] if may_share => self.flights.join(key, self.read_store(keys)).await,
            _ => self.read_store(keys).await,
        }
    }

    async fn read_store(&self, keys: &[DocumentKey]) -> Result<Arc<Snapshot<P::Document>>, ReadError> {
        self.store.read(keys).await.map(Arc::new).map_err(ReadError::Store)
    }

    /// The store behind it.
    pub fn store(&self) -> &D {
        &self.store
    }

    /// The cache in front of it.
    pub fn cache(&self) -> &C {
        &self.cache
    }
}

/// What was read at this checkpoint, judged by what is owed.
fn judged<T>(read: T, checkpoint: &Checkpoint, required: Option<Required>) -> Result<Attempt<T>, ReadError> {
    if is_of_older_history(checkpoint, required) {
        return Err(ReadError::HistoryGone);
    }
    match required.filter(|_| is_behind(checkpoint, required)) {
        Some(required) => Ok(Err(Late::behind(read, checkpoint, required))),
        None => Ok(Ok(read)),
    }
}

fn compose<D: Document, S>(
    looked: Looked<S>,
    snapshot: &Snapshot<D>,
    missing: &[DocumentKey],
    is_behind: bool,
) -> Result<Answer, ReadError> {
    let Snapshot { checkpoint, documents: stored, .. } = snapshot;
    let shown = if looked.hits.is_empty() { Revision::default() } else { looked.revision };
    let source = if looked.hits.is_empty() { Source::Store } else { Source::Mixed };
    let mut documents = looked.hits;
    for key in missing {
        let found = stored.get(key).map(|stored| {
            let is_parked = stored.broken_since.is_some();
            to_json(&stored.document).map(|json| Found { revision: stored.revision, json, is_parked })
        });
        documents.insert(key.clone(), found.transpose()?);
    }
    Ok(Answer {
        history: checkpoint.history,
        generation: checkpoint.generation,
        revision: checkpoint.revision.max(shown),
        documents,
        source,
        stale: is_behind || stored.values().any(|stored| !stored.is_cacheable()),
    })
}
