//! The stream and the bucket: no event lies where it does not follow, none before its key, and a mark is final.

use std::collections::BTreeSet;

use millrace_events::{Envelope, KeyState, UserId};
use millrace_relay::keys::persons_of;
use millrace_relay::ports::Outgoing;

use crate::world::World;

/// A message that a relay publishes, before it is there. `looked` is when that relay last looked at the stream: what lay there by then
/// it has seen.
pub fn check_next(world: &mut World, message: &Outgoing, looked: u64) {
    let Some(stream) = &world.nats.stream else { return };
    let is_taken = message.expected_last.is_none_or(|expected| expected.0 == stream.last);
    let Ok(event) = serde_json::from_slice::<Envelope>(&message.payload) else { return };
    if !is_taken {
        return;
    }
    let found = does_not_follow(world, &event, looked).or_else(|| lacks_key(world, &event));
    if let Some((invariant, what)) = found {
        world.break_off(invariant, format!("{what}: position {}", event.position));
    }
}

type Found = Option<(&'static str, String)>;

fn does_not_follow(world: &World, event: &Envelope, looked: u64) -> Found {
    let stream = world.nats.stream.as_ref()?;
    let before = stream.messages.get(&stream.last).filter(|before| before.came < looked)?;
    let before = before.envelope.as_ref().filter(|before| before.history == event.history)?;
    let is_misplaced = before.position.0 != stream.last;
    let follows = event.predecessor == Some(before.event_id);
    (!is_misplaced && !follows).then(|| ("L2", "an event is published behind one that it does not follow".to_owned()))
}

/// As long as the bucket lost nothing, and PostgreSQL neither.
fn lacks_key(world: &World, event: &Envelope) -> Found {
    let keys = world.nats.bucket.as_ref().map(|bucket| &bucket.keys);
    let is_there = |person: &UserId| keys.is_some_and(|keys| keys.contains_key(person));
    let lacking = persons_of(event).into_iter().find(|person| !is_there(person))?;
    (world.nats.losses + world.counts.went_back == 0)
        .then(|| ("L4", format!("an event is published before the key of {lacking}")))
}

/// What was marked before is marked now.
pub fn check_marks(world: &mut World, before: &BTreeSet<UserId>) {
    let keys = world.nats.bucket.as_ref().map(|bucket| &bucket.keys);
    let state = |person: &UserId| keys.and_then(|keys| keys.get(person)).map(|(state, _)| state);
    let lost = before.iter().find(|person| state(person).is_none_or(|state| *state != KeyState::Destroyed));
    if let Some(person) = lost {
        world.break_off("L4", format!("the mark of {person} is written over"));
    }
}
