//! The reader: cache first, then the store, then the cache is filled, if nobody wrote meanwhile.

use super::answer::{Answer, Found, Need, OnTimeout, ReadError, Source};
use super::flight::Flights;
use super::patience::Patience;
use super::served::NotServedYet;
use crate::cache::{Cache, CacheError, CacheKey, CacheSession, Cached, Head, Lease};
use crate::projection::{Document, DocumentKey, Projection};
use crate::store::{Checkpoint, DocumentStore, Snapshot, to_json};
use futures_util::future::try_join_all;
use millrace_events::fail_point::reach;
use millrace_events::{History, Required, Revision, rule};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// The most documents that are read at once.
const KEYS_MAX: usize = 1_200;
/// The most requests of a process that wait for a position of one projection.
const WAITERS_MAX: usize = 1_000;

/// Reads the documents of one generation of a projection.
pub struct Reader<P: Projection, D, C> {
    store: D,
    cache: C,
    /// What was last seen of head and history; only a guess that saves a round trip.
    known: Mutex<Option<Known>>,
    waiters: Semaphore,
    flights: Flights<Arc<Snapshot<P::Document>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    generation: u32,
    namespace: u64,
    /// That generation's history.
    history: History,
}

/// What the cache gave.
#[derive(Default)]
struct Looked<S> {
    hits: HashMap<DocumentKey, Option<Found>>,
    /// The head that the hits count by.
    head: Option<Head>,
    history: Option<History>,
    /// Permissions to fill, with the session that they were given on.
    leases: Vec<(CacheKey, Lease)>,
    session: Option<S>,
}

impl<P: Projection, D: DocumentStore<P::Document>, C: Cache> Reader<P, D, C> {
    /// A reader of this store in front of which lies this cache.
    pub fn new(store: D, cache: C) -> Self {
        let (known, waiters, flights) = (Mutex::new(None), Semaphore::new(WAITERS_MAX), Flights::default());
        Self { store, cache, known, waiters, flights }
    }

    /// The documents with these keys, as new as the need says.
    pub async fn read(&self, keys: &[DocumentKey], need: Need, patience: &impl Patience) -> Result<Answer, ReadError> {
        if keys.len() > KEYS_MAX {
            return Err(ReadError::TooManyKeys { max: KEYS_MAX });
        }
        let looked = self.look(keys, need.required).await.unwrap_or_else(|_| Looked::nothing());
        let missing: Vec<DocumentKey> = keys.iter().filter(|key| !looked.hits.contains_key(*key)).cloned().collect();
        if missing.is_empty() && looked.head.is_some() {
            return Ok(from_cache(looked));
        }
        let snapshot = self.snapshot(&missing, looked.leases.is_empty(), need, patience).await?;
        let stale = is_behind(&snapshot.checkpoint, need.required)
            || snapshot.documents.values().any(|stored| !stored.is_cacheable());
        reach("reader.before_fill").await;
        self.fill(&looked, &snapshot).await;
        compose(looked, &snapshot, &missing, stale)
    }

    /// Waits until the projection has reached what is owed. True if it has not, and the request would rather have an older answer.
    pub async fn reached(&self, need: Need, patience: &impl Patience) -> Result<bool, ReadError> {
        if need.required.is_none() {
            return Ok(false);
        }
        let snapshot = self.snapshot(&[], false, need, patience).await?;
        Ok(is_behind(&snapshot.checkpoint, need.required))
    }

    /// Reads the store until it has reached what is owed, or the time is over.
    async fn snapshot(
        &self,
        keys: &[DocumentKey],
        may_share: bool,
        need: Need,
        patience: &impl Patience,
    ) -> Result<Arc<Snapshot<P::Document>>, ReadError> {
        let mut waiter = None;
        let mut looked = self.first_look(keys, may_share).await;
        loop {
            // Before the first projector has run there is nothing to read: that is late, not broken.
            let snapshot = match looked {
                Err(ReadError::Store(error)) if error.is::<NotServedYet>() && patience.wait().await => {
                    looked = self.read_store(keys).await;
                    continue;
                }
                looked => looked?,
            };
            refuse_older_history(&snapshot.checkpoint, need.required)?;
            if !is_behind(&snapshot.checkpoint, need.required) {
                return Ok(snapshot);
            }
            if waiter.is_none() {
                waiter = Some(self.waiters.try_acquire().map_err(|_| ReadError::TooManyWaiting)?);
            }
            if !patience.wait().await {
                return match (need.on_timeout, need.required) {
                    (OnTimeout::Error, Some(required)) => Err(timed_out(&snapshot.checkpoint, required)),
                    _ => Ok(snapshot),
                };
            }
            looked = self.read_store(keys).await;
        }
    }

    /// Whoever holds a lease reads for themselves, after the lease was given: a read that began before may have missed a write
    /// that found nothing to replace. All others share one flight per key.
    async fn first_look(&self, keys: &[DocumentKey], may_share: bool) -> Result<Arc<Snapshot<P::Document>>, ReadError> {
        match keys {
            [key] if may_share => self.flights.join(key, self.read_store(keys)).await,
            _ => self.read_store(keys).await,
        }
    }

    async fn read_store(&self, keys: &[DocumentKey]) -> Result<Arc<Snapshot<P::Document>>, ReadError> {
        self.store.read(keys).await.map(Arc::new).map_err(ReadError::Store)
    }

    /// Head and documents, read in that order over one connection.
    async fn look(&self, keys: &[DocumentKey], required: Option<Required>) -> Result<Looked<C::Session>, CacheError> {
        let session = self.cache.session().await?;
        let mut known = self.known();
        // Once more if the head says another namespace than the guess.
        for _ in 0..2 {
            let places = known.map(|known| places(keys, known.generation, known.namespace)).unwrap_or_default();
            let (before, cached) = session.look(&places).await?;
            let head = if rule("head_before_document") { before } else { session.head().await? };
            let Some(head) = head else { return Ok(Looked::nothing()) };
            if known.is_some_and(|known| (known.generation, known.namespace) == (head.generation, head.namespace)) {
                return self.weigh(session, head, known, places, cached, required).await;
            }
            known = self.learn(head).await;
        }
        Ok(Looked::nothing())
    }

    /// Which of the cached documents count, and leases for what is missing.
    async fn weigh(
        &self,
        session: C::Session,
        head: Head,
        known: Option<Known>,
        places: Vec<CacheKey>,
        cached: Vec<Cached>,
        required: Option<Required>,
    ) -> Result<Looked<C::Session>, CacheError> {
        let history = known.map(|known| known.history);
        let mut looked = Looked { head: Some(head), history, ..Looked::nothing() };
        let counts = reaches(&head, history, required) || !rule("hit_needs_head");
        let mut missing = Vec::new();
        for (place, cached) in places.into_iter().zip(cached) {
            match cached {
                Cached::Document { revision, json } if counts => {
                    looked.hits.insert(place.document, Some(Found { revision, json, is_parked: false }));
                }
                Cached::Absent { .. } if counts => {
                    looked.hits.insert(place.document, None);
                }
                Cached::Missing => missing.push(place),
                Cached::Document { .. } | Cached::Absent { .. } | Cached::Leased => {}
            }
        }
        // All at once: one connection carries them in one round trip.
        let leases = try_join_all(missing.iter().map(|place| session.lease(place))).await?;
        looked.leases = missing.into_iter().zip(leases).filter_map(|(place, lease)| Some((place, lease?))).collect();
        looked.session = Some(session);
        Ok(looked)
    }

    /// What was read from the store goes where a lease still lies. A failure costs the next reader a round trip, no more.
    async fn fill(&self, looked: &Looked<C::Session>, snapshot: &Snapshot<P::Document>) {
        let Some(session) = &looked.session else { return };
        let generation = snapshot.checkpoint.generation;
        let mine = looked.leases.iter().filter(|(place, _)| place.generation == generation);
        let fills = mine.filter_map(|(place, lease)| {
            let (revision, json) = filling(&place.document, snapshot)?;
            Some(async move { session.fill(place, lease, revision, json.as_deref()).await })
        });
        let _costs_a_round_trip_only = try_join_all(fills).await;
    }

    /// The history of the generation that a head names, out of its checkpoint.
    async fn learn(&self, head: Head) -> Option<Known> {
        let checkpoint = self.store.checkpoint().await.ok()?;
        let history = checkpoint.history.filter(|_| checkpoint.generation == head.generation)?;
        let known = Known { generation: head.generation, namespace: head.namespace, history };
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
        Some(known)
    }

    fn known(&self) -> Option<Known> {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner)
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

impl<S> Looked<S> {
    fn nothing() -> Self {
        Self { hits: HashMap::new(), head: None, history: None, leases: Vec::new(), session: None }
    }
}

fn places(keys: &[DocumentKey], generation: u32, namespace: u64) -> Vec<CacheKey> {
    keys.iter().map(|document| CacheKey { generation, namespace, document: document.clone() }).collect()
}

/// True if everything in the cache is at least as new as what is owed.
fn reaches(head: &Head, history: Option<History>, required: Option<Required>) -> bool {
    let Some(required) = required else { return true };
    history == Some(required.history) && head.revision >= owed(&required, head.generation)
}

/// A chunk of fan-out changes documents at an unchanged position, so the whole revision counts.
fn owed(required: &Required, generation: u32) -> Revision {
    let revision = required.revision(generation);
    if rule("read_token_has_n") { revision } else { Revision::at(revision.position) }
}

fn is_behind(checkpoint: &Checkpoint, required: Option<Required>) -> bool {
    required.is_some_and(|required| {
        checkpoint.history != Some(required.history) || checkpoint.revision < owed(&required, checkpoint.generation)
    })
}

fn refuse_older_history(checkpoint: &Checkpoint, required: Option<Required>) -> Result<(), ReadError> {
    match (checkpoint.history, required) {
        (Some(history), Some(required)) if required.history < history => Err(ReadError::HistoryGone),
        _ => Ok(()),
    }
}

fn timed_out(checkpoint: &Checkpoint, required: Required) -> ReadError {
    let required = owed(&required, checkpoint.generation);
    ReadError::ConsistencyTimeout { required, reached: checkpoint.revision }
}

/// What to put where the lease lies: the document, or its absence dated with the checkpoint's revision. Nothing of a parked document,
/// whose answers are marked stale: the cache has no such mark.
fn filling<D: Document>(key: &DocumentKey, snapshot: &Snapshot<D>) -> Option<(Revision, Option<Arc<str>>)> {
    match snapshot.documents.get(key) {
        Some(stored) if !stored.is_cacheable() => None,
        Some(stored) => to_json(&stored.document).ok().map(|json| (stored.revision, Some(json))),
        None if snapshot.parked.contains_key(key) => None,
        None if rule("absent_is_dated") => Some((snapshot.checkpoint.revision, None)),
        None => Some((Revision::default(), None)),
    }
}

fn from_cache<S>(looked: Looked<S>) -> Answer {
    let head = looked.head.unwrap_or(Head { generation: 0, namespace: 0, seq: 0, revision: Revision::default() });
    let revision = covering(head.revision, &looked.hits);
    let (history, generation) = (looked.history, head.generation);
    Answer { history, generation, revision, documents: looked.hits, source: Source::Cache, stale: false }
}

/// A document may be newer than the head that was read before it: the token covers it too.
fn covering(least: Revision, documents: &HashMap<DocumentKey, Option<Found>>) -> Revision {
    if !rule("token_covers_document") {
        return least;
    }
    documents.values().flatten().map(|found| found.revision).fold(least, Revision::max)
}

fn compose<D: Document, S>(
    looked: Looked<S>,
    snapshot: &Snapshot<D>,
    missing: &[DocumentKey],
    stale: bool,
) -> Result<Answer, ReadError> {
    let source = if looked.hits.is_empty() { Source::Store } else { Source::Mixed };
    let mut documents = looked.hits;
    for key in missing {
        let found = snapshot.documents.get(key).map(|stored| {
            let is_parked = stored.broken_since.is_some();
            to_json(&stored.document).map(|json| Found { revision: stored.revision, json, is_parked })
        });
        documents.insert(key.clone(), found.transpose()?);
    }
    let checkpoint = &snapshot.checkpoint;
    let least = looked.head.map_or(checkpoint.revision, |head| head.revision.max(checkpoint.revision));
    let revision = covering(least, &documents);
    Ok(Answer { history: checkpoint.history, generation: checkpoint.generation, revision, documents, source, stale })
}
