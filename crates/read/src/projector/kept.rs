//! Documents kept in memory between commits, so that a busy one is not loaded for each event.

use super::limits::Limits;
use super::state::{State, States};
use crate::projection::{Document, DocumentKey};
use millrace_events::{Revision, rule};
use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::Arc;

/// After so many changes a document is weighed again.
const WEIGHED_EACH: u8 = 16;

/// Kept documents. They are right at one revision of the checkpoint only, and any other drops them all.
///
/// Bounded by forgetting in two steps: when the young half is full it becomes the old half, and what was old is dropped.
/// What is used is young again.
#[derive(Debug)]
pub struct Kept<D> {
    revision: Option<Revision>,
    young: Half<D>,
    old: Half<D>,
    documents_max: usize,
    bytes_max: usize,
}

#[derive(Debug)]
struct Half<D> {
    entries: HashMap<DocumentKey, Entry<D>>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry<D> {
    state: Arc<State<D>>,
    bytes: usize,
    /// How many changes ago it was weighed.
    weighed_ago: u8,
}

impl<D: Document> Kept<D> {
    /// Nothing kept.
    pub fn new(limits: &Limits) -> Self {
        Self {
            revision: None,
            young: Half::empty(),
            old: Half::empty(),
            documents_max: limits.kept_documents,
            bytes_max: limits.kept_bytes,
        }
    }

    /// Drops everything that is kept of another revision.
    pub fn belong_to(&mut self, revision: Revision) {
        if self.revision != Some(revision) && rule("kept_documents_tagged") {
            self.young = Half::empty();
            self.old = Half::empty();
        }
        self.revision = Some(revision);
    }

    /// Those of the wanted documents that are kept, and the keys of the others.
    pub fn gather(&mut self, wanted: &[DocumentKey]) -> (States<D>, Vec<DocumentKey>) {
        let (mut states, mut missing) = (States::default(), Vec::new());
        for key in wanted {
            match self.get(key) {
                Some(state) => states.set(key.clone(), state),
                None => missing.push(key.clone()),
            }
        }
        (states, missing)
    }

    /// Keeps documents as they are at the revision that the kept ones belong to.
    pub fn keep(&mut self, states: &States<D>) {
        for (key, state) in states.iter() {
            self.put(key.clone(), state.clone());
        }
    }

    /// Takes the documents of a commit; what is kept belongs to its revision from now on.
    pub fn advance(&mut self, revision: Revision, states: &States<D>) {
        self.keep(states);
        self.revision = Some(revision);
    }

    fn get(&mut self, key: &DocumentKey) -> Option<Arc<State<D>>> {
        if let Some(entry) = self.young.entries.get(key) {
            return Some(entry.state.clone());
        }
        let entry = self.old.remove(key)?;
        let state = entry.state.clone();
        self.insert(key.clone(), entry);
        Some(state)
    }

    fn put(&mut self, key: DocumentKey, state: Arc<State<D>>) {
        if self.young.entries.get(&key).is_some_and(|entry| Arc::ptr_eq(&entry.state, &state)) {
            return;
        }
        let before = self.young.remove(&key).or(self.old.remove(&key));
        let entry = weighed(&key, state, before.as_ref());
        self.insert(key, entry);
    }

    fn insert(&mut self, key: DocumentKey, entry: Entry<D>) {
        self.young.bytes += entry.bytes;
        self.young.entries.insert(key, entry);
        if self.young.entries.len() > self.documents_max / 2 || self.young.bytes > self.bytes_max / 2 {
            self.old = std::mem::replace(&mut self.young, Half::empty());
        }
    }
}

impl<D> Half<D> {
    fn empty() -> Self {
        Self { entries: HashMap::new(), bytes: 0 }
    }

    fn remove(&mut self, key: &DocumentKey) -> Option<Entry<D>> {
        let entry = self.entries.remove(key)?;
        self.bytes -= entry.bytes;
        Some(entry)
    }
}

/// Weighing takes as long as writing the document, and one change alters its weight by little: so it is done now and then.
fn weighed<D: Document>(key: &DocumentKey, state: Arc<State<D>>, before: Option<&Entry<D>>) -> Entry<D> {
    let is_like_before = |before: &&Entry<D>| before.state.document.is_some() && before.weighed_ago < WEIGHED_EACH;
    if let Some(before) = before.filter(is_like_before) {
        return Entry { state, bytes: before.bytes, weighed_ago: before.weighed_ago + 1 };
    }
    let bytes = key.as_str().len() + state.document.as_ref().map_or(0, json_length);
    Entry { state, bytes, weighed_ago: 0 }
}

/// What a document weighs; one that cannot be written weighs nothing here and fails where it is stored.
fn json_length<D: Document>(document: &D) -> usize {
    let mut count = Count(0);
    let _ = serde_json::to_writer(&mut count, document);
    count.0
}

struct Count(usize);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
