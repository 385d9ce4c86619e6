//! What subscribers get: each change of their document once, in order, and never a gap that is not told.

use millrace_events::{Position, Required, Viewer};
use millrace_read::live::{Cursor, Item, Showing, showing};
use millrace_read::projection::{Audience, Change, Projection};
use millrace_read::reader::Answer;

use super::{answers, documents};
use crate::processes::subscriber::Listener;
use crate::projection::{Pages, Sheet};
use crate::world::World;
use crate::world::names::Thing;

type Checked = Result<(), (&'static str, String)>;

/// An item, before the subscriber takes it in.
pub fn check(world: &mut World, listener: &Listener, item: &Item<Sheet>) {
    let checked = match item {
        Item::Snapshot { cursor, revision, documents } => {
            let sheet = documents.get(&listener.thing.key()).map(|stored| &stored.document);
            is_of_moment(world, listener, cursor, *revision, sheet)
        }
        Item::Change { cursor, change } => is_next(world, listener, (cursor, change), Showing::Changed),
        Item::Gone { cursor, change } => is_next(world, listener, (cursor, change), Showing::Gone),
        Item::HistoryGone => is_gone(world, listener),
        Item::Closed { .. } => Ok(()),
    };
    if let Err((invariant, what)) = checked {
        world.break_off(invariant, format!("{} {what}", world.own_name()));
    }
}

/// The changed document, read for a selection.
pub fn check_selection(world: &mut World, thing: Thing, owed: &Required, answer: &Answer) {
    let checked = answers::sheet(thing, answer).and_then(|sheet| {
        let states = answers::matching(world, Pages::NAME, thing, answer, sheet.as_ref());
        let is_new = states.iter().any(|(_, _, end)| *end > owed.position);
        let what = || format!("a change at {} is shown as {sheet:?}", owed.position);
        if is_new || answer.history != Some(owed.history) { Ok(()) } else { Err(("S1", what())) }
    });
    if let Err((invariant, what)) = checked {
        world.break_off(invariant, what);
    }
}

fn is_of_moment(
    world: &World,
    listener: &Listener,
    cursor: &Cursor,
    revision: millrace_events::Revision,
    sheet: Option<&Sheet>,
) -> Checked {
    let Some(log) = documents::log_of(world, Pages::NAME, cursor.generation) else { return Ok(()) };
    let may = is_for(&listener.viewer, log.audience(listener.thing, revision.position));
    let expected = log.body(listener.thing, revision.position).filter(|_| may);
    if documents::body(sheet).as_ref() == expected && cursor.position == revision.position {
        return Ok(());
    }
    Err(("S1", format!("gets a snapshot at {revision} with {sheet:?}, the log says {expected:?}")))
}

fn is_next(world: &World, listener: &Listener, (cursor, change): (&Cursor, &Change), showing: Showing) -> Checked {
    let Some(before) = &listener.cursor else {
        return Err(("S1", format!("gets change {} before its snapshot", change.seq)));
    };
    if before.generation != cursor.generation {
        return Err(("S1", format!("is at {before:?} and gets change {} of {cursor:?}", change.seq)));
    }
    let due = next_due(world, listener, before);
    if due == Some((change, showing)) && cursor.seq == change.seq {
        return Ok(());
    }
    let invariant = if shown_to(world, listener, before.generation, change).is_none() { "S2" } else { "S1" };
    let due = due.map(|(due, showing)| (due.seq, showing));
    Err((invariant, format!("gets change {} ({showing:?}), after {} the next one is {due:?}", change.seq, before.seq)))
}

/// What the subscriber is to be shown of a change, by the log: nothing if they may see the document neither before nor after.
fn shown_to(world: &World, listener: &Listener, generation: u32, change: &Change) -> Option<Showing> {
    let Some(log) = documents::log_of(world, Pages::NAME, generation) else { return showing(&listener.viewer, change) };
    let may = |at| is_for(&listener.viewer, log.audience(listener.thing, at));
    // A chunk changes a document as it is by then, an event as it was before it.
    let is_of_chunk = change.revision.n > 0;
    let (before, after) = match is_of_chunk {
        true => (change.revision.position, change.revision.position),
        false => (Position(change.position.0 - 1), change.position),
    };
    match (may(before), may(after)) {
        (_, true) => Some(Showing::Changed),
        (true, false) => Some(Showing::Gone),
        (false, false) => None,
    }
}

fn is_for(viewer: &Viewer, audience: Audience) -> bool {
    match audience {
        Audience::Everyone => true,
        Audience::Person(person) => viewer.is(person),
        Audience::Nobody => false,
    }
}

/// The first change of the document after the cursor of which the subscriber is shown something.
fn next_due<'a>(world: &'a World, listener: &Listener, before: &Cursor) -> Option<(&'a Change, Showing)> {
    let key = listener.thing.key();
    let every = &world.documents(Pages::NAME).generation(before.generation).every;
    let later = every.iter().filter(|change| change.key == key && change.seq > before.seq);
    later.filter_map(|change| Some((change, shown_to(world, listener, before.generation, change)?))).next()
}

/// Only changes that are no longer kept, or of another generation, are gone. Once some are gone, a feed that was behind them sends
/// everybody away, also those who have what it lacks.
fn is_gone(world: &World, listener: &Listener) -> Checked {
    let Some(cursor) = &listener.cursor else { return Ok(()) };
    let store = world.documents(Pages::NAME).generation(cursor.generation);
    let is_served = world.documents(Pages::NAME).served == cursor.generation;
    if is_served && store.trimmed_to() == 0 {
        return Err(("S3", format!("is told that what comes after {} is gone, but it is kept", cursor.seq)));
    }
    Ok(())
}

/// Why a subscriber is not yet where it should be.
pub fn why_not_attached(world: &World) -> Option<String> {
    let served = world.documents(Pages::NAME).served;
    world.subscribers.iter().find_map(|(number, listener)| {
        let Some(cursor) = listener.cursor.as_ref().filter(|cursor| cursor.generation == served) else {
            return Some(format!("subscriber{number} is not attached"));
        };
        let (due, _) = next_due(world, listener, cursor)?;
        Some(format!("S1 subscriber{number} never gets change {}", due.seq))
    })
}
