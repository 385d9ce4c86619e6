//! A client: sends commands, and reads what they did with the tokens that it got.

use std::collections::BTreeMap;

use millrace_events::{ConsistencyToken, EventId, History, Position, rule};
use millrace_read::projection::Projection;
use millrace_read::reader::{OnTimeout, ReadError, Source};
use tokio::sync::oneshot;

use super::command::{self, Request};
use super::query::{Part, Query, Whole};
use crate::checks::answers;
use crate::plot::Plot;
use crate::projection::{Mark, Name, Names, Pages};
use crate::scheduler::Kind;
use crate::sim::Sim;
use crate::world::World;
use crate::world::names::Thing;

/// What a client does in a schedule.
const ERRANDS: u32 = 14;
/// How often a command is sent before its client gives up.
const ATTEMPTS: u32 = 3;
/// How often it is sent twice at once.
const TWINS: f64 = 0.15;
/// Below so many steps lies the time between two errands.
const PAUSE: u64 = 24;
/// Below so many steps lies the time between a command and what is read after it.
const BREATH: u64 = 6;
/// How often the persons behind what is read are read with it out of the second projection, where there is one.
const BESIDE: f64 = 0.8;
/// How often the same is read once more within the same request then.
const TWICE: f64 = 0.5;

/// What a client knows. Only the token is sent; the rest is for the checks.
#[derive(Debug, Default)]
pub struct Memory {
    /// What it is owed.
    pub token: Option<ConsistencyToken>,
    /// Versions that its commands made or found, in the log of that number.
    pub knows: Vec<(usize, Thing, u32)>,
    /// Since which position each document was in the state that was seen last.
    pub seen: BTreeMap<(Name, History, Thing), Position>,
    /// The newest card that was seen beside a post.
    pub cards: BTreeMap<(History, Thing), Mark>,
    /// An event that was folded into what was seen of each projection.
    pub witnesses: BTreeMap<Name, (History, usize, EventId)>,
}

/// Starts one.
pub fn start(sim: &Sim, number: usize) {
    sim.start(Kind::Outside, format!("client{number}"), |sim, process| {
        let own = sim.clone();
        own.with(|world| world.clients_left += 1);
        sim.spawn(process, async move {
            let mut memory = Memory::default();
            for _ in 0..ERRANDS {
                own.nap(PAUSE).await;
                errand(&own, &mut memory).await;
            }
            own.with(|world| world.clients_left -= 1);
        });
    });
}

async fn errand(sim: &Sim, memory: &mut Memory) {
    let mut favourites = Vec::new();
    if sim.with(|world| world.random.chance(0.6)) {
        let Some(answer) = command(sim).await else { return };
        let Some(head) = answer.head else { return };
        favourites = answer.knows.iter().map(|(thing, _)| *thing).collect();
        memory.take_in(&answer, head);
        sim.nap(BREATH).await;
    }
    for _ in 0..sim.with(|world| world.random.pick([0, 1, 3])) {
        let things = sim.with(|world| world.wanted(&favourites));
        read(sim, memory, &things).await;
        for _ in 0..sim.with(World::reads_again) {
            read(sim, memory, &things).await;
        }
    }
}

impl Memory {
    fn take_in(&mut self, answer: &command::Answer, head: Position) {
        if self.token.as_ref().is_some_and(|token| token.history != answer.history) {
            *self = Self::default();
        }
        let token = ConsistencyToken::of_command(answer.history, head);
        self.merge(token);
        self.knows.extend(answer.knows.iter().map(|(thing, version)| (answer.log, *thing, *version)));
    }

    fn merge(&mut self, token: ConsistencyToken) {
        match &mut self.token {
            Some(own) => own.merge(&token),
            None => self.token = Some(token),
        }
    }
}

impl World {
    /// How often the same is read again at once, of whichever process.
    fn reads_again(&mut self) -> u32 {
        if self.faults.plot == Plot::Again { self.random.pick([0, 2, 4]) } else { 0 }
    }

    /// What is asked of which projection for the sake of these things.
    fn parts(&mut self, things: &[Thing]) -> Vec<(Name, Vec<Thing>)> {
        let mut parts = vec![(Pages::NAME, things.to_vec())];
        if !self.stores.contains_key(Names::NAME) {
            return parts;
        }
        if self.random.chance(BESIDE) {
            let mut persons: Vec<Thing> = things.iter().map(|thing| Thing::User(thing.person())).collect();
            persons.dedup();
            parts.push((Names::NAME, persons));
        }
        if self.random.chance(0.5) {
            parts.reverse();
        }
        if self.random.chance(TWICE) {
            parts.push(parts[0].clone());
        }
        parts
    }

    fn wanted(&mut self, favourites: &[Thing]) -> Vec<Thing> {
        let favourite = if self.random.chance(0.6) { self.random.one_of(favourites).copied() } else { None };
        let mut things: Vec<Thing> = favourite.into_iter().collect();
        while things.is_empty() || self.random.chance(0.25) {
            things.push(self.cast.any(&mut self.random));
        }
        things.sort_unstable();
        things.dedup();
        things
    }
}

/// One command, sent again under the same key while nobody knows what became of it, and sometimes twice at once. None if it was rolled
/// back, or if still nobody knows.
async fn command(sim: &Sim) -> Option<command::Answer> {
    let (things, key) = sim.with(|world| (world.cast.some(&mut world.random), world.new_number()));
    for _ in 0..ATTEMPTS {
        if sim.with(|world| world.random.chance(TWINS)) {
            // Nobody waits for its answer.
            drop(send(sim, &things, key));
        }
        match send(sim, &things, key)?.await {
            Ok(answer) => return answer,
            Err(_) => sim.nap(PAUSE).await,
        }
    }
    None
}

fn send(sim: &Sim, things: &[Thing], key: u64) -> Option<oneshot::Receiver<Option<command::Answer>>> {
    let (reply, answer) = oneshot::channel();
    let sender = sim.with(World::any_command_process)?;
    sender.send(Request { things: things.to_vec(), key, reply }).ok()?;
    Some(answer)
}

async fn read(sim: &Sim, memory: &mut Memory, things: &[Thing]) {
    let asked = sim.with(|world| world.parts(things));
    let part = |(of, things): &(Name, Vec<Thing>)| Part { of, keys: things.iter().map(|thing| thing.key()).collect() };
    let parts = asked.iter().map(part).collect();
    let token = memory.token.clone().filter(|_| rule("client_sends_token"));
    let on_timeout = if sim.with(|world| world.random.chance(0.1)) { OnTimeout::Stale } else { OnTimeout::Error };
    let (reply, answer) = oneshot::channel();
    let Some(sender) = sim.with(World::any_query_process) else { return };
    if sender.send(Query::Read { parts, token, on_timeout, reply }).is_err() {
        return;
    }
    match answer.await {
        Ok(Ok(whole)) => note(sim, memory, &asked, whole),
        Ok(Err(error)) => refused(sim, memory, &error),
        // The connection broke.
        Err(_) => {}
    }
}

fn note(sim: &Sim, memory: &mut Memory, asked: &[(Name, Vec<Thing>)], whole: Whole) {
    sim.with(|world| {
        world.tell(|world| {
            let [before, after] = [&memory.token, &whole.token].map(|token| token.as_ref().map(ToString::to_string));
            format!("{} reads {asked:?} with {before:?}: {:?}, {after:?}", world.own_name(), whole.parts)
        });
        let is_joint = asked.iter().any(|(of, _)| *of != asked[0].0);
        world.counts.joint += u64::from(is_joint);
        let fresh = whole.parts.iter().filter(|part| !part.stale);
        world.counts.answers += fresh.clone().count() as u64;
        fresh.for_each(|part| world.counts.hits += u64::from(part.source == Source::Cache));
        answers::check(world, memory, asked, &whole);
    });
    if let Some(token) = whole.token {
        memory.merge(token);
    }
}

/// After PostgreSQL went back nobody may ever get to where a token says.
fn refused(sim: &Sim, memory: &mut Memory, error: &ReadError) {
    sim.with(|world| {
        world.tell(|world| format!("{} gets no answer: {error}", world.own_name()));
        match error {
            ReadError::ConsistencyTimeout { .. } => {
                world.counts.timeouts += 1;
                answers::check_timeout(world, memory);
                if world.counts.went_back > 0 {
                    *memory = Memory::default();
                }
            }
            ReadError::HistoryGone => {
                world.counts.history_gone += 1;
                answers::check_history_gone(world);
                *memory = Memory::default();
            }
            ReadError::Store(_) => {}
            ReadError::Document(_) | ReadError::TooManyWaiting { .. } | ReadError::TooManyKeys { .. } => {
                world.break_off("R2", format!("no answer: {error}"));
            }
        }
    });
}
