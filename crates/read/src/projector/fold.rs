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

/// Events as they come, each with what it concerns: that is plain to see also while its personal data is sealed, so that nobody waits
/// for a key of no use to them, or asks for it.
#[derive(Debug)]
pub struct Sighted(Vec<Sight>);

#[derive(Debug)]
enum Sight {
    /// Nothing of it is sealed, or nothing of it concerns the projection.
    Plain(Box<Recorded>, Touches),
    Sealed(Box<Envelope>, Touches),
    Unfit(Alarm),
}

impl Sighted {
    /// Looks at each.
    pub fn of<P: Projection>(envelopes: Vec<Envelope>) -> Self {
        Self(envelopes.into_iter().map(|envelope| sight::<P>(envelope).unwrap_or_else(Sight::Unfit)).collect())
    }

    /// The persons whose keys are needed.
    pub fn persons(&self) -> BTreeSet<UserId> {
        let sealed = self.0.iter().filter_map(|sight| match sight {
            Sight::Sealed(envelope, _) => Some(&envelope.payload),
            _ => None,
        });
        sealed.flat_map(seal::persons).collect()
    }

    /// The documents that the events concern, each once.
    pub fn wanted(&self) -> Vec<DocumentKey> {
        let touches = self.0.iter().filter_map(|sight| match sight {
            Sight::Plain(_, touches) | Sight::Sealed(_, touches) => Some(touches),
            Sight::Unfit(_) => None,
        });
        let keys = touches.flat_map(|touches| touches.writes.iter().chain(&touches.reads));
        keys.collect::<BTreeSet<_>>().into_iter().cloned().collect()
    }
}

impl Batch {
    /// Opens what is sealed. At the first event that resists, the batch ends before that event's command; if that leaves nothing, it
    /// says why. No events, no batch.
    pub fn open(
        sighted: Sighted,
        history: History,
        keys: &HashMap<UserId, KeyState>,
    ) -> Result<Option<Self>, Unopened> {
        let mut events: Vec<(Recorded, Touches)> = Vec::with_capacity(sighted.0.len());
        for sight in sighted.0 {
            match open_one(sight, keys) {
                Ok(opened) => events.push(opened),
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
            if touches.is_empty() {
                continue;
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

fn sight<P: Projection>(mut envelope: Envelope) -> Result<Sight, Alarm> {
    if seal::persons(&envelope.payload).is_empty() {
        let recorded = decode(envelope)?;
        let touches = P::touches(&recorded);
        return Ok(Sight::Plain(Box::new(recorded), touches));
    }
    let sealed = envelope.clone();
    let (position, event_id) = (envelope.position, envelope.event_id);
    seal::open(&mut envelope.payload, event_id, &|_| Some(KeyState::Destroyed))
        .map_err(|source| Alarm::Unopenable { position, source })?;
    let erased = decode(envelope)?;
    let touches = P::touches(&erased);
    if touches.is_empty() {
        return Ok(Sight::Plain(Box::new(erased), touches));
    }
    Ok(Sight::Sealed(Box::new(sealed), touches))
}

fn open_one(sight: Sight, keys: &HashMap<UserId, KeyState>) -> Result<(Recorded, Touches), Unopened> {
    match sight {
        Sight::Plain(recorded, touches) => Ok((*recorded, touches)),
        Sight::Unfit(alarm) => Err(Unopened::Alarm(alarm)),
        Sight::Sealed(envelope, touches) => Ok((opened(*envelope, keys)?, touches)),
    }
}

/// Opens what is sealed in one event, and decodes it.
pub(crate) fn opened(mut envelope: Envelope, keys: &HashMap<UserId, KeyState>) -> Result<Recorded, Unopened> {
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
    decode(envelope).map_err(Unopened::Alarm)
}

fn decode(envelope: Envelope) -> Result<Recorded, Alarm> {
    let position = envelope.position;
    envelope.decode().map_err(|source| Alarm::Undecodable { position, source })
}

/// The persons whose keys these events need, if all of them are to be opened.
pub(crate) fn persons<'a>(envelopes: impl IntoIterator<Item = &'a Envelope>) -> BTreeSet<UserId> {
    envelopes.into_iter().flat_map(|envelope| seal::persons(&envelope.payload)).collect()
}

fn drop_half_command(events: &mut Vec<(Recorded, Touches)>) {
    let ends_command = |(event, _): &(Recorded, Touches)| event.command_index + 1 >= event.command_count;
    let whole = events.iter().rposition(ends_command).map_or(0, |last| last + 1);
    events.truncate(whole);
}
