//! The port to the cache (Redis, or memory in the model). Always disposable: any part of it may vanish, be old, or be away.

pub mod redis;
pub mod superseded;
pub mod texts;
pub mod value;

#[cfg(test)]
mod tests;

use crate::projection::{Change, DocumentKey};
use crate::trail::Passed;
use millrace_events::Revision;
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::future::Future;
use std::sync::Arc;

/// Why the cache did not answer. Nothing is known of what was written.
pub type CacheError = Box<dyn Error + Send + Sync>;

/// What the cache is known to hold of a projection: every document that is in it is at least as new as this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The generation that is served.
    pub generation: u32,
    /// Random, new whenever a lost head is begun again; part of every document's key, so that what lay there before is never met.
    pub namespace: u64,
    /// The last change that was written through.
    pub seq: u64,
    /// The checkpoint's revision at that change.
    pub revision: Revision,
}

/// A document's place in the cache.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CacheKey {
    /// The generation it belongs to.
    pub generation: u32,
    /// The head's namespace.
    pub namespace: u64,
    /// The document.
    pub document: DocumentKey,
}

/// The permission to fill one missing document: void as soon as anybody wrote or withdrew it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease(pub String);

/// What lies at a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cached {
    /// The document's JSON.
    Document {
        /// Revision of its last change.
        revision: Revision,
        /// The JSON, with GraphQL's field names.
        json: Arc<str>,
    },
    /// It is known not to exist.
    Absent {
        /// The checkpoint's revision when that was seen.
        revision: Revision,
    },
    /// Somebody is about to fill it.
    Leased,
    /// Nothing.
    Missing,
}

/// A document's new state for write-through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The document.
    pub key: DocumentKey,
    /// Revision of its last change; for a removed one the revision at which it was seen to be gone.
    pub revision: Revision,
    /// Its JSON; `None` if it is removed.
    pub json: Option<Arc<str>>,
}

/// Tells query processes that changes were committed. May be lost, doubled or late.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ring {
    /// The generation that changed.
    pub generation: u32,
    /// The changes, in order; the first one's `seq` shows whether one was missed.
    pub changes: Vec<Change>,
    /// When events behind them passed the steps before, for people who want to know. Nothing is decided by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed: Option<Passed>,
}

impl Ring {
    /// Of these changes alone.
    pub fn of(generation: u32, changes: Vec<Change>) -> Self {
        Self { generation, changes, passed: None }
    }
}

/// One projection in the cache, through one unbroken connection: after an error the session is dead, and a new one must be opened.
pub trait CacheSession: Send + Sync {
    /// The head.
    fn head(&self) -> impl Future<Output = Result<Option<Head>, CacheError>> + Send;

    /// The head, and *after* it the documents, in one round trip.
    fn look(&self, keys: &[CacheKey]) -> impl Future<Output = Result<(Option<Head>, Vec<Cached>), CacheError>> + Send;

    /// Asks for the permission to fill a missing document; `None` if something lies there by now.
    fn lease(&self, key: &CacheKey) -> impl Future<Output = Result<Option<Lease>, CacheError>> + Send;

    /// Fills a document (or its absence, dated with the checkpoint's revision) if the lease still lies there. True if it did.
    fn fill(
        &self,
        key: &CacheKey,
        lease: &Lease,
        revision: Revision,
        json: Option<&str>,
    ) -> impl Future<Output = Result<bool, CacheError>> + Send;

    /// Writes documents through: replaces older ones, withdraws leases, deletes removed ones, leaves absent keys absent.
    fn write_through(
        &self,
        generation: u32,
        namespace: u64,
        documents: &[Written],
    ) -> impl Future<Output = Result<(), CacheError>> + Send;

    /// Sets the head to `new` if it is exactly `expected`. True if it was.
    fn move_head(&self, expected: Option<&Head>, new: &Head) -> impl Future<Output = Result<bool, CacheError>> + Send;

    /// Rings, and tells what else the cache's driver knows of it.
    fn ring(&self, ring: Ring) -> impl Future<Output = Result<(), CacheError>> + Send;
}

/// Opens sessions to the cache.
pub trait Cache: Send + Sync {
    /// A session of one projection.
    type Session: CacheSession;

    /// The living session, or a new one if the last one broke. Without a reachable cache this fails at once, or within a named limit.
    fn session(&self) -> impl Future<Output = Result<Self::Session, CacheError>> + Send;
}
