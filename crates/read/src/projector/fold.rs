//! Folding a batch of events: pure.

use super::alarm::{Alarm, Obstacle};
use super::draft::{Cause, Draft, Drafted};
use super::state::States;
use super::sweep;
use crate::projection::{DocumentKey, Projection, Touches};
use crate::store::Checkpoint;
use millrace_events::seal::{self, SealError};
use millrace_events::{
    CommandId, Envelope, EventId, History, KeyState, Position, Recorded, Revision, Timestamp, UserId, rule,
};
use std::collections::{BTreeSet, HashMap};

/// Events that can be folded, and the documents that each concerns. It never ends inside a command.
#[derive(Debug)]
pub struct Batch {
    events: Vec<(Recorded, Touches)>,
    history: History,
    position: Position,
    event_id: EventId,
    at: Timestamp,
}

/// Why the first command cannot be folded.
#[derive(Debug)]
pub enum Unopened {
    /// Wait.
    Obstacle(Obstacle),
    /// Stop.
    Alarm(Alarm),
}

impl Batch {
    /// Opens what is sealed and decodes. At the first event that resists, the batch ends before that event's command;
    /// if that leaves nothing, it says why. No envelopes, no batch.
    pub fn open<P: Projection>(
        envelopes: Vec<Envelope>,
        keys: &HashMap<UserId, KeyState>,
    ) -> Result<Option<Self>, Unopened> {
        let Some(history) = envelopes.first().map(|envelope| envelope.history) else { return Ok(None) };
        let mut events: Vec<(Recorded, Touches)> = Vec::with_capacity(envelopes.len());
        for envelope in envelopes {
            match open_one(envelope, keys) {
                Ok(recorded) => {
                    let touches = P::touches(&recorded);
                    events.push((recorded, touches));
                }
                Err(unopened) => {
                    drop_half_command(&mut events);
                    if events.is_empty() {
                        return Err(unopened);
                    }
                    break;
                }
            }
        }
        let Some((last, _)) = events.last() else { return Ok(None) };
        let (position, event_id, at) = (last.position, last.event_id, last.at);
        Ok(Some(Self { events, history, position, event_id, at }))
    }

    /// How many events it has.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// False: there is at least one event.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The command, if all events are of one.
    pub fn only_command(&self) -> Option<CommandId> {
        let mut commands = self.events.iter().map(|(event, _)| event.command_id);
        let first = commands.next()?;
        commands.all(|command| command == first).then_some(first)
    }

    /// The documents that the events concern, each once.
    pub fn wanted(&self) -> Vec<DocumentKey> {
        let keys = self.events.iter().flat_map(|(_, touches)| touches.writes.iter().chain(&touches.reads));
        keys.collect::<BTreeSet<_>>().into_iter().cloned().collect()
    }

    /// Folds the events over their documents.
    pub fn fold<P: Projection>(
        &self,
        from: &Checkpoint,
        stream: Option<String>,
        states: States<P::Document>,
    ) -> Drafted<P::Document> {
        let mut draft = Draft::<P>::begin(from, Revision::at(self.position), states);
        let mut open = from.open.clone();
        for (event, touches) in &self.events {
            let cause = Cause::event(event);
            for key in &touches.writes {
                draft.change(&cause, key, |document, others| P::apply(event, key, document, others));
            }
            for fan_out in P::fan_outs(event, draft.documents()) {
                sweep::open(&mut open, fan_out);
            }
        }
        draft.finish(Checkpoint {
            history: Some(self.history),
            stream: stream.or_else(|| from.stream.clone()),
            last_event: Some(self.event_id),
            last_at: Some(self.at),
            open,
            ..from.clone()
        })
    }
}

/// The persons whose keys these events need.
pub fn persons<'a>(envelopes: impl IntoIterator<Item = &'a Envelope>) -> BTreeSet<UserId> {
    envelopes.into_iter().flat_map(|envelope| seal::persons(&envelope.payload)).collect()
}

/// Opens what is sealed in one event, and decodes it.
pub(crate) fn open_one(mut envelope: Envelope, keys: &HashMap<UserId, KeyState>) -> Result<Recorded, Unopened> {
    let position = envelope.position;
    let key_of = |person| match keys.get(&person) {
        None if !rule("absent_key_waits") => Some(KeyState::Destroyed),
        found => found.cloned(),
    };
    match seal::open(&mut envelope.payload, envelope.event_id, &key_of) {
        Ok(()) => {}
        Err(SealError::KeyAbsent(person)) => return Err(Unopened::Obstacle(Obstacle::KeyAbsent(person))),
        Err(source) => return Err(Unopened::Alarm(Alarm::Unopenable { position, source })),
    }
    envelope.decode().map_err(|source| Unopened::Alarm(Alarm::Undecodable { position, source }))
}

fn drop_half_command(events: &mut Vec<(Recorded, Touches)>) {
    let ends_command = |(event, _): &(Recorded, Touches)| event.command_index + 1 >= event.command_count;
    let whole = events.iter().rposition(ends_command).map_or(0, |last| last + 1);
    events.truncate(whole);
}
