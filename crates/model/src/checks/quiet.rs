//! When nothing strikes any more, everybody must get to the end, and stay there.

use millrace_events::Position;
use millrace_relay::message::is_copy_of;
use millrace_relay::ports::StreamMessage;

use super::{documents, live};
use crate::projection::{Name, is_in};
use crate::world::World;
use crate::world::names::Thing;
use crate::world::redis::Entry;

/// What faults left behind, a late deletion and a new history may each have cost a stream, twice if both relays did it.
const STREAMS_AFTER_FAULTS_MAX: u64 = 5;

/// Why it is not quiet yet; none if it is.
pub fn why_not(world: &World) -> Option<String> {
    let waiting = world.clients_left;
    why_not_written(world)
        .or_else(|| why_not_copied(world))
        .or_else(|| world.stores.keys().find_map(|of| why_not_folded(world, of)))
        .or_else(|| (waiting > 0).then(|| format!("{waiting} clients still wait")))
        .or_else(|| live::why_not_attached(world))
}

fn why_not_written(world: &World) -> Option<String> {
    let waiting = world.postgres.tables.outbox.len();
    (waiting > 0).then(|| format!("{waiting} events have no position"))
}

fn why_not_copied(world: &World) -> Option<String> {
    let head = world.postgres.head();
    let Some(stream) = &world.nats.stream else { return Some("there is no stream".to_owned()) };
    if stream.last != head.position.0 || stream.messages.len() as u64 != stream.last {
        return Some(format!("stream at {} with {}, log at {}", stream.last, stream.messages.len(), head.position));
    }
    let log = world.postgres.read(Position::START, usize::MAX);
    let other = log.iter().zip(&stream.messages).find(|(event, (sequence, stored))| {
        let message = StreamMessage { sequence: Position(**sequence), payload: stored.payload.clone() };
        !is_copy_of(&message, event)
    });
    if let Some((event, _)) = other {
        return Some(format!("L2 the stream holds another event than the log at {}", event.position));
    }
    let keys = world.nats.bucket.as_ref().map(|bucket| &bucket.keys);
    let lacks =
        world.postgres.tables.keys.iter().find(|(person, (state, _))| {
            keys.and_then(|keys| keys.get(person)).is_none_or(|(found, _)| found != state)
        });
    lacks.map(|(person, _)| format!("the bucket does not have the key of {person}"))
}

fn why_not_folded(world: &World, of: Name) -> Option<String> {
    let (head, checkpoint) = (world.postgres.head(), &world.documents(of).current().checkpoint);
    if checkpoint.revision.position != head.position || !checkpoint.open.is_empty() {
        let open = checkpoint.open.len();
        return Some(format!("checkpoint {} of {}, {open} fan-outs open", checkpoint.revision, head.position));
    }
    match world.redis.heads.get(of).copied() {
        Some(head) if head.revision == checkpoint.revision && head.generation == checkpoint.generation => None,
        head => Some(format!("Redis at {head:?}, MongoDB at {}", checkpoint.revision)),
    }
}

/// The last comparison.
pub fn check_end(world: &mut World) {
    let all: Vec<Name> = world.stores.keys().copied().collect();
    for of in all {
        let served = world.documents(of).served;
        documents::check_generation(world, of, served);
        let mut things = Thing::all().filter(|thing| is_in(of, *thing));
        if let Some(what) = things.find_map(|thing| why_cached_otherwise(world, of, thing)) {
            world.break_off("C1", what);
        }
    }
    let streams = world.counts.streams - world.streams_at_calm;
    if streams > STREAMS_AFTER_FAULTS_MAX {
        world.break_off("L2", format!("the stream was made anew {streams} times though nothing strikes"));
    }
}

fn why_cached_otherwise(world: &World, of: Name, thing: Thing) -> Option<String> {
    let head = world.redis.heads.get(of)?;
    let entry = world.redis.entries.get(&(of, head.generation, head.namespace, thing.key()))?;
    let Entry::Document(revision, cached) = entry else { return None };
    let stored = world.documents(of).current().documents.get(&thing.key());
    let json = stored.and_then(|stored| serde_json::to_string(&stored.document).ok());
    (cached.as_deref() != json.as_deref())
        .then(|| format!("the cache keeps {thing} as {cached:?} of {revision}, MongoDB has {json:?}"))
}
