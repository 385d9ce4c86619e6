//! Redis: cached documents and the head. It may forget anything at any time, and come back older than it was.

use std::collections::BTreeMap;
use std::sync::Arc;

use millrace_events::{Revision, rule};
use millrace_read::cache::{CacheKey, Cached, Head, Lease, Written};
use millrace_read::projection::DocumentKey;

use super::{Server, World};
use crate::plot::Plot;
use crate::projection::Name;

/// How often Redis is saved just before documents are written through, while faults strike harder.
const SAVED_WHILE_HARSH: f64 = 0.2;

/// Where a document lies: projection, generation, namespace, key.
pub type Place = (Name, u32, u64, DocumentKey);

/// What lies there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A document's JSON, or that it does not exist.
    Document(Revision, Option<Arc<str>>),
    /// Somebody is about to fill it.
    Lease(String),
}

/// The server.
#[derive(Debug, Default)]
pub struct Redis {
    /// The documents.
    pub entries: BTreeMap<Place, Entry>,
    /// Each projection's head.
    pub heads: BTreeMap<Name, Head>,
    /// How often it was restarted: an earlier connection is broken.
    pub life: u64,
    saved: (BTreeMap<Place, Entry>, BTreeMap<Name, Head>),
}

/// The place of a key.
pub fn place(of: Name, key: &CacheKey) -> Place {
    (of, key.generation, key.namespace, key.document.clone())
}

impl Redis {
    /// Everything reaches the disk.
    pub fn save(&mut self) {
        self.saved = (self.entries.clone(), self.heads.clone());
    }

    /// What lies at a place.
    pub fn get(&self, place: &Place) -> Cached {
        match self.entries.get(place) {
            None => Cached::Missing,
            Some(Entry::Lease(_)) => Cached::Leased,
            Some(Entry::Document(revision, Some(json))) => {
                Cached::Document { revision: *revision, json: Arc::clone(json) }
            }
            Some(Entry::Document(revision, None)) => Cached::Absent { revision: *revision },
        }
    }

    /// `SET NX` of a lease.
    pub fn lease(&mut self, place: Place, number: u64) -> Option<Lease> {
        if self.entries.contains_key(&place) {
            return None;
        }
        let text = number.to_string();
        if rule("fill_needs_lease") {
            self.entries.insert(place, Entry::Lease(text.clone()));
        }
        Some(Lease(text))
    }

    /// The script that fills a place.
    pub fn fill(&mut self, place: Place, lease: &Lease, revision: Revision, json: Option<Arc<str>>) -> bool {
        let may = match self.entries.get(&place) {
            Some(Entry::Lease(found)) => *found == lease.0,
            None => !rule("fill_needs_lease"),
            Some(Entry::Document(found, _)) => !rule("fill_needs_lease") && *found < revision,
        };
        if may {
            let dated = if json.is_none() && !rule("absent_is_dated") { Revision::default() } else { revision };
            self.entries.insert(place, Entry::Document(dated, json));
        }
        may
    }

    /// The script that writes one document through.
    pub fn write_through(&mut self, place: Place, written: &Written) {
        let document = written.json.clone().map(|json| Entry::Document(written.revision, Some(json)));
        let entry = match self.entries.get(&place) {
            // An absent document stays absent: who comes late must not bring back what is gone.
            None if rule("write_through_only_updates") => return,
            None => document,
            Some(Entry::Lease(_)) => None,
            Some(Entry::Document(found, _)) if !is_newer(written.revision, *found) => return,
            Some(Entry::Document(..)) => document,
        };
        match entry {
            Some(entry) => drop(self.entries.insert(place, entry)),
            None => drop(self.entries.remove(&place)),
        }
    }

    /// The script that moves the head.
    pub fn move_head(&mut self, of: Name, expected: Option<&Head>, new: &Head) -> bool {
        let moves = self.heads.get(of) == expected || !rule("head_moves_by_compare");
        if moves {
            self.heads.insert(of, *new);
        }
        moves
    }
}

fn is_newer(written: Revision, found: Revision) -> bool {
    if rule("documents_compared_by_revision") { written > found } else { written.position > found.position }
}

impl World {
    /// A saved state that is nearly new is what a restart harms most with.
    pub fn save_redis_if_harsh(&mut self) {
        if self.faults.harsh && self.random.chance(SAVED_WHILE_HARSH) {
            self.redis.save();
        }
    }

    pub(crate) fn redis_is_flushed(&mut self) {
        self.redis.entries.clear();
        self.redis.heads.clear();
        self.tell(|_| "FLUSHALL".to_owned());
    }

    /// It restarts with what was saved last: connections break, and what was on its way over them is lost.
    pub(crate) fn redis_is_put_back(&mut self) {
        (self.redis.entries, self.redis.heads) = self.redis.saved.clone();
        self.redis.life += 1;
        self.late.retain(|late| late.server != Server::Redis);
        self.tell(|world| format!("Redis restarts with an older state, heads {:?}", world.redis.heads));
    }

    /// A document or the head is evicted, or its time has come.
    pub(crate) fn redis_evicts(&mut self) {
        let keeps_head = self.faults.plot == Plot::Late;
        if !self.redis.entries.is_empty() && (keeps_head || self.random.chance(0.65)) {
            let index = self.random.index(self.redis.entries.len());
            let Some(place) = self.redis.entries.keys().nth(index).cloned() else { return };
            self.tell(|_| format!("evicted: {place:?}"));
            self.redis.entries.remove(&place);
        } else if !keeps_head {
            let of = self.any_projection();
            self.redis.heads.remove(of);
            self.tell(|_| format!("the head of {of} is evicted"));
        }
    }
}
