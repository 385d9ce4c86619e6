//! What a fold writes, while it is being made: pure. Documents are changed on copies, so that a commit that fails leaves nothing behind.

use super::state::{State, States};
use crate::projection::{
    Audience, Change, ChangeKind, Document, DocumentKey, ERASURE, FanOut, Lookup, Projection, Unfoldable,
};
use crate::store::{Checkpoint, Commit, DeadLetter};
use millrace_events::{CommandId, Event, Position, Recorded, Revision, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The name under which a repaired document's change is told.
pub const REFOLD: &str = "refold";

/// What a change is told under.
#[derive(Debug, Clone, Copy)]
pub struct Cause<'a> {
    position: Position,
    event: &'a str,
    command_id: CommandId,
    at: Timestamp,
    erases: bool,
}

impl<'a> Cause<'a> {
    /// An event.
    pub fn event(event: &Recorded) -> Cause<'static> {
        let (name, erases) = (event.event.kind().name(), matches!(event.event, Event::UserErased(_)));
        Cause { position: event.position, event: name, command_id: event.command_id, at: event.at, erases }
    }

    /// The repair of a document that this event was the last to concern.
    pub fn of_refold(&self) -> Cause<'static> {
        let Self { position, command_id, at, erases, .. } = *self;
        Cause { position, event: REFOLD, command_id, at, erases }
    }

    /// A fan-out: its changes belong to the event that opened it, under the fan-out's own name.
    pub fn fan_out(fan_out: &'a FanOut) -> Self {
        let (event, erases) = (&*fan_out.task, fan_out.task == ERASURE);
        Cause { position: fan_out.position, event, command_id: fan_out.command_id, at: fan_out.at, erases }
    }
}

/// A commit, and the documents as they are after it.
#[derive(Debug, Clone)]
pub struct Drafted<D> {
    /// What is written.
    pub commit: Commit<D>,
    /// All documents that were at hand, changed or not.
    pub states: States<D>,
}

/// A commit that is being made.
pub struct Draft<P: Projection> {
    revision: Revision,
    seq: u64,
    states: States<P::Document>,
    /// The documents that are written, each as it was before.
    before: BTreeMap<DocumentKey, Arc<State<P::Document>>>,
    changes: Vec<Change>,
    dead_letters: Vec<DeadLetter>,
    repaired: Vec<DocumentKey>,
}

impl<P: Projection> Draft<P> {
    /// Begins a commit that leads from a checkpoint to a revision, over these documents.
    pub fn begin(from: &Checkpoint, revision: Revision, states: States<P::Document>) -> Self {
        Self {
            revision,
            seq: from.seq,
            states,
            before: BTreeMap::new(),
            changes: Vec::new(),
            dead_letters: Vec::new(),
            repaired: Vec::new(),
        }
    }

    /// The documents as they are by now.
    pub fn documents(&self) -> &dyn Lookup<P::Document> {
        &self.states
    }

    /// Changes one document. A parked one is left as it is, but for what it holds of an erased person; one that cannot be changed is
    /// parked.
    pub fn change(
        &mut self,
        cause: &Cause<'_>,
        key: &DocumentKey,
        apply: impl FnOnce(&mut Option<P::Document>, &dyn Lookup<P::Document>) -> Result<(), Unfoldable>,
    ) {
        let before = self.states.state(key).cloned().unwrap_or_else(|| Arc::new(State::absent()));
        let broken_since = before.broken_since;
        if broken_since.is_some() && !cause.erases {
            return;
        }
        let mut document = before.document.clone();
        let applied = apply(&mut document, &self.states);
        let revision = self.revision;
        match applied {
            Ok(()) if document == before.document => {}
            Ok(()) => self.set(cause, key, before, State { revision, broken_since, document }),
            Err(unfoldable) => self.park(cause, key, before, &unfoldable),
        }
    }

    /// Sets a document to what it is when it is folded anew. If it was parked, it is no longer.
    pub fn replace(&mut self, cause: &Cause<'_>, key: &DocumentKey, document: Option<P::Document>) {
        let before = self.states.state(key).cloned().unwrap_or_else(|| Arc::new(State::absent()));
        if before.broken_since.is_none() && before.document == document {
            return;
        }
        if before.broken_since.is_some() {
            self.repaired.push(key.clone());
        }
        let revision = self.revision;
        self.set(cause, key, before, State { revision, broken_since: None, document });
    }

    /// True if nothing is written.
    pub fn is_empty(&self) -> bool {
        self.before.is_empty()
    }

    /// The commit, once everything is changed; `checkpoint` has all but the number of changes.
    pub fn finish(self, checkpoint: Checkpoint) -> Drafted<P::Document> {
        let mut commit = Commit {
            checkpoint: Checkpoint { seq: self.seq, revision: self.revision, ..checkpoint },
            documents: Vec::with_capacity(self.before.len()),
            parked: Vec::new(),
            changes: self.changes,
            dead_letters: self.dead_letters,
            repaired: self.repaired,
        };
        for (key, before) in self.before {
            let Some(state) = self.states.state(&key) else { continue };
            match (state.stored(), state.broken_since) {
                (Some(stored), _) => commit.documents.push((key, Some(stored))),
                (None, Some(since)) => commit.parked.push((key, since)),
                (None, None) if before.document.is_some() || before.broken_since.is_some() => {
                    commit.documents.push((key, None))
                }
                (None, None) => {}
            }
        }
        Drafted { commit, states: self.states }
    }

    fn park(&mut self, cause: &Cause<'_>, key: &DocumentKey, before: Arc<State<P::Document>>, unfoldable: &Unfoldable) {
        self.dead_letters.push(DeadLetter {
            key: key.clone(),
            position: cause.position,
            event: cause.event.to_owned(),
            reason: unfoldable.reason.to_owned(),
        });
        let document = before.document.clone();
        let parked = State { revision: self.revision, broken_since: Some(cause.position), document };
        self.set(cause, key, before, parked);
    }

    fn set(
        &mut self,
        cause: &Cause<'_>,
        key: &DocumentKey,
        before: Arc<State<P::Document>>,
        after: State<P::Document>,
    ) {
        if let Some(kind) = change_kind(before.document.as_ref(), after.document.as_ref()) {
            self.seq += 1;
            self.changes.push(Change {
                seq: self.seq,
                position: cause.position,
                revision: self.revision,
                key: key.clone(),
                kind,
                event: cause.event.to_owned(),
                command_id: cause.command_id,
                at: cause.at,
                topics: topics::<P>(key, &before).union(&topics::<P>(key, &after)).cloned().collect(),
                audience_before: audience::<P>(key, &before),
                audience_after: audience::<P>(key, &after),
            });
        }
        self.states.set(key.clone(), Arc::new(after));
        self.before.entry(key.clone()).or_insert(before);
    }
}

/// A document that was parked changes also: it is stale from now on. One that never existed does not.
fn change_kind<D: Document>(before: Option<&D>, after: Option<&D>) -> Option<ChangeKind> {
    match (before, after) {
        (None, Some(_)) => Some(ChangeKind::Created),
        (Some(_), Some(_)) => Some(ChangeKind::Changed),
        (Some(_), None) => Some(ChangeKind::Removed),
        (None, None) => None,
    }
}

fn topics<P: Projection>(key: &DocumentKey, state: &State<P::Document>) -> BTreeSet<String> {
    state.document.as_ref().map(|document| P::topics(key, document)).unwrap_or_default()
}

fn audience<P: Projection>(key: &DocumentKey, state: &State<P::Document>) -> Audience {
    state.document.as_ref().map_or(Audience::Nobody, |document| P::audience(key, document))
}
