//! Documents as a projector holds them between load and commit.

use crate::projection::{Document, DocumentKey, Lookup};
use crate::store::{Snapshot, Stored};
use millrace_events::{Position, Revision};
use std::collections::HashMap;
use std::sync::Arc;

/// What is known of a document, also if it does not exist.
#[derive(Debug, Clone, PartialEq)]
pub struct State<D> {
    /// Revision of its last change.
    pub revision: Revision,
    /// Since when it is parked.
    pub broken_since: Option<Position>,
    /// The document; `None` if it does not exist.
    pub document: Option<D>,
}

impl<D> State<D> {
    /// A document that does not exist.
    pub fn absent() -> Self {
        Self { revision: Revision::default(), broken_since: None, document: None }
    }
}

impl<D: Document> State<D> {
    /// The document as the store keeps it, if it exists.
    pub fn stored(&self) -> Option<Stored<D>> {
        let document = self.document.clone()?;
        Some(Stored { revision: self.revision, broken_since: self.broken_since, document })
    }
}

impl<D> From<Stored<D>> for State<D> {
    fn from(stored: Stored<D>) -> Self {
        Self { revision: stored.revision, broken_since: stored.broken_since, document: Some(stored.document) }
    }
}

/// Documents by key. Cloning it copies no document.
#[derive(Debug, Clone)]
pub struct States<D>(HashMap<DocumentKey, Arc<State<D>>>);

impl<D> Default for States<D> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<D: Document> States<D> {
    /// What a snapshot tells of the wanted documents, those that are not in it included.
    pub fn of_snapshot(wanted: &[DocumentKey], mut snapshot: Snapshot<D>) -> Self {
        let mut states = Self::default();
        for key in wanted {
            let state = match snapshot.documents.remove(key) {
                Some(stored) => State::from(stored),
                None => State { broken_since: snapshot.parked.get(key).copied(), ..State::absent() },
            };
            states.set(key.clone(), Arc::new(state));
        }
        states
    }

    /// What is known of a document.
    pub fn state(&self, key: &DocumentKey) -> Option<&Arc<State<D>>> {
        self.0.get(key)
    }

    /// Sets what is known of a document.
    pub fn set(&mut self, key: DocumentKey, state: Arc<State<D>>) {
        self.0.insert(key, state);
    }

    /// Takes in others, which win.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Each document.
    pub fn iter(&self) -> impl Iterator<Item = (&DocumentKey, &Arc<State<D>>)> {
        self.0.iter()
    }
}

impl<D> Lookup<D> for States<D> {
    fn get(&self, key: &DocumentKey) -> Option<&D> {
        self.0.get(key)?.document.as_ref()
    }
}
