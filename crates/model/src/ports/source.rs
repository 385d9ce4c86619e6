//! The projector's port to NATS: messages may come twice, out of order, or with holes.

use std::collections::{BTreeSet, HashMap};

use millrace_events::{KeyState, Position, UserId};
use millrace_read::projector::{Beat, Content, Message, Source, SourceError, StreamState, Wanted};

use super::stream::Missing;
use crate::sim::Sim;
use crate::world::World;
use crate::world::nats::{Stored, Stream};

/// How often an answer begins too early, is out of order, or lacks something.
const ODD_ANSWERS: f64 = 0.1;

/// A connection to NATS.
pub struct SourcePort(pub Sim);

impl Source for SourcePort {
    async fn state(&self) -> Result<StreamState, SourceError> {
        let look = |world: &mut World| {
            let stream = world.nats.stream.as_ref().ok_or(Missing)?;
            let identity = stream.identity.to_string();
            Ok::<_, Missing>(StreamState { identity, history: stream.history, last: Position(stream.last) })
        };
        Ok(self.0.ask(look).await??)
    }

    async fn message(&self, position: Position) -> Result<Option<Message>, SourceError> {
        let find = |world: &mut World| {
            let stream = world.nats.stream.as_ref().ok_or(Missing)?;
            let found = stream.messages.get(&position.0);
            Ok::<_, Missing>(found.map(|stored| message(position.0, stored)))
        };
        Ok(self.0.ask(find).await??)
    }

    async fn after(&self, position: Position, wanted: Wanted) -> Result<Vec<Message>, SourceError> {
        let found = self.0.ask(|world| fetch(world, position, wanted)).await??;
        if found.is_empty() && wanted.wait {
            self.0.nap(20).await;
        }
        Ok(found)
    }

    async fn keys(&self, persons: &BTreeSet<UserId>) -> Result<HashMap<UserId, KeyState>, SourceError> {
        let find = |world: &mut World| {
            let bucket = world.nats.bucket.as_ref().ok_or(Missing)?;
            let found = persons.iter().filter_map(|person| Some((*person, bucket.keys.get(person)?.0.clone())));
            Ok::<_, Missing>(found.collect())
        };
        Ok(self.0.ask(find).await??)
    }

    fn beat(&self) -> Option<Beat> {
        self.0.with(|world| world.nats.beat.clone())
    }
}

fn fetch(world: &mut World, after: Position, wanted: Wanted) -> Result<Vec<Message>, Missing> {
    let is_odd = |world: &mut World| world.faults.strike && world.random.chance(ODD_ANSWERS);
    let start = if is_odd(world) { after.0.saturating_sub(world.random.below(3)) } else { after.0 };
    let most = usize::try_from(world.random.pick([1, 2, 5, 12])).unwrap_or(1).min(wanted.messages);
    let mut found = messages(world.nats.stream.as_ref().ok_or(Missing)?, start, most);
    if is_odd(world) {
        world.random.shuffle(&mut found);
    }
    if is_odd(world) && found.len() > 1 {
        found.remove(world.random.index(found.len()));
    }
    Ok(found)
}

fn messages(stream: &Stream, after: u64, most: usize) -> Vec<Message> {
    let found = stream.messages.range(after + 1..).take(most);
    found.map(|(sequence, stored)| message(*sequence, stored)).collect()
}

fn message(sequence: u64, stored: &Stored) -> Message {
    let content = match &stored.envelope {
        Some(envelope) => Content::Event(Box::new(envelope.clone())),
        None => Content::Stranger,
    };
    Message { sequence: Position(sequence), bytes: stored.payload.len(), content }
}
