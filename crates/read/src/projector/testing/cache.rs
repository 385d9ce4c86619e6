//! The cache in memory, following the contract of the port to the letter. With dice its connection breaks.

use super::Dice;
use crate::cache::{Cache, CacheError, CacheKey, CacheSession, Cached, Head, Lease, Ring, Written};
use crate::projection::DocumentKey;
use millrace_events::{Revision, rule};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// What lies at a key: the revision, and the JSON unless it is absence.
type Value = (Revision, Option<Arc<str>>);

#[derive(Debug, Clone, Default)]
pub struct MemoryCache(Arc<Mutex<Inner>>);

#[derive(Debug, Clone, Default)]
pub struct Inner {
    pub head: Option<Head>,
    pub documents: HashMap<(u32, u64, DocumentKey), Value>,
    pub rings: Vec<Ring>,
    /// Numbers connections; a session of another one is dead.
    pub connection: u64,
    pub is_away: bool,
    pub dice: Option<Dice>,
}

#[derive(Debug)]
pub struct MemorySession {
    cache: MemoryCache,
    connection: u64,
}

impl MemoryCache {
    pub fn look<T>(&self, look: impl FnOnce(&mut Inner) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    /// Puts a document there, as a reader's fill does.
    pub fn fill(&self, key: &DocumentKey, revision: Revision, json: Option<&str>) {
        self.look(|inner| {
            let head = inner.head.unwrap();
            let place = (head.generation, head.namespace, key.clone());
            inner.documents.insert(place, (revision, json.map(Arc::from)));
        });
    }

    pub fn document(&self, key: &DocumentKey) -> Option<(Revision, Option<Arc<str>>)> {
        self.look(|inner| {
            let head = inner.head?;
            inner.documents.get(&(head.generation, head.namespace, key.clone())).cloned()
        })
    }
}

impl MemorySession {
    fn on<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> Result<T, CacheError> {
        let mut inner = self.cache.0.lock().unwrap();
        if inner.dice.as_mut().is_some_and(|dice| dice.one_in(10)) {
            inner.connection += 1;
        }
        if inner.is_away || inner.connection != self.connection {
            return Err("the connection broke".into());
        }
        Ok(act(&mut inner))
    }
}

impl Cache for MemoryCache {
    type Session = MemorySession;

    async fn session(&self) -> Result<MemorySession, CacheError> {
        let inner = self.0.lock().unwrap();
        if inner.is_away {
            return Err("the cache is away".into());
        }
        Ok(MemorySession { cache: self.clone(), connection: inner.connection })
    }
}

impl CacheSession for MemorySession {
    async fn head(&self) -> Result<Option<Head>, CacheError> {
        self.on(|inner| inner.head)
    }

    async fn look(&self, _: &[CacheKey]) -> Result<(Option<Head>, Vec<Cached>), CacheError> {
        unreachable!("a projector does not read documents here")
    }

    async fn lease(&self, _: &CacheKey) -> Result<Option<Lease>, CacheError> {
        unreachable!("a projector does not fill")
    }

    async fn fill(&self, _: &CacheKey, _: &Lease, _: Revision, _: Option<&str>) -> Result<bool, CacheError> {
        unreachable!("a projector does not fill")
    }

    async fn write_through(&self, generation: u32, namespace: u64, documents: &[Written]) -> Result<(), CacheError> {
        for document in documents {
            let place = (generation, namespace, document.key.clone());
            self.on(|inner| match inner.documents.get(&place) {
                Some((revision, _)) if *revision < document.revision => {
                    match &document.json {
                        Some(json) => inner.documents.insert(place, (document.revision, Some(json.clone()))),
                        None => inner.documents.remove(&place),
                    };
                }
                _ => {}
            })?;
        }
        Ok(())
    }

    async fn move_head(&self, expected: Option<&Head>, new: &Head) -> Result<bool, CacheError> {
        self.on(|inner| {
            let moves = inner.head.as_ref() == expected || !rule("head_moves_by_compare");
            if moves {
                inner.head = Some(*new);
            }
            moves
        })
    }

    async fn ring(&self, ring: Ring) -> Result<(), CacheError> {
        self.on(|inner| inner.rings.push(ring))
    }
}
