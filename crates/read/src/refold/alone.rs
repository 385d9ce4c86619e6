//! The fold of one document and of what it looks at, in memory: pure.

use crate::projection::{DocumentKey, FanOut, FanOutWork, Lookup, Projection, Selector};
use crate::projector::chain::Link;
use crate::projector::draft::{Cause, Draft};
use crate::projector::state::States;
use crate::projector::sweep;
use crate::store::{Checkpoint, Commit, DeadLetter, Snapshot};
use millrace_events::{Position, Recorded, Revision};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// Documents that are folded from the log's beginning, and nothing else.
pub(super) struct Alone<P: Projection> {
    /// The one that is to be repaired.
    target: DocumentKey,
    /// Since when it is parked.
    since: Option<Position>,
    /// It, and what was not made because it was parked.
    targets: BTreeSet<DocumentKey>,
    /// All documents that are folded: the targets and what they look at.
    known: BTreeSet<DocumentKey>,
    /// What was looked at, and is not folded: it has to be, from the beginning.
    missed: RefCell<BTreeSet<DocumentKey>>,
    /// How far it is.
    pub(super) link: Link,
    states: States<P::Document>,
    /// The last event that concerned each target.
    causes: BTreeMap<DocumentKey, Cause<'static>>,
    /// Written by the same events as the target since it is parked.
    companions: BTreeSet<DocumentKey>,
    /// Fan-outs that were not opened because the target was parked, and the refill of what it falls short of.
    fan_outs: Vec<FanOut>,
    start: Checkpoint,
}

impl<P: Projection> Alone<P> {
    pub fn begin(target: &DocumentKey, since: Option<Position>, checkpoint: &Checkpoint) -> Self {
        let targets = BTreeSet::from([target.clone()]);
        Self {
            target: target.clone(),
            since,
            known: targets.clone(),
            targets,
            missed: RefCell::default(),
            link: start_of(checkpoint),
            states: States::default(),
            causes: BTreeMap::new(),
            companions: BTreeSet::new(),
            fan_outs: Vec::new(),
            start: checkpoint.clone(),
        }
    }

    /// Everything that is to be written.
    pub fn targets(&self) -> Vec<DocumentKey> {
        self.targets.iter().cloned().collect()
    }

    /// What the same events wrote since the target is parked.
    pub fn companions(&self) -> Vec<DocumentKey> {
        self.companions.difference(&self.targets).cloned().collect()
    }

    /// Begins again, with further targets.
    pub fn include(&mut self, companions: Vec<DocumentKey>) {
        self.known.extend(companions.iter().cloned());
        self.targets.extend(companions);
        self.restart();
    }

    /// Begins again if something was looked at that is not folded. True if it did.
    pub fn widen(&mut self) -> bool {
        let missed = std::mem::take(self.missed.get_mut());
        if missed.is_empty() {
            return false;
        }
        self.known.extend(missed);
        self.restart();
        true
    }

    /// How many documents are folded.
    pub fn size(&self) -> usize {
        self.known.len()
    }

    /// Whether any event concerned the target.
    pub fn is_known(&self) -> bool {
        self.causes.contains_key(&self.target)
    }

    /// Folds the next event. Fan-outs are done at once, as far as they concern what is folded.
    pub fn take(&mut self, event: &Recorded) -> Result<(), DeadLetter> {
        let touches = P::touches(event);
        let own: Vec<&DocumentKey> = touches.writes.iter().filter(|key| self.known.contains(*key)).collect();
        let states = std::mem::take(&mut self.states);
        let mut draft = Draft::<P>::begin(&self.start, Revision::at(event.position), states);
        let cause = Cause::event(event);
        for key in &own {
            draft.change(&cause, key, |document, others| P::apply(event, key, document, &self.noting(others)));
        }
        let opened = P::fan_outs(event, draft.documents());
        opened.iter().for_each(|fan_out| self.spread(&mut draft, fan_out));
        let drafted = draft.finish(self.start.clone());
        self.states = drafted.states;
        if let Some(letter) = drafted.commit.dead_letters.into_iter().find(|letter| letter.key == self.target) {
            return Err(letter);
        }
        if own.contains(&&self.target) {
            self.note_companions(event, &touches.writes, opened);
        }
        let concerned = own.into_iter().filter(|key| self.targets.contains(*key));
        self.causes.extend(concerned.map(|key| (key.clone(), cause)));
        Ok(())
    }

    /// The commit that brings the targets to what was folded; none if they are so already.
    pub fn repair(&self, snapshot: Snapshot<P::Document>) -> Option<Commit<P::Document>> {
        let from = snapshot.checkpoint.clone();
        let states = States::of_snapshot(&self.targets(), snapshot);
        let mut draft = Draft::<P>::begin(&from, from.revision.after_chunk(), states);
        for (key, cause) in &self.causes {
            let folded = self.states.state(key).and_then(|state| state.document.clone());
            draft.replace(&cause.of_refold(), key, folded);
        }
        if draft.is_empty() {
            return None;
        }
        let mut open = from.open.clone();
        self.fan_outs.iter().for_each(|fan_out| sweep::open(&mut open, fan_out.clone()));
        Some(draft.finish(Checkpoint { open, ..from }).commit)
    }

    fn restart(&mut self) {
        self.link = start_of(&self.start);
        self.states = States::default();
        self.causes.clear();
        self.companions.clear();
        self.fan_outs.clear();
    }

    fn noting<'a>(&'a self, others: &'a dyn Lookup<P::Document>) -> Noting<'a, P::Document> {
        Noting { others, known: &self.known, missed: &self.missed }
    }

    /// A refill wants more than what is folded here: it is left to the projectors.
    fn spread(&self, draft: &mut Draft<P>, fan_out: &FanOut) {
        let FanOutWork::Each { selector, .. } = &fan_out.work else { return };
        let of_kind = self.known.iter().filter(|key| key.kind() == selector.kind);
        let selected: Vec<_> = of_kind.filter(|key| is_selected::<P>(draft.documents(), key, selector)).collect();
        for key in selected {
            draft.change(&Cause::fan_out(fan_out), key, |document, others| {
                P::spread(fan_out, key, document, &[], &self.noting(others))
            });
        }
    }

    fn note_companions(&mut self, event: &Recorded, writes: &[DocumentKey], opened: Vec<FanOut>) {
        let is_since = self.since.is_some_and(|since| event.position >= since);
        if is_since {
            self.companions.extend(writes.iter().cloned());
        }
        for fan_out in opened {
            match &fan_out.work {
                FanOutWork::Refill { document, .. } if *document == self.target => {
                    self.fan_outs.retain(|other| !matches!(other.work, FanOutWork::Refill { .. }));
                    self.fan_outs.push(fan_out);
                }
                FanOutWork::Each { .. } if is_since => sweep::open(&mut self.fan_outs, fan_out),
                FanOutWork::Refill { .. } | FanOutWork::Each { .. } => {}
            }
        }
    }
}

fn start_of(checkpoint: &Checkpoint) -> Link {
    Link { history: checkpoint.history, position: Position::START, event_id: None }
}

fn is_selected<P: Projection>(documents: &dyn Lookup<P::Document>, key: &DocumentKey, selector: &Selector) -> bool {
    let Some(Ok(json)) = documents.get(key).map(serde_json::to_value) else { return false };
    let found = selector.field.split('.').try_fold(&json, |value, name| value.get(name));
    match found {
        Some(serde_json::Value::Array(items)) => items.iter().any(|item| item.as_str() == Some(&selector.value)),
        found => found.and_then(serde_json::Value::as_str) == Some(&selector.value),
    }
}

/// Documents, and a note of those that were asked for and are not folded here.
struct Noting<'a, D> {
    others: &'a dyn Lookup<D>,
    known: &'a BTreeSet<DocumentKey>,
    missed: &'a RefCell<BTreeSet<DocumentKey>>,
}

impl<D> Lookup<D> for Noting<'_, D> {
    fn get(&self, key: &DocumentKey) -> Option<&D> {
        if !self.known.contains(key) {
            self.missed.borrow_mut().insert(key.clone());
        }
        self.others.get(key)
    }
}
