//! The document store in memory. With dice it fails before a commit, or after it.

use super::Dice;
use crate::projection::{Change, DocumentKey, Projection, Selector};
use crate::store::{
    ChangesPage, Checkpoint, Commit, Committed, DeadLetter, DocumentStore, Snapshot, StoreError, Stored,
};
use millrace_events::{Position, Revision};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

#[derive(Debug)]
pub struct MemoryStore<D>(Arc<Mutex<Inner<D>>>);

impl<D> Clone for MemoryStore<D> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

#[derive(Debug)]
pub struct Inner<D> {
    pub checkpoint: Checkpoint,
    pub documents: BTreeMap<DocumentKey, Stored<D>>,
    pub parked: HashMap<DocumentKey, Position>,
    pub changes: Vec<Change>,
    pub dead_letters: Vec<DeadLetter>,
    /// Events of each commit, and its documents: for tests that look at how work was cut.
    pub commits: Vec<Checkpoint>,
    /// More documents than this are too large.
    pub documents_max: usize,
    pub dice: Option<Dice>,
}

impl<D: Clone + Serialize> MemoryStore<D> {
    pub fn empty<P: Projection>(generation: u32) -> Self {
        let checkpoint = Checkpoint {
            history: None,
            stream: None,
            generation,
            fold_version: P::FOLD_VERSION,
            revision: Revision::default(),
            seq: 0,
            last_event: None,
            last_at: None,
            open: vec![],
            retired: false,
        };
        Self(Arc::new(Mutex::new(Inner {
            checkpoint,
            documents: BTreeMap::new(),
            parked: HashMap::new(),
            changes: vec![],
            dead_letters: vec![],
            commits: vec![],
            documents_max: usize::MAX,
            dice: None,
        })))
    }

    pub fn look<T>(&self, look: impl FnOnce(&mut Inner<D>) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }
}

impl<D: Clone + Serialize> Inner<D> {
    fn fails(&mut self) -> Result<(), StoreError> {
        let fails = self.dice.as_mut().is_some_and(|dice| dice.one_in(15));
        if fails { Err("the answer was lost".into()) } else { Ok(()) }
    }

    fn selected(&self, selector: &Selector) -> Vec<(DocumentKey, Stored<D>)> {
        let matches = |stored: &Stored<D>| is_selected(&stored.document, selector);
        self.documents.iter().filter(|(_, d)| matches(d)).map(|(k, d)| (k.clone(), d.clone())).collect()
    }

    fn apply(&mut self, commit: &Commit<D>) {
        for (key, stored) in &commit.documents {
            match stored {
                Some(stored) => drop(self.documents.insert(key.clone(), stored.clone())),
                None if self.parked.contains_key(key) => {}
                None => assert!(self.documents.remove(key).is_some(), "{key} is removed, but was not there"),
            }
            self.parked.remove(key);
        }
        for change in &commit.changes {
            assert_eq!(change.seq, self.changes.last().map_or(0, |last| last.seq) + 1);
            self.changes.push(change.clone());
        }
        self.parked.extend(commit.parked.iter().cloned());
        self.dead_letters.retain(|letter| !commit.repaired.contains(&letter.key));
        self.dead_letters.extend(commit.dead_letters.iter().cloned());
        self.checkpoint = commit.checkpoint.clone();
        self.commits.push(commit.checkpoint.clone());
    }
}

/// As the store selects: by the fields of the JSON. The documents' own types have no part in it.
pub fn is_selected<D: Serialize>(document: &D, selector: &Selector) -> bool {
    let json = serde_json::to_value(document).unwrap();
    let wanted = Value::from(selector.value.clone());
    let field = selector.field.split('.').fold(&json, |value, name| &value[name]);
    json["kind"] == selector.kind.as_str()
        && (*field == wanted || field.as_array().is_some_and(|values| values.contains(&wanted)))
}

/// What the newest are sorted by.
pub fn created_micros<D: Serialize>(document: &D) -> i64 {
    serde_json::to_value(document).unwrap()["createdMicros"].as_i64().unwrap()
}

impl<D: Clone + Serialize + Send + Sync> DocumentStore<D> for MemoryStore<D> {
    async fn checkpoint(&self) -> Result<Checkpoint, StoreError> {
        let mut inner = self.0.lock().unwrap();
        inner.fails()?;
        Ok(inner.checkpoint.clone())
    }

    async fn read(&self, keys: &[DocumentKey]) -> Result<Snapshot<D>, StoreError> {
        let mut inner = self.0.lock().unwrap();
        inner.fails()?;
        let find = |key: &DocumentKey| Some((key.clone(), inner.documents.get(key)?.clone()));
        let parked = |key: &DocumentKey| Some((key.clone(), *inner.parked.get(key)?));
        Ok(Snapshot {
            checkpoint: inner.checkpoint.clone(),
            documents: keys.iter().filter_map(find).collect(),
            parked: keys.iter().filter_map(parked).collect(),
        })
    }

    async fn select(
        &self,
        selector: &Selector,
        done: Option<&DocumentKey>,
        limit: usize,
    ) -> Result<Vec<(DocumentKey, Stored<D>)>, StoreError> {
        let mut inner = self.0.lock().unwrap();
        inner.fails()?;
        let left = inner.selected(selector).into_iter().filter(|(key, _)| done.is_none_or(|done| key > done));
        Ok(left.take(limit).collect())
    }

    async fn newest(&self, selector: &Selector, limit: usize) -> Result<Vec<(DocumentKey, Stored<D>)>, StoreError> {
        let mut inner = self.0.lock().unwrap();
        inner.fails()?;
        let mut found = inner.selected(selector);
        found.sort_by_key(|(key, stored)| std::cmp::Reverse((created_micros(&stored.document), key.clone())));
        found.truncate(limit);
        Ok(found)
    }

    async fn commit(&self, from: Revision, commit: &Commit<D>) -> Result<Committed, StoreError> {
        let mut inner = self.0.lock().unwrap();
        inner.fails()?;
        if inner.checkpoint.revision != from || inner.checkpoint.retired != commit.checkpoint.retired {
            return Ok(Committed::CompareLost);
        }
        if commit.documents.len() > inner.documents_max {
            return Ok(Committed::TooLarge);
        }
        assert!(commit.checkpoint.revision > from, "the revision moves with each commit");
        inner.apply(commit);
        inner.fails()?;
        Ok(Committed::Yes)
    }

    async fn changes(&self, after_seq: u64, limit: usize) -> Result<ChangesPage, StoreError> {
        let mut inner = self.0.lock().unwrap();
        inner.fails()?;
        let later = inner.changes.iter().filter(|change| change.seq > after_seq);
        Ok(ChangesPage { checkpoint: inner.checkpoint.clone(), changes: later.take(limit).cloned().collect() })
    }
}
