//! What an all-knowing observer notes down: every log that there ever was, and what each command did.

use std::collections::{BTreeMap, BTreeSet};

use millrace_events::seal::persons;
use millrace_events::{CommandId, Envelope, EventId, Position, UserId};
use millrace_read::projection::Audience;

use crate::world::names::{Thing, number_of, user_id};

/// A document's events, by number; `None` if it does not exist.
pub type Body = Option<Vec<u64>>;

/// One log. Putting PostgreSQL back to an older state starts another one.
#[derive(Debug, Clone, Default)]
pub struct Branch {
    /// Events by position.
    pub events: Vec<EventId>,
    /// Each document's states, with the position from which on it was in that state.
    pub states: BTreeMap<Thing, Vec<(Position, Body)>>,
    /// Since when each post has been hidden or shown.
    pub hidden: BTreeMap<Thing, Vec<(Position, bool)>>,
}

/// When a command began and ended, counted in commits.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// Commits before its first lock.
    pub begun: u64,
    /// Its own commit.
    pub done: u64,
}

/// The observer's notes.
#[derive(Debug, Default)]
pub struct Oracle {
    /// All logs, the one of today last.
    pub branches: Vec<Branch>,
    /// Commits so far.
    pub commits: u64,
    /// In which log each idempotency key took effect.
    pub effects: BTreeMap<u64, usize>,
    /// What each command did when.
    pub spans: BTreeMap<CommandId, Span>,
    /// The events by which persons were erased.
    pub erasures: BTreeMap<EventId, UserId>,
    /// The numbers of events in which there is nothing personal.
    pub impersonal: BTreeSet<u64>,
    /// The last event of each command that has a position.
    pub ends: BTreeSet<EventId>,
}

impl Oracle {
    /// Nothing has happened yet.
    pub fn new() -> Self {
        Self { branches: vec![Branch::default()], ..Self::default() }
    }

    /// The log of today.
    pub fn today(&self) -> &Branch {
        &self.branches[self.branches.len() - 1]
    }

    /// An event got the next position.
    pub fn sequenced(&mut self, event: &Envelope) {
        if event.ends_command() {
            self.ends.insert(event.event_id);
        }
        if persons(&event.payload).is_empty() {
            self.impersonal.insert(number_of(event.event_id));
        }
        if let Some(today) = self.branches.last_mut() {
            today.add(event);
        }
    }

    /// The log lost its end.
    pub fn went_back_to(&mut self, length: usize) {
        let shorter = self.today().up_to(length);
        self.branches.push(shorter);
    }

    /// The latest log that begins with these events.
    pub fn log_of(&self, folded: &[EventId]) -> Option<&Branch> {
        self.branches.iter().rev().find(|branch| branch.events.starts_with(folded))
    }
}

impl Branch {
    fn add(&mut self, event: &Envelope) {
        self.events.push(event.event_id);
        let Some(thing) = Thing::of_id(event.aggregate.id) else { return };
        let states = self.states.entry(thing).or_insert_with(|| vec![(Position::START, None)]);
        let before = states.last().and_then(|(_, body)| body.clone());
        let after = match event.name.as_str() {
            "post.deleted" => None,
            _ => {
                let mut body = before.unwrap_or_default();
                body.push(number_of(event.event_id));
                Some(body)
            }
        };
        states.push((event.position, after));
        let hidden = match event.name.as_str() {
            "post.unpublished" => true,
            "post.published" | "post.created" => false,
            _ => return,
        };
        self.hidden.entry(thing).or_default().push((event.position, hidden));
    }

    fn up_to(&self, length: usize) -> Self {
        let mut shorter = self.clone();
        shorter.events.truncate(length);
        let end = Position(length as u64);
        shorter.states.values_mut().for_each(|states| states.retain(|(since, _)| *since <= end));
        shorter.hidden.values_mut().for_each(|moments| moments.retain(|(since, _)| *since <= end));
        shorter
    }

    /// Who may see a document as it was at a position.
    pub fn audience(&self, thing: Thing, at: Position) -> Audience {
        if self.body(thing, at).is_none() {
            return Audience::Nobody;
        }
        let moments = self.hidden.get(&thing).map_or(&[][..], Vec::as_slice);
        let is_hidden = moments.iter().rev().find(|(since, _)| *since <= at).is_some_and(|(_, hidden)| *hidden);
        if is_hidden { Audience::Person(user_id(thing.person())) } else { Audience::Everyone }
    }

    /// A document as it was at a position.
    pub fn body(&self, thing: Thing, at: Position) -> Option<&Vec<u64>> {
        let states = self.states.get(&thing)?;
        states.iter().rev().find(|(since, _)| *since <= at)?.1.as_ref()
    }
}
