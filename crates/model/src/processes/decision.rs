//! What commands decide: persons sign up before they do anything, posts are written, edited, hidden, deleted, and written again.

use crate::plot::Plot;
use crate::world::World;
use crate::world::names::{Thing, user_id};

/// What happens to something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A person comes.
    SignUp,
    /// A person has another name.
    Rename,
    /// A post is written.
    Write,
    /// A post is changed.
    Edit,
    /// A post is deleted.
    Delete,
    /// Only its author may see a post.
    Hide,
    /// Everybody may see a post again.
    Show,
    /// A person is erased, for good.
    Erase,
}

/// What a command on these things makes happen. Of a person who is erased nothing is left to change, but that staff delete a post.
pub fn decide(world: &mut World, things: &[Thing], extra: bool) -> Vec<(Thing, Change)> {
    let mut changes = Vec::new();
    let more = things.first().copied().filter(|_| extra);
    for thing in things.iter().copied().chain(more) {
        let person = Thing::User(thing.person());
        if world.postgres.is_erased(thing.person()) || changes.contains(&(person, Change::Erase)) {
            if matches!(thing, Thing::Post(_)) && exists_after(world, thing, &changes) && world.random.chance(0.5) {
                changes.push((thing, Change::Delete));
            }
            continue;
        }
        let is_new = !world.postgres.tables.keys.contains_key(&user_id(thing.person()));
        if is_new && !changes.contains(&(person, Change::SignUp)) {
            changes.push((person, Change::SignUp));
        }
        let exists = exists_after(world, thing, &changes);
        match thing {
            Thing::User(_) if !is_new && world.wants_erasure() => changes.push((thing, Change::Erase)),
            Thing::User(_) => changes.push((thing, Change::Rename)),
            Thing::Post(_) if !exists => changes.push((thing, Change::Write)),
            Thing::Post(_) if world.random.chance(0.33) => changes.push((thing, Change::Delete)),
            Thing::Post(_) if world.random.chance(0.33) => {
                let is_hidden = is_hidden_after(world, thing, &changes);
                changes.push((thing, if is_hidden { Change::Show } else { Change::Hide }));
            }
            Thing::Post(_) => changes.push((thing, Change::Edit)),
        }
    }
    changes
}

impl World {
    /// True when the time has come.
    fn wants_erasure(&mut self) -> bool {
        let wants = self.erases_at.take_if(|at| *at <= self.now).is_some();
        // Then perhaps the other person.
        self.erases_at = self.erases_at.or((wants && self.faults.plot == Plot::Erasure).then_some(self.now));
        wants
    }
}

fn is_hidden_after(world: &World, thing: Thing, changes: &[(Thing, Change)]) -> bool {
    let last = changes.iter().rev().find(|(changed, change)| *changed == thing && *change != Change::Edit);
    match last {
        Some((_, change)) => *change == Change::Hide,
        None => world.postgres.tables.hidden.contains(&thing),
    }
}

fn exists_after(world: &World, thing: Thing, changes: &[(Thing, Change)]) -> bool {
    match changes.iter().rev().find(|(changed, _)| *changed == thing) {
        Some((_, change)) => *change != Change::Delete,
        None => world.postgres.exists(thing),
    }
}
