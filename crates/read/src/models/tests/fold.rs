//! A projector in memory: one event at a time, one chunk at a time, no commits and no failures.

use crate::projection::{DocumentKey, FanOut, FanOutWork, Lookup, Projection, Selector};
use crate::projector::testing::{created_micros, is_selected};
use millrace_events::Recorded;
use std::collections::{BTreeMap, VecDeque};

/// The documents of a projection, and its open fan-outs.
#[derive(Debug, Clone)]
pub struct Folded<P: Projection> {
    pub documents: BTreeMap<DocumentKey, P::Document>,
    pub open: VecDeque<FanOut>,
}

/// Only what was asked for can be seen, as in the projector.
struct Loaded<D>(BTreeMap<DocumentKey, D>);

impl<D> Lookup<D> for Loaded<D> {
    fn get(&self, key: &DocumentKey) -> Option<&D> {
        self.0.get(key)
    }
}

impl<P: Projection> Default for Folded<P> {
    fn default() -> Self {
        Self { documents: BTreeMap::new(), open: VecDeque::new() }
    }
}

impl<P: Projection> Folded<P> {
    /// The documents after these events and all that they left to be done.
    pub fn of(events: &[Recorded]) -> Self {
        let mut folded = Self::default();
        for event in events {
            folded.event(event);
        }
        folded.drain();
        folded
    }

    pub fn event(&mut self, event: &Recorded) {
        let touches = P::touches(event);
        let mut loaded = self.load(touches.writes.iter().chain(&touches.reads));
        for key in &touches.writes {
            let mut document = loaded.0.remove(key);
            let before = document.clone();
            if let Some(before) = before {
                loaded.0.insert(key.clone(), before);
            }
            P::apply(event, key, &mut document, &loaded).unwrap();
            put(&mut loaded.0, key, document.clone());
            put(&mut self.documents, key, document);
        }
        self.open.extend(P::fan_outs(event, &loaded));
    }

    /// One chunk of the oldest fan-out.
    pub fn chunk(&mut self, limit: usize) {
        let Some(mut fan_out) = self.open.pop_front() else { return };
        match fan_out.work.clone() {
            FanOutWork::Each { selector, done, end } => {
                let page: Vec<_> =
                    self.selected(&selector).filter(|key| Some(key) > done.as_ref()).take(limit).collect();
                for key in &page {
                    self.spread(&fan_out, key, &[]);
                }
                if let Some(last) = page.last().filter(|_| page.len() == limit) {
                    fan_out.work = FanOutWork::Each { selector, done: Some(last.clone()), end };
                    self.open.push_back(fan_out);
                }
            }
            FanOutWork::Refill { document, selector, newest } => {
                let mut selected: Vec<_> =
                    self.selected(&selector).map(|key| (key.clone(), self.documents[&key].clone())).collect();
                selected.sort_by_key(|(key, document)| std::cmp::Reverse((created_micros(document), key.clone())));
                selected.truncate(newest as usize);
                self.spread(&fan_out, &document, &selected);
            }
        }
    }

    pub fn drain(&mut self) {
        while !self.open.is_empty() {
            self.chunk(3);
        }
    }

    pub fn get(&self, key: &DocumentKey) -> Option<&P::Document> {
        self.documents.get(key)
    }

    fn spread(&mut self, fan_out: &FanOut, key: &DocumentKey, selected: &[(DocumentKey, P::Document)]) {
        let loaded = self.load(fan_out.reads.iter().chain(&P::refill_reads(selected)));
        let mut document = self.documents.get(key).cloned();
        P::spread(fan_out, key, &mut document, selected, &loaded).unwrap();
        put(&mut self.documents, key, document);
    }

    fn load<'a>(&self, keys: impl Iterator<Item = &'a DocumentKey>) -> Loaded<P::Document> {
        Loaded(keys.filter_map(|key| Some((key.clone(), self.documents.get(key)?.clone()))).collect())
    }

    fn selected<'a>(&'a self, selector: &'a Selector) -> impl Iterator<Item = DocumentKey> + 'a {
        self.documents.iter().filter(|(_, document)| is_selected(*document, selector)).map(|(key, _)| key.clone())
    }
}

fn put<D>(documents: &mut BTreeMap<DocumentKey, D>, key: &DocumentKey, document: Option<D>) {
    match document {
        Some(document) => documents.insert(key.clone(), document),
        None => documents.remove(key),
    };
}
