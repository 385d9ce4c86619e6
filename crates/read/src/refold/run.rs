//! Folds one document anew and commits it by compare, however often projectors are faster, up to a limit.

use super::RefoldError;
use super::alone::Alone;
use super::follow::follow;
use crate::cache::Cache;
use crate::projection::{DocumentKey, Projection};
use crate::projector::alarm::Alarm;
use crate::projector::source::Source;
use crate::projector::write_through::catch_up;
use crate::store::{Checkpoint, Committed, DocumentStore, Snapshot};
use millrace_events::{Position, Revision};

/// Commits that are tried. Between two of them only what was folded meanwhile is followed.
const COMMITS_MAX: u32 = 200;
/// Documents that are asked for at once.
const DOCUMENTS_PER_READ: usize = 500;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refolded {
    /// The document.
    pub key: DocumentKey,
    /// Since when it was parked.
    pub parked_since: Option<Position>,
    /// Revision of the commit; none if the document was as the log has it.
    pub revision: Option<Revision>,
    /// Whether there is a document now.
    pub exists: bool,
    /// Documents that were made with it, because they had been left out while it did not exist.
    pub companions: usize,
}

/// Folds one document anew from the log, and commits it. `namespace` is random: a lost cache is begun anew in it.
pub async fn refold<P, S, D, C>(
    source: &S,
    store: &D,
    cache: &C,
    key: &DocumentKey,
    namespace: u64,
) -> Result<Refolded, RefoldError>
where
    P: Projection,
    S: Source,
    D: DocumentStore<P::Document>,
    C: Cache,
{
    let found = read::<P, D>(store, std::slice::from_ref(key)).await?;
    let is_absent = found.parked.contains_key(key);
    let since = found.parked.get(key).copied().or_else(|| found.documents.get(key)?.broken_since);
    let mut alone = Alone::<P>::begin(key, since, &found.checkpoint);
    follow(source, &mut alone, &found.checkpoint).await?;
    if is_absent {
        let left_out = absent::<P, D>(store, alone.companions()).await?;
        alone.include(left_out);
    }
    for _ in 0..COMMITS_MAX {
        let checkpoint = read::<P, D>(store, &[]).await?.checkpoint;
        follow(source, &mut alone, &checkpoint).await?;
        if !alone.is_known() {
            return Err(RefoldError::Unknown(key.clone()));
        }
        let snapshot = read::<P, D>(store, &alone.targets()).await?;
        if snapshot.checkpoint.revision.position != checkpoint.revision.position {
            continue;
        }
        let from = snapshot.checkpoint.clone();
        let Some(commit) = alone.repair(snapshot) else {
            let exists = found.documents.contains_key(key);
            return Ok(Refolded { key: key.clone(), parked_since: since, revision: None, exists, companions: 0 });
        };
        match store.commit(from.revision, &commit).await.map_err(RefoldError::Store)? {
            Committed::CompareLost => continue,
            Committed::TooLarge => return Err(RefoldError::TooLarge),
            Committed::Yes => {}
        }
        write_through::<P, D, C>(store, cache, &commit.checkpoint, namespace).await;
        let exists = commit.documents.iter().any(|(written, stored)| written == key && stored.is_some());
        let companions = commit.documents.iter().filter(|(written, _)| written != key).count();
        let revision = Some(commit.checkpoint.revision);
        return Ok(Refolded { key: key.clone(), parked_since: since, revision, exists, companions });
    }
    Err(RefoldError::Outrun(COMMITS_MAX))
}

/// Documents of a generation that this program folds, and that is served.
async fn read<P: Projection, D: DocumentStore<P::Document>>(
    store: &D,
    keys: &[DocumentKey],
) -> Result<Snapshot<P::Document>, RefoldError> {
    let snapshot = store.read(keys).await.map_err(RefoldError::Store)?;
    let Checkpoint { generation, fold_version: found, history, retired, .. } = snapshot.checkpoint;
    let own = P::FOLD_VERSION;
    match found {
        _ if retired => Err(RefoldError::Superseded),
        _ if found < own => Err(Alarm::EarlierFold { generation, found, own, history }.into()),
        _ if found > own => Err(Alarm::LaterFold { generation, found, own }.into()),
        _ => Ok(snapshot),
    }
}

async fn absent<P: Projection, D: DocumentStore<P::Document>>(
    store: &D,
    mut keys: Vec<DocumentKey>,
) -> Result<Vec<DocumentKey>, RefoldError> {
    let mut absent = Vec::new();
    while !keys.is_empty() {
        let rest = keys.split_off(keys.len().min(DOCUMENTS_PER_READ));
        let found = read::<P, D>(store, &keys).await?;
        absent.extend(
            keys.into_iter().filter(|key| !found.documents.contains_key(key) && !found.parked.contains_key(key)),
        );
        keys = rest;
    }
    Ok(absent)
}

/// As after every commit: out of `changes`, from wherever head stands. Projectors do it within a second, should it fail here.
async fn write_through<P: Projection, D: DocumentStore<P::Document>, C: Cache>(
    store: &D,
    cache: &C,
    checkpoint: &Checkpoint,
    namespace: u64,
) {
    if let Err(error) = catch_up(store, cache, checkpoint, namespace).await {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(projection = P::NAME, error, "the cache was not brought up to date: projectors do it");
    }
}
