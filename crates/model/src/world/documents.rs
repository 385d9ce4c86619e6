//! MongoDB: documents, changes and checkpoint of each generation. A transaction is one step.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use millrace_events::{EventId, History, Position, Revision, UserId, rule};
use millrace_read::projection::{Change, DocumentKey, Projection, Selector};
use millrace_read::store::{Checkpoint, Commit, Committed, Snapshot, Stored};

use super::World;
use crate::checks;
use crate::projection::{Name, Pages, Sheet};
use crate::random::Random;

/// What it has of one projection.
#[derive(Debug)]
pub struct Documents {
    /// All generations that there ever were, by number.
    pub generations: BTreeMap<u32, Generation>,
    /// The one that is served.
    pub served: u32,
    /// More changes than this are too large for a transaction. Those of one command are not.
    pub changes_max: usize,
}

/// One build of a projection.
#[derive(Debug)]
pub struct Generation {
    /// How far it is.
    pub checkpoint: Checkpoint,
    /// The documents.
    pub documents: BTreeMap<DocumentKey, Stored<Sheet>>,
    /// Documents that were parked before they existed.
    pub parked: BTreeMap<DocumentKey, Position>,
    /// The changes that are still kept.
    pub changes: Vec<Change>,
    /// All changes that there ever were. Only checks read it.
    pub every: Vec<Change>,
    /// The events that were folded. Only checks read it.
    pub folded: Vec<EventId>,
    /// Persons whose keys were marked in the bucket before it began. Only checks read it.
    pub began_after: BTreeSet<UserId>,
    /// How often the bucket had lost something by then. Only checks read it.
    pub losses_before: u64,
    transactions: BTreeSet<u64>,
}

impl Generation {
    fn new(number: u32, history: Option<History>) -> Self {
        let checkpoint = Checkpoint {
            history,
            stream: None,
            generation: number,
            fold_version: Pages::FOLD_VERSION,
            revision: Revision::default(),
            seq: 0,
            last_event: None,
            last_at: None,
            open: Vec::new(),
            retired: false,
        };
        Self {
            checkpoint,
            documents: BTreeMap::new(),
            parked: BTreeMap::new(),
            changes: Vec::new(),
            every: Vec::new(),
            folded: Vec::new(),
            began_after: BTreeSet::new(),
            losses_before: 0,
            transactions: BTreeSet::new(),
        }
    }

    /// The last change that is no longer kept.
    pub fn trimmed_to(&self) -> u64 {
        self.changes.first().map_or(self.checkpoint.seq, |first| first.seq - 1)
    }

    /// Documents and checkpoint of this moment.
    pub fn read(&self, keys: &[DocumentKey]) -> Snapshot<Sheet> {
        let found = |key: &DocumentKey| Some((key.clone(), self.documents.get(key)?.clone()));
        let parked = |key: &DocumentKey| Some((key.clone(), *self.parked.get(key)?));
        Snapshot {
            checkpoint: self.checkpoint.clone(),
            documents: keys.iter().filter_map(found).collect::<HashMap<_, _>>(),
            parked: keys.iter().filter_map(parked).collect(),
        }
    }

    /// Selected documents after one, in key order.
    pub fn select(
        &self,
        selector: &Selector,
        done: Option<&DocumentKey>,
        limit: usize,
    ) -> Vec<(DocumentKey, Stored<Sheet>)> {
        let after = |key: &DocumentKey| done.is_none_or(|done| key > done);
        let wanted = |(key, stored): &(&DocumentKey, &Stored<Sheet>)| {
            after(key) && key.kind() == selector.kind && stored.document.has(&selector.field, &selector.value)
        };
        let selected = self.documents.iter().filter(wanted).take(limit);
        selected.map(|(key, stored)| (key.clone(), stored.clone())).collect()
    }

    fn is_at(&self, from: Revision) -> bool {
        let own = self.checkpoint.revision;
        match (rule("checkpoint_cas"), rule("cas_has_n")) {
            (false, _) => true,
            (true, false) => own.position == from.position,
            (true, true) => own == from,
        }
    }

    fn write(&mut self, commit: &Commit<Sheet>) {
        self.checkpoint = commit.checkpoint.clone();
        for (key, stored) in &commit.documents {
            match stored {
                Some(stored) => drop(self.documents.insert(key.clone(), stored.clone())),
                None => drop(self.documents.remove(key)),
            }
        }
        self.parked.extend(commit.parked.iter().cloned());
        self.changes.extend(commit.changes.iter().cloned());
        self.every.extend(commit.changes.iter().cloned());
    }
}

impl Documents {
    /// A store with an empty first generation.
    pub fn new(random: &mut Random) -> Self {
        let generations = BTreeMap::from([(1, Generation::new(1, None))]);
        Self { generations, served: 1, changes_max: random.pick([5, 6, usize::MAX]) }
    }

    /// One generation.
    pub fn generation(&self, number: u32) -> &Generation {
        &self.generations[&number]
    }

    /// The one that is served.
    pub fn current(&self) -> &Generation {
        self.generation(self.served)
    }

    /// Has the next generation served in place of this one, if this one is served. True if it was.
    pub fn supersede(&mut self, generation: u32) -> bool {
        let is_served = self.served == generation;
        if let Some(old) = self.generations.get_mut(&generation).filter(|_| is_served) {
            old.checkpoint.retired = true;
            self.served += 1;
        }
        is_served
    }
}

impl World {
    /// The transaction of a commit. Repeated, it answers what it answered.
    pub fn commit(
        &mut self,
        (of, generation): (Name, u32),
        transaction: u64,
        from: Revision,
        commit: &Commit<Sheet>,
    ) -> Committed {
        let too_large = commit.changes.len() > self.documents(of).changes_max;
        let Some(store) = self.generation_mut(of, generation) else { return Committed::CompareLost };
        if store.transactions.contains(&transaction) {
            return Committed::Yes;
        }
        if too_large {
            self.counts.too_large += 1;
            return Committed::TooLarge;
        }
        if store.checkpoint.retired != commit.checkpoint.retired || !store.is_at(from) {
            self.counts.lost_compares += 1;
            return Committed::CompareLost;
        }
        checks::documents::check_commit(self, of, generation, commit);
        let Some(store) = self.generation_mut(of, generation) else { return Committed::CompareLost };
        store.transactions.insert(transaction);
        store.write(commit);
        self.tell(|world| format!("{} commits {}", world.own_name(), checks::told_commit(of, commit)));
        checks::documents::check_generation(self, of, generation);
        Committed::Yes
    }

    /// Prepares the generation after this one, bound to a history.
    pub fn prepare_next(&mut self, of: Name, generation: u32, history: History) {
        let next = generation + 1;
        let (began_after, losses_before) = (self.nats.marks(), self.nats.losses);
        let prepare = || Generation { began_after, losses_before, ..Generation::new(next, Some(history)) };
        if let Some(documents) = self.stores.get_mut(&of) {
            documents.generations.entry(next).or_insert_with(prepare);
        }
    }

    pub(crate) fn changes_are_trimmed(&mut self) {
        let chosen = self.random.number();
        let of = self.any_projection();
        let served = self.documents(of).served;
        let Some(store) = self.generation_mut(of, served) else { return };
        let Some(place) = usize::try_from(chosen).ok().and_then(|chosen| chosen.checked_rem(store.changes.len()))
        else {
            return;
        };
        let seq = store.changes[place].seq;
        store.changes.drain(..=place);
        self.tell(|_| format!("changes of {of} are trimmed to {seq}"));
    }

    /// A generation, to be written.
    pub fn generation_mut(&mut self, of: Name, number: u32) -> Option<&mut Generation> {
        self.stores.get_mut(&of)?.generations.get_mut(&number)
    }

    /// Any projection. Where there is but one, that is no matter of chance.
    pub(crate) fn any_projection(&mut self) -> Name {
        let all: Vec<Name> = self.stores.keys().copied().collect();
        if let [only] = all[..] { only } else { self.random.one_of(&all).copied().unwrap_or(Pages::NAME) }
    }
}
