//! MongoDB at each commit: the checkpoint moves forward only, and documents are the fold of one log up to it.

use millrace_events::{EventId, Position, rule};
use millrace_read::projection::Projection;
use millrace_read::store::{Checkpoint, Commit, Stored};

use crate::oracle::Branch;
use crate::projection::{Mark, Name, Pages, Sheet, is_in};
use crate::world::World;
use crate::world::documents::Generation;
use crate::world::names::{Thing, user_id};

type Checked = Result<(), (&'static str, String)>;

/// A commit that has won its compare.
pub fn check_commit(world: &mut World, of: Name, generation: u32, commit: &Commit<Sheet>) {
    if let Err((invariant, what)) = follows(&world.documents(of).generation(generation).checkpoint, commit) {
        world.break_off(invariant, what);
    }
}

/// A generation as it is after a commit.
pub fn check_generation(world: &mut World, of: Name, number: u32) {
    let checked = extend_folded(world, of, number).and_then(|()| is_fold_of_log(world, of, number));
    if let Err((invariant, what)) = checked {
        world.break_off(invariant, what);
    }
}

/// The log that a generation has folded a beginning of.
pub fn log_of(world: &World, of: Name, generation: u32) -> Option<&Branch> {
    world.oracle.log_of(&world.documents(of).generation(generation).folded)
}

fn follows(before: &Checkpoint, commit: &Commit<Sheet>) -> Checked {
    let after = &commit.checkpoint;
    let stays = after.revision == before.revision && !rule("chunk_moves_revision");
    if after.revision <= before.revision && !stays {
        return Err(("P2", format!("the checkpoint went from {} to {}", before.revision, after.revision)));
    }
    let seqs: Vec<u64> = commit.changes.iter().map(|change| change.seq).collect();
    if !seqs.iter().copied().eq(before.seq + 1..=after.seq) {
        return Err(("P2", format!("changes {seqs:?} lead from {} to {}", before.seq, after.seq)));
    }
    if let Some(letter) = commit.dead_letters.first() {
        return Err(("P5", format!("{} is parked: {}", letter.key, letter.reason)));
    }
    Ok(())
}

/// Which events were folded is told by the last one, and by what was folded before: they must lie in one log.
fn extend_folded(world: &mut World, of: Name, number: u32) -> Checked {
    let store = world.documents(of).generation(number);
    let Position(end) = store.checkpoint.revision.position;
    let end = usize::try_from(end).unwrap_or(usize::MAX);
    let last = store.checkpoint.last_event;
    let one_log = |branch: &&Branch| {
        branch.events.len() >= end
            && branch.events.starts_with(&store.folded)
            && branch.events[..end].last().copied() == last
    };
    let events: Option<Vec<EventId>> =
        world.oracle.branches.iter().rev().find(one_log).map(|branch| branch.events[..end].to_vec());
    let Some(events) = events else {
        return Err(("L5", format!("silent merge: what was folded up to {end} is the beginning of no log")));
    };
    if last.is_some_and(|last| !world.oracle.ends.contains(&last)) {
        return Err(("P1", format!("the checkpoint {end} lies inside a command")));
    }
    if let Some(store) = world.generation_mut(of, number) {
        store.folded = events;
    }
    Ok(())
}

fn is_fold_of_log(world: &World, of: Name, number: u32) -> Checked {
    let store = world.documents(of).generation(number);
    let Some(log) = log_of(world, of, number) else { return Ok(()) };
    let mut things = Thing::all().filter(|thing| is_in(of, *thing));
    things.try_for_each(|thing| is_fold(store, log, thing).and_then(|()| is_erased(world, store, thing)))
}

fn is_fold(store: &Generation, log: &Branch, thing: Thing) -> Checked {
    let revision = store.checkpoint.revision;
    let expected = log.body(thing, revision.position);
    let found = store.documents.get(&thing.key());
    if body(found.map(|stored| &stored.document)).as_ref() != expected {
        return Err(("P1", format!("{thing} is {found:?} at {revision}, the log says {expected:?}")));
    }
    let Some(Stored { document, .. }) = found else { return Ok(()) };
    let audience = Pages::audience(&thing.key(), document);
    if audience != log.audience(thing, revision.position) {
        return Err(("S2", format!("{thing} is for {audience:?} at {revision}, the log says otherwise")));
    }
    has_card(store, log, thing, document.card)
}

/// Only what is of a person whose key was destroyed is erased; and it is, once that is folded and spread.
fn is_erased(world: &World, store: &Generation, thing: Thing) -> Checked {
    let Some(Stored { document, .. }) = store.documents.get(&thing.key()) else { return Ok(()) };
    let person = user_id(thing.person());
    let was_ever = world.oracle.erasures.values().any(|erased| *erased == person);
    let is_personal = |mark: &&Mark| !world.oracle.impersonal.contains(&mark.unsigned_abs());
    if !was_ever && document.marks.iter().chain(&document.card).filter(is_personal).any(|mark| *mark < 0) {
        return Err(("L4", format!("{thing} is {document:?}: erased, but no key was ever destroyed")));
    }
    let is_folded =
        world.oracle.erasures.iter().any(|(event, erased)| *erased == person && store.folded.contains(event));
    let is_spread = !store.checkpoint.open.iter().any(|open| open.reads.contains(&Thing::User(thing.person()).key()));
    if is_folded && is_spread && document.tells() {
        return Err(("L4", format!("{thing} is {document:?}: the erasure is folded and spread")));
    }
    if store.began_after.contains(&person) && world.nats.losses == store.losses_before && document.tells() {
        return Err(("L4", format!("{thing} is {document:?}: read after the key was marked as destroyed")));
    }
    Ok(())
}

fn has_card(store: &Generation, log: &Branch, thing: Thing, card: Option<Mark>) -> Checked {
    let Thing::Post(_) = thing else { return Ok(()) };
    let author = Thing::User(thing.person());
    let author_key = author.key();
    if store.checkpoint.open.iter().any(|open| open.reads.contains(&author_key)) {
        return Ok(());
    }
    let newest = log.body(author, store.checkpoint.revision.position).and_then(|marks| marks.last().copied());
    let card = card.unwrap_or_default().unsigned_abs();
    if card == newest.unwrap_or_default() {
        return Ok(());
    }
    Err(("P4", format!("{thing} has card {card}, {author} is at {newest:?}, and no fan-out is open")))
}

/// The numbers of a document's events.
pub fn body(sheet: Option<&Sheet>) -> Option<Vec<u64>> {
    sheet.map(|sheet| sheet.marks.iter().map(|mark| mark.unsigned_abs()).collect())
}
