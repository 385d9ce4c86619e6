//! The log: positions without gap or double, commands in one piece, versions in order, causes before effects.

use millrace_events::Envelope;

use super::told;
use crate::world::World;

/// An event that is about to get the next position.
pub fn check_next(world: &mut World, event: &Envelope) {
    let found = contiguous(world, event).or_else(|| versions(world, event)).or_else(|| causes(world, event));
    if let Some((invariant, what)) = found {
        world.break_off(invariant, what);
    }
}

/// A command that changes something, at its commit: in this log none with the same idempotency key has.
pub fn check_once(world: &mut World, key: u64) {
    let today = world.oracle.branches.len();
    if world.oracle.effects.insert(key, today) == Some(today) {
        world.break_off("I1", format!("the command with key {key} takes effect twice"));
    }
}

type Found = Option<(&'static str, String)>;

fn contiguous(world: &World, event: &Envelope) -> Found {
    let last = world.postgres.tables.log.last();
    let goes_on =
        last.is_some_and(|last| last.command_id == event.command_id && last.command_index + 1 == event.command_index);
    let begins = event.command_index == 0 && last.is_none_or(Envelope::ends_command);
    let holds = if event.command_index == 0 { begins } else { goes_on };
    (!holds).then(|| ("L1", format!("the events of one command are not together: {}", told(event))))
}

fn versions(world: &World, event: &Envelope) -> Found {
    let log = &world.postgres.tables.log;
    let before = log.iter().rev().find(|before| before.aggregate.id == event.aggregate.id);
    let last = before.map_or(0, |before| before.aggregate.version);
    let holds = event.aggregate.version == last + 1;
    (!holds).then(|| ("L4", format!("{} comes after version {last}", told(event))))
}

fn causes(world: &World, event: &Envelope) -> Found {
    let span = world.oracle.spans.get(&event.command_id)?;
    let effect = world.postgres.tables.log.iter().find(|before| {
        let other = world.oracle.spans.get(&before.command_id);
        before.command_id != event.command_id && other.is_some_and(|other| other.begun >= span.done)
    })?;
    Some(("L3", format!("{} lies before its cause {}", told(effect), told(event))))
}
