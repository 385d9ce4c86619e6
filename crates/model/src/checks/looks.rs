//! Who has looked has seen: whatever a relay says it has compared, and whatever a projector goes on from.

use millrace_events::{EventId, Position};

use crate::projection::Name;
use crate::world::World;
use crate::world::nats::Stored;

/// The event that lies in the stream at a generation's checkpoint, if it is another one than was folded.
pub fn other_at_checkpoint(world: &World, of: Name, generation: u32) -> Option<EventId> {
    let checkpoint = &world.documents(of).generation(generation).checkpoint;
    let (own, position) = (checkpoint.history?, checkpoint.revision.position);
    let stream = world.nats.stream.as_ref().filter(|stream| stream.history == Some(own))?;
    let event = stream.messages.get(&position.0)?.envelope.as_ref()?;
    let is_in_place = event.history == own && event.position == position;
    (is_in_place && Some(event.event_id) != checkpoint.last_event).then_some(event.event_id)
}

/// A projector has verified stream and checkpoint, and goes on. `other` lay at its checkpoint when it began to look.
pub fn check_verified(world: &mut World, of: Name, generation: u32, other: Option<EventId>) {
    if other.is_some() && other_at_checkpoint(world, of, generation) == other {
        world.break_off("L5", format!("{} goes on, though another event lies at its checkpoint", world.own_name()));
    }
}

/// A relay says that it has compared everything up to `after`; before a round that began at the step `begun` it said `before`.
pub fn check_compared(world: &mut World, before: Option<Position>, after: Option<Position>, begun: u64) {
    let is_news = |after: &Position| *after > Position::START && before != Some(*after);
    let Some(after) = after.filter(is_news) else { return };
    // Less than before: it has begun anew.
    let before = before.filter(|before| *before < after).unwrap_or_default();
    let Some(stream) = &world.nats.stream else { return };
    let mut compared = stream.messages.range(before.0 + 1..=after.0).filter(|(_, stored)| stored.came < begun);
    if let Some((sequence, _)) = compared.find(|(sequence, stored)| !is_of_a_log(world, **sequence, stored)) {
        let what = format!("{} says that it has compared {sequence}, which no log ever had", world.own_name());
        world.break_off("L2", what);
    }
}

fn is_of_a_log(world: &World, sequence: u64, stored: &Stored) -> bool {
    let Some(event) = stored.envelope.as_ref().filter(|event| event.position.0 == sequence) else { return false };
    let Ok(index) = usize::try_from(sequence - 1) else { return false };
    world.oracle.branches.iter().any(|branch| branch.events.get(index) == Some(&event.event_id))
}
