//! From MongoDB to the cache: documents, then head, then ring. Head says what the cache holds, so it moves last and only by compare.

use crate::cache::{Cache, CacheError, CacheSession, Head, Ring, Written};
use crate::projection::{Change, Document, DocumentKey};
use crate::store::{ChangesPage, Checkpoint, Commit, DocumentStore, StoreError, Stored, to_json};
use millrace_events::fail_point::reach;
use millrace_events::{Revision, rule};
use std::collections::BTreeSet;

/// Changes read at once when the cache is brought from its head to the checkpoint.
pub const CHANGES_PAGE: usize = 1_000;
/// If head lies more changes behind, the cache is begun anew instead. Folding waits meanwhile: while a cache takes no writes (full, say),
/// this much is read for it in vain with every look.
pub const CHANGES_REDONE_MAX: u64 = 1_000;
/// Documents read at once for it.
pub const DOCUMENTS_PER_READ: usize = 500;
/// Documents written at once.
pub const DOCUMENTS_PER_WRITE: usize = 200;
/// Changes told in one ring; more are told in several.
pub const CHANGES_PER_RING: usize = 100;

/// Why the cache was not brought up to the checkpoint. It never holds up folding.
#[derive(Debug, thiserror::Error)]
pub enum WriteThroughError {
    /// The cache did not answer.
    #[error("the cache did not answer")]
    Cache(#[source] CacheError),
    /// The store did not answer.
    #[error("the store did not answer")]
    Store(#[source] StoreError),
    /// A document has no JSON.
    #[error("document {key} cannot be written as JSON")]
    Json {
        /// Which one.
        key: DocumentKey,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

/// How far the cache is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// Head stands at the checkpoint, or past it.
    Checkpoint(Head),
    /// Something moved meanwhile, or was begun anew: look again.
    LookAgain,
    /// Another generation is served: this one leaves the cache alone.
    NotServed,
}

/// Writes what a commit changed, if head is exactly where the commit starts from.
///
/// `head` is head as it was last seen. That is enough: documents are compared by revision under its namespace, and head
/// moves only from exactly this one.
pub async fn write_commit<D: Document, C: Cache>(
    cache: &C,
    head: Option<Head>,
    from: &Checkpoint,
    commit: &Commit<D>,
) -> Result<Reached, WriteThroughError> {
    if commit.checkpoint.retired && rule("retired_serves_nobody") {
        return Ok(Reached::NotServed);
    }
    let Some(head) = head.filter(|head| stands_at(head, from) || !rule("redone_from_head")) else {
        return Ok(Reached::LookAgain);
    };
    let mut documents = Vec::with_capacity(commit.documents.len());
    for (key, stored) in &commit.documents {
        documents.push(written(key, stored.as_ref(), commit.checkpoint.revision)?);
    }
    let to = head_at(&commit.checkpoint, head.namespace);
    bring(cache, head, to, &documents, &commit.changes).await
}

/// Brings the cache from its head to the checkpoint, out of `changes`. If head is gone or of a generation that is not served, or `changes` no
/// longer reach back to it, the cache is begun anew in a namespace of its own: nothing that lay there before is met again.
pub async fn catch_up<D: Document, S: DocumentStore<D>, C: Cache>(
    store: &S,
    cache: &C,
    checkpoint: &Checkpoint,
    namespace: u64,
) -> Result<Reached, WriteThroughError> {
    if checkpoint.retired && rule("retired_serves_nobody") {
        return Ok(Reached::NotServed);
    }
    let session = cache.session().await.map_err(WriteThroughError::Cache)?;
    let head = session.head().await.map_err(WriteThroughError::Cache)?;
    let Some(own) = head.filter(|head| head.generation == checkpoint.generation) else {
        let is_later = head.is_some_and(|head| head.generation > checkpoint.generation);
        if is_later && is_superseded(store, checkpoint).await.map_err(WriteThroughError::Store)? {
            return Ok(Reached::NotServed);
        }
        return begin_anew(&session, head, checkpoint, namespace).await;
    };
    if stands_at(&own, checkpoint) {
        return Ok(Reached::Checkpoint(own));
    }
    match missed(store, own.seq).await.map_err(WriteThroughError::Store)? {
        Missed::All(checkpoint, _) if stands_at(&own, &checkpoint) => Ok(Reached::Checkpoint(own)),
        // Head never passes what a majority has: the store was put back to an older state.
        Missed::All(checkpoint, _) | Missed::TooMany(checkpoint) if checkpoint.revision < own.revision => {
            begin_anew(&session, Some(own), &checkpoint, namespace).await
        }
        Missed::All(checkpoint, changes) => {
            let documents = load(store, &changes).await?;
            let to = head_at(&checkpoint, own.namespace);
            bring(cache, own, to, &documents, &changes).await
        }
        Missed::TooMany(checkpoint) => begin_anew(&session, Some(own), &checkpoint, namespace).await,
    }
}

async fn begin_anew<S: CacheSession>(
    session: &S,
    head: Option<Head>,
    checkpoint: &Checkpoint,
    namespace: u64,
) -> Result<Reached, WriteThroughError> {
    let namespace = if rule("new_namespace") { namespace } else { 0 };
    let to = head_at(checkpoint, namespace);
    let moved = session.move_head(head.as_ref(), &to).await.map_err(WriteThroughError::Cache)?;
    Ok(if moved { Reached::Checkpoint(to) } else { Reached::LookAgain })
}

/// Asked after a later generation's head was seen, this tells whether that is served by now. If not, the store was put back to before it.
async fn is_superseded<D: Document, S: DocumentStore<D>>(
    store: &S,
    checkpoint: &Checkpoint,
) -> Result<bool, StoreError> {
    Ok(store.changes(checkpoint.seq, 1).await?.checkpoint.retired)
}

/// Documents before head: what head promises must be there.
async fn bring<C: Cache>(
    cache: &C,
    head: Head,
    to: Head,
    documents: &[Written],
    changes: &[Change],
) -> Result<Reached, WriteThroughError> {
    let mut session = cache.session().await.map_err(WriteThroughError::Cache)?;
    if !rule("documents_before_head") {
        session.move_head(Some(&head), &to).await.map_err(WriteThroughError::Cache)?;
    }
    for page in documents.chunks(DOCUMENTS_PER_WRITE) {
        let mut done = session.write_through(head.generation, head.namespace, page).await;
        if done.is_err() && !rule("redone_after_reconnect") {
            session = cache.session().await.map_err(WriteThroughError::Cache)?;
            done = session.write_through(head.generation, head.namespace, page).await;
        }
        done.map_err(WriteThroughError::Cache)?;
        reach("projector.document_written_through").await;
    }
    if rule("documents_before_head") {
        let mut moved = session.move_head(Some(&head), &to).await;
        if moved.is_err() && !rule("redone_after_reconnect") {
            session = cache.session().await.map_err(WriteThroughError::Cache)?;
            moved = session.move_head(Some(&head), &to).await;
        }
        if !moved.map_err(WriteThroughError::Cache)? {
            return Ok(Reached::LookAgain);
        }
    }
    reach("projector.head_moved").await;
    for page in changes.chunks(CHANGES_PER_RING) {
        let ring = Ring::of(head.generation, page.to_vec());
        session.ring(ring).await.map_err(WriteThroughError::Cache)?;
    }
    reach("projector.rung").await;
    Ok(Reached::Checkpoint(to))
}

enum Missed {
    All(Checkpoint, Vec<Change>),
    TooMany(Checkpoint),
}

/// The changes after `seq` up to the checkpoint. Their numbers have no gap, so that any that is missing shows.
async fn missed<D: Document, S: DocumentStore<D>>(store: &S, seq: u64) -> Result<Missed, StoreError> {
    let mut all = Vec::new();
    loop {
        let after = seq + all.len() as u64;
        let ChangesPage { checkpoint, changes } = store.changes(after, CHANGES_PAGE).await?;
        let left = checkpoint.seq.saturating_sub(after);
        let follow = changes.iter().zip(after + 1..).all(|(change, due)| change.seq == due);
        let got = changes.len() as u64;
        all.extend(changes);
        if !follow || all.len() as u64 > CHANGES_REDONE_MAX || (got < left && got < CHANGES_PAGE as u64) {
            return Ok(Missed::TooMany(checkpoint));
        }
        if got >= left {
            return Ok(Missed::All(checkpoint, all));
        }
    }
}

/// The changed documents as they are now. They may be newer than head will say, never older.
async fn load<D: Document, S: DocumentStore<D>>(
    store: &S,
    changes: &[Change],
) -> Result<Vec<Written>, WriteThroughError> {
    let keys: Vec<DocumentKey> =
        changes.iter().map(|change| &change.key).collect::<BTreeSet<_>>().into_iter().cloned().collect();
    let mut documents = Vec::with_capacity(keys.len());
    for page in keys.chunks(DOCUMENTS_PER_READ) {
        let snapshot = store.read(page).await.map_err(WriteThroughError::Store)?;
        for key in page {
            documents.push(written(key, snapshot.documents.get(key), snapshot.checkpoint.revision)?);
        }
    }
    Ok(documents)
}

fn written<D: Document>(
    key: &DocumentKey,
    stored: Option<&Stored<D>>,
    seen_at: Revision,
) -> Result<Written, WriteThroughError> {
    let Some(stored) = stored else { return Ok(Written { key: key.clone(), revision: seen_at, json: None }) };
    let json = if stored.is_cacheable() {
        let json = to_json(&stored.document);
        Some(json.map_err(|source| WriteThroughError::Json { key: key.clone(), source })?)
    } else {
        None
    };
    Ok(Written { key: key.clone(), revision: stored.revision, json })
}

fn stands_at(head: &Head, checkpoint: &Checkpoint) -> bool {
    *head == head_at(checkpoint, head.namespace)
}

fn head_at(checkpoint: &Checkpoint, namespace: u64) -> Head {
    Head { generation: checkpoint.generation, namespace, seq: checkpoint.seq, revision: checkpoint.revision }
}
