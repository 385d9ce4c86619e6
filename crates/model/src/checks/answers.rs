//! What clients are answered: nothing older than what they caused or saw, and nothing that the token does not cover. All of it for each
//! projection that an answer was made of, by the one token that came, and the one that goes.

use millrace_events::{ConsistencyToken, History, Position};
use millrace_read::reader::Answer;

use super::documents::{body, log_of};
use crate::processes::client::Memory;
use crate::processes::query::Whole;
use crate::projection::{Name, Sheet};
use crate::world::World;
use crate::world::names::Thing;

type Checked = Result<(), (&'static str, String)>;

/// One projection's part of an answer.
struct Part<'a> {
    of: Name,
    answer: &'a Answer,
    /// What it is owed: what the client brought, and what the parts before have shown.
    owed: Option<ConsistencyToken>,
    /// What the client takes along from the whole answer.
    told: Option<&'a ConsistencyToken>,
}

/// Checks an answer, and has the client remember it.
pub fn check(world: &mut World, memory: &mut Memory, asked: &[(Name, Vec<Thing>)], whole: &Whole) {
    let mut owed = memory.token.clone();
    for ((of, things), answer) in asked.iter().zip(&whole.parts) {
        let part = Part { of, answer, owed: owed.clone(), told: whole.token.as_ref() };
        if let Err((invariant, what)) = check_part(world, memory, things, &part) {
            world.break_off(invariant, format!("{} {what}", world.own_name()));
        }
        owed = shown(owed, of, answer);
    }
}

fn check_part(world: &World, memory: &mut Memory, things: &[Thing], part: &Part<'_>) -> Checked {
    if part.answer.stale {
        return Ok(());
    }
    things.iter().try_for_each(|thing| check_one(world, memory, *thing, part))?;
    check_witness(world, memory, part)
}

/// What a client is owed that was shown this part.
fn shown(owed: Option<ConsistencyToken>, of: Name, answer: &Answer) -> Option<ConsistencyToken> {
    let Some(history) = answer.history else { return owed };
    let mut shown = ConsistencyToken::of_command(history, Position::START);
    shown.projections.insert(of.to_owned(), (answer.generation, answer.revision));
    match owed {
        Some(mut owed) => {
            owed.merge(&shown);
            Some(owed)
        }
        None => Some(shown),
    }
}

/// A token that all have reached is waited for no longer.
pub fn check_timeout(world: &mut World, memory: &Memory) {
    let mut checkpoints = world.stores.iter().map(|(of, documents)| (of, &documents.current().checkpoint));
    let is_reached = checkpoints.clone().all(|(of, checkpoint)| {
        let due = memory.token.as_ref().map(|token| token.required(of));
        due.is_some_and(|due| {
            checkpoint.history == Some(due.history) && due.revision(checkpoint.generation) <= checkpoint.revision
        })
    });
    let head = world.postgres.head().position;
    let is_folded =
        checkpoints.all(|(_, checkpoint)| checkpoint.revision.position == head && checkpoint.open.is_empty());
    let should_be = !world.faults.strike && world.counts.went_back == 0 && is_folded;
    if should_be && !is_reached {
        let token = memory.token.as_ref().map(ToString::to_string);
        world.break_off("R2", format!("token {token:?} is never reached"));
    }
}

/// Only a new history ends an old one.
pub fn check_history_gone(world: &mut World) {
    if world.counts.new_histories == 0 {
        world.break_off("R2", "a token is told to be of an older history, but there is only one");
    }
}

/// The document of an answer.
pub fn sheet(thing: Thing, answer: &Answer) -> Result<Option<Sheet>, (&'static str, String)> {
    let Some(found) = answer.documents.get(&thing.key()) else {
        return Err(("R2", format!("got no word about {thing}")));
    };
    let Some(found) = found else { return Ok(None) };
    let sheet = serde_json::from_str(&found.json);
    sheet.map(Some).map_err(|error| ("R2", format!("got {thing} as {}: {error}", found.json)))
}

/// The states that a document may have been in when it was answered: those that equal the answer, and when each began.
pub fn matching(
    world: &World,
    of: Name,
    thing: Thing,
    answer: &Answer,
    sheet: Option<&Sheet>,
) -> Vec<(usize, Position, Position)> {
    let Some(log) = log_of(world, of, answer.generation) else { return Vec::new() };
    let start = [(Position::START, None)];
    let states = log.states.get(&thing).map_or(&start[..], Vec::as_slice);
    let body = body(sheet);
    let ends = states.iter().skip(1).map(|(since, _)| *since).chain([Position(u64::MAX)]);
    let spans = states.iter().zip(ends).enumerate();
    spans.filter(|(_, ((_, state), _))| *state == body).map(|(index, ((since, _), end))| (index, *since, end)).collect()
}

fn check_one(world: &World, memory: &mut Memory, thing: Thing, part: &Part<'_>) -> Checked {
    let Part { of, answer, .. } = *part;
    let sheet = sheet(thing, answer)?;
    let Some(history) = answer.history else { return Ok(()) };
    let due = owed_position(part, history);
    let seen = memory.seen.get(&(of, history, thing)).copied().unwrap_or_default();
    let known = versions(world, memory, thing, part);
    let states = matching(world, of, thing, answer, sheet.as_ref());
    let able = states.iter().filter(|(version, since, end)| *end > due && *since >= seen && *version >= known);
    let Some((_, since, _)) = able.clone().next() else {
        let told = format!("got {thing} as {sheet:?}, position {due}, state since {seen} and version {known} were due");
        return Err(("R2", format!("{told}; the token was {:?}, {of} answered {answer:?}", part.owed)));
    };
    let told = part.told.filter(|token| token.history == history);
    let covered = told.map(|token| token.projections.get(of).map_or(Position::START, |(_, seen)| seen.position));
    if let Some(covered) = covered.filter(|covered| since > covered) {
        return Err(("R2", format!("got {thing} of {of} as of {since}, and a token of {covered} only")));
    }
    memory.seen.insert((of, history, thing), *since);
    check_card(memory, history, thing, sheet.as_ref())
}

fn owed_position(part: &Part<'_>, history: History) -> Position {
    let token = part.owed.as_ref().filter(|token| token.history == history);
    token.map_or(Position::START, |token| {
        let seen = token.projections.get(part.of).map(|(_, revision)| revision.position);
        token.position.max(seen.unwrap_or_default())
    })
}

/// Versions that the client's commands made or found count in the log in which they were made.
fn versions(world: &World, memory: &Memory, thing: Thing, part: &Part<'_>) -> usize {
    let today = world.oracle.branches.len();
    let folded = &world.documents(part.of).generation(part.answer.generation).folded;
    if !world.oracle.today().events.starts_with(folded) {
        return 0;
    }
    let known = memory.knows.iter().filter(|(log, known, _)| *log == today && *known == thing);
    known.filter_map(|(_, _, version)| usize::try_from(*version).ok()).max().unwrap_or_default()
}

fn check_card(memory: &mut Memory, history: History, thing: Thing, sheet: Option<&Sheet>) -> Checked {
    let Some(card) = sheet.and_then(|sheet| sheet.card) else { return Ok(()) };
    let seen = memory.cards.entry((history, thing)).or_default();
    if card.abs() < seen.abs() {
        return Err(("R2", format!("got {thing} with card {card}, had seen {seen}")));
    }
    *seen = card;
    Ok(())
}

/// An event that was folded into what was seen stays where it was, as long as the history is the same.
fn check_witness(world: &World, memory: &mut Memory, part: &Part<'_>) -> Checked {
    let Part { of, answer, .. } = *part;
    let Some(history) = answer.history else { return Ok(()) };
    let folded = &world.documents(of).generation(answer.generation).folded;
    if let Some((seen_in, position, event)) = memory.witnesses.get(of).copied()
        && seen_in == history
        && folded.get(position).is_some_and(|found| *found != event)
    {
        return Err(("L5", format!("had seen another event at {}: silent merge", position + 1)));
    }
    let end = usize::try_from(answer.revision.position.0).unwrap_or(usize::MAX).min(folded.len());
    match end.checked_sub(1) {
        Some(last) => memory.witnesses.insert(of, (history, last, folded[last])),
        None => memory.witnesses.remove(of),
    };
    Ok(())
}
