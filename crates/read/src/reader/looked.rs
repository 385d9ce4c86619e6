//! The cache's side of a read: which cached documents count, and filling what it lacked.

use super::answer::{Answer, Found, Source};
use super::core::Reader;
use super::owed::{is_stuck, reaches};
use crate::cache::{Cache, CacheError, CacheKey, CacheSession, Cached, Head, Lease};
use crate::projection::{Document, DocumentKey, Projection};
use crate::store::{DocumentStore, Snapshot, to_json};
use futures_util::future::try_join_all;
use millrace_events::{History, Required, Revision, rule};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

/// What was last seen of head and history; only a guess that saves a round trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    generation: u32,
    namespace: u64,
    /// That generation's history.
    history: History,
}

/// What the cache gave.
pub(super) struct Looked<S> {
    pub hits: HashMap<DocumentKey, Option<Found>>,
    /// The higher of head and of all that was found, absences too: nothing that is shown is newer.
    pub revision: Revision,
    /// By what the hits count; none if the cache says nothing.
    by: Option<By>,
    /// Permissions to fill, with the session that they were given on.
    pub leases: Vec<(CacheKey, Lease)>,
    session: Option<S>,
}

#[derive(Debug, Clone, Copy)]
struct By {
    generation: u32,
    history: History,
}

impl<S> Looked<S> {
    fn nothing() -> Self {
        Self { hits: HashMap::new(), revision: Revision::default(), by: None, leases: Vec::new(), session: None }
    }

    /// What has to be read from the store.
    pub fn missing(&self, keys: &[DocumentKey]) -> Vec<DocumentKey> {
        keys.iter().filter(|key| !self.hits.contains_key(*key)).cloned().collect()
    }

    /// The answer, if the cache has all of it.
    pub fn answer(&mut self, keys: &[DocumentKey]) -> Option<Answer> {
        let By { generation, history } = self.by?;
        if !keys.iter().all(|key| self.hits.contains_key(key)) {
            return None;
        }
        let (history, revision, documents) = (Some(history), self.revision, std::mem::take(&mut self.hits));
        Some(Answer { history, generation, revision, documents, source: Source::Cache, stale: false })
    }

    /// Hits of one generation beside documents of another were never there at the same moment. True if there were such hits.
    pub fn forget_hits_of_others(&mut self, generation: u32) -> bool {
        let is_other = self.by.is_some_and(|by| by.generation != generation);
        if self.hits.is_empty() || !is_other || !rule("hits_of_one_generation") {
            return false;
        }
        self.hits.clear();
        true
    }

    fn take(&mut self, key: DocumentKey, found: Option<Found>, revision: Revision) {
        if rule(if found.is_some() { "token_covers_document" } else { "token_covers_absence" }) {
            self.revision = self.revision.max(revision);
        }
        self.hits.insert(key, found);
    }
}

impl<P: Projection, D: DocumentStore<P::Document>, C: Cache> Reader<P, D, C> {
    /// What the cache has of these documents. A cache that fails has nothing.
    pub(super) async fn look(&self, keys: &[DocumentKey], required: Option<Required>) -> Looked<C::Session> {
        match self.try_to_look(keys, required).await {
            Ok(Some(looked)) => looked,
            Ok(None) | Err(_) => {
                self.counts.away.increment(keys.len() as u64);
                Looked::nothing()
            }
        }
    }

    /// Head and documents, read in that order over one connection. Nothing if there is no head, or none of the served generation.
    async fn try_to_look(
        &self,
        keys: &[DocumentKey],
        required: Option<Required>,
    ) -> Result<Option<Looked<C::Session>>, CacheError> {
        let session = self.cache.session().await?;
        let mut known = self.known();
        // Once more if the head says another namespace than the guess.
        for _ in 0..2 {
            let places = known.map(|known| places(keys, known)).unwrap_or_default();
            let (before, cached) = session.look(&places).await?;
            let head = if rule("head_before_document") { before } else { session.head().await? };
            let Some(head) = head else { return Ok(None) };
            if self.looks.progress().is_some_and(|known| is_stuck(&head, known.generation, known.floor)) {
                self.counts.behind.increment(keys.len() as u64);
                return Ok(Some(Looked::nothing()));
            }
            match known.filter(|known| (known.generation, known.namespace) == (head.generation, head.namespace)) {
                Some(known) => return self.weigh(session, head, known, places, cached, required).await.map(Some),
                None => known = self.learn(head).await,
            }
        }
        Ok(None)
    }

    /// Which of the cached documents count, and leases for what is missing.
    async fn weigh(
        &self,
        session: C::Session,
        head: Head,
        known: Known,
        places: Vec<CacheKey>,
        cached: Vec<Cached>,
        required: Option<Required>,
    ) -> Result<Looked<C::Session>, CacheError> {
        let Known { generation, history, .. } = known;
        let mut looked = Looked { revision: head.revision, by: Some(By { generation, history }), ..Looked::nothing() };
        let counts = reaches(&head, Some(history), required) || !rule("hit_needs_head");
        let mut missing = Vec::new();
        for (place, cached) in places.into_iter().zip(cached) {
            match cached {
                Cached::Missing => missing.push(place),
                Cached::Leased => self.counts.leased.increment(1),
                _ if !counts => self.counts.behind.increment(1),
                Cached::Document { revision, json } => {
                    self.counts.hit.increment(1);
                    looked.take(place.document, Some(Found { revision, json, is_parked: false }), revision);
                }
                Cached::Absent { revision } => {
                    self.counts.absent.increment(1);
                    looked.take(place.document, None, revision);
                }
            }
        }
        if missing.is_empty() {
            return Ok(looked);
        }
        self.counts.miss.increment(missing.len() as u64);
        // All at once: one connection carries them in one round trip.
        let leases = try_join_all(missing.iter().map(|place| session.lease(place))).await?;
        looked.leases = missing.into_iter().zip(leases).filter_map(|(place, lease)| Some((place, lease?))).collect();
        looked.session = Some(session);
        Ok(looked)
    }

    /// What was read from the store goes where a lease still lies. A failure costs the next reader a round trip, no more.
    pub(super) async fn fill(&self, looked: &Looked<C::Session>, snapshot: &Snapshot<P::Document>) {
        let Some(session) = &looked.session else { return };
        let generation = snapshot.checkpoint.generation;
        let mine = looked.leases.iter().filter(|(place, _)| place.generation == generation);
        let fills = mine.filter_map(|(place, lease)| {
            let (revision, json) = filling(&place.document, snapshot)?;
            Some(async move { session.fill(place, lease, revision, json.as_deref()).await })
        });
        let Ok(filled) = try_join_all(fills).await else { return };
        let (filled, lost): (Vec<bool>, Vec<bool>) = filled.into_iter().partition(|filled| *filled);
        self.counts.filled.increment(filled.len() as u64);
        self.counts.lost.increment(lost.len() as u64);
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
}

fn places(keys: &[DocumentKey], known: Known) -> Vec<CacheKey> {
    let Known { generation, namespace, .. } = known;
    keys.iter().map(|document| CacheKey { generation, namespace, document: document.clone() }).collect()
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
