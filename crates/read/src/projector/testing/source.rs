//! The stream in memory. With dice it repeats, reorders, leaves out and fails.

use super::{Dice, TestLog};
use crate::projector::source::{Beat, Content, Message, Source, SourceError, StreamState, Wanted};
use millrace_events::{History, KeyState, Position, UserId};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

#[derive(Debug, Clone, Default)]
pub struct MemorySource(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    identity: u64,
    history: Option<History>,
    messages: BTreeMap<Position, Message>,
    last: Position,
    keys: HashMap<UserId, KeyState>,
    beat: Option<Beat>,
    dice: Option<Dice>,
}

impl MemorySource {
    pub fn of(log: &TestLog) -> Self {
        let source = Self::default();
        source.replace(log);
        source
    }

    /// The stream is deleted and made anew with this log.
    pub fn replace(&self, log: &TestLog) {
        let mut inner = self.0.lock().unwrap();
        inner.identity += 1;
        inner.history = Some(log.history);
        inner.messages = log.messages().into_iter().map(|message| (message.sequence, message)).collect();
        inner.last = Position(log.events.len() as u64);
        inner.keys = log.keys.clone();
    }

    /// From now on it misbehaves.
    pub fn misbehave(&self, dice: Dice) {
        self.0.lock().unwrap().dice = Some(dice);
    }

    /// From now on it behaves.
    pub fn behave(&self) {
        self.0.lock().unwrap().dice = None;
    }

    pub fn set_key(&self, person: UserId, state: Option<KeyState>) {
        let mut inner = self.0.lock().unwrap();
        match state {
            Some(state) => drop(inner.keys.insert(person, state)),
            None => drop(inner.keys.remove(&person)),
        }
    }

    pub fn set_beat(&self, beat: Beat) {
        self.0.lock().unwrap().beat = Some(beat);
    }

    /// Loses a message in the middle.
    pub fn lose(&self, position: u64) {
        self.0.lock().unwrap().messages.remove(&Position(position));
    }

    pub fn put_stranger(&self, position: u64) {
        let message = Message { sequence: Position(position), bytes: 1, content: Content::Stranger };
        let mut inner = self.0.lock().unwrap();
        inner.messages.insert(Position(position), message);
        inner.last = inner.last.max(Position(position));
    }

    pub fn put(&self, message: Message) {
        let mut inner = self.0.lock().unwrap();
        inner.last = inner.last.max(message.sequence);
        inner.messages.insert(message.sequence, message);
    }
}

impl Inner {
    fn fails(&mut self) -> Result<(), SourceError> {
        let fails = self.dice.as_mut().is_some_and(|dice| dice.one_in(12));
        if fails { Err("the connection broke".into()) } else { Ok(()) }
    }

    fn deliver(&mut self, position: Position, wanted: Wanted) -> Vec<Message> {
        let Some(dice) = self.dice.as_mut() else {
            return self.messages.range(position.next()..).take(wanted.messages).map(|(_, m)| m.clone()).collect();
        };
        let from = Position(position.0.saturating_sub(dice.roll(3)));
        let count = 1 + dice.roll(6) as usize;
        let mut messages: Vec<Message> =
            self.messages.range(from.next()..).take(count.min(wanted.messages)).map(|(_, m)| m.clone()).collect();
        if messages.len() > 1 && dice.one_in(4) {
            let (a, b) = (dice.roll(messages.len() as u64) as usize, dice.roll(messages.len() as u64) as usize);
            messages.swap(a, b);
        }
        if messages.len() > 1 && dice.one_in(5) {
            let lost = dice.roll(messages.len() as u64) as usize;
            messages.remove(lost);
        }
        messages
    }
}

impl Source for MemorySource {
    async fn state(&self) -> Result<StreamState, SourceError> {
        let mut inner = self.0.lock().unwrap();
        inner.fails()?;
        Ok(StreamState { identity: inner.identity.to_string(), history: inner.history, last: inner.last })
    }

    async fn message(&self, position: Position) -> Result<Option<Message>, SourceError> {
        let mut inner = self.0.lock().unwrap();
        inner.fails()?;
        Ok(inner.messages.get(&position).cloned())
    }

    async fn after(&self, position: Position, wanted: Wanted) -> Result<Vec<Message>, SourceError> {
        let mut inner = self.0.lock().unwrap();
        inner.fails()?;
        Ok(inner.deliver(position, wanted))
    }

    async fn keys(&self, persons: &BTreeSet<UserId>) -> Result<HashMap<UserId, KeyState>, SourceError> {
        let mut inner = self.0.lock().unwrap();
        inner.fails()?;
        Ok(persons.iter().filter_map(|person| Some((*person, inner.keys.get(person)?.clone()))).collect())
    }

    fn beat(&self) -> Option<Beat> {
        self.0.lock().unwrap().beat.clone()
    }
}
