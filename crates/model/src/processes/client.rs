//! A client: sends commands, and reads what they did with the tokens that it got.

use std::collections::BTreeMap;

use millrace_events::{ConsistencyToken, EventId, History, Position, rule};
use millrace_read::projection::{DocumentKey, Projection};
use millrace_read::reader::{Answer, OnTimeout, ReadError, Source};
use tokio::sync::oneshot;

use super::command::{self, Request};
use super::query::{Query, required};
use crate::checks::answers;
use crate::plot::Plot;
use crate::projection::{Mark, Pages};
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

/// What a client knows. Only the token is sent; the rest is for the checks.
#[derive(Debug, Default)]
pub struct Memory {
    /// What it is owed.
    pub token: Option<ConsistencyToken>,
    /// Versions that its commands made or found, in the log of that number.
    pub knows: Vec<(usize, Thing, u32)>,
    /// Since which position each document was in the state that was seen last.
    pub seen: BTreeMap<(History, Thing), Position>,
    /// The newest card that was seen beside a post.
    pub cards: BTreeMap<(History, Thing), Mark>,
    /// An event that was folded into what was seen.
    pub witness: Option<(History, usize, EventId)>,
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
    let keys: Vec<DocumentKey> = things.iter().map(|thing| thing.key()).collect();
    let token = memory.token.clone().filter(|_| rule("client_sends_token"));
    let on_timeout = if sim.with(|world| world.random.chance(0.1)) { OnTimeout::Stale } else { OnTimeout::Error };
    let (reply, answer) = oneshot::channel();
    let Some(sender) = sim.with(World::any_query_process) else { return };
    if sender.send(Query::Read { keys, required: token.as_ref().map(required), on_timeout, reply }).is_err() {
        return;
    }
    match answer.await {
        Ok(Ok(answer)) => note(sim, memory, things, &answer),
        Ok(Err(error)) => refused(sim, memory, &error),
        // The connection broke.
        Err(_) => {}
    }
}

fn note(sim: &Sim, memory: &mut Memory, things: &[Thing], answer: &Answer) {
    sim.with(|world| {
        world.tell(|world| {
            let token = memory.token.as_ref().map(ToString::to_string);
            format!("{} reads {things:?} with {token:?}: {answer:?}", world.own_name())
        });
        if !answer.stale {
            world.counts.answers += 1;
            world.counts.hits += u64::from(answer.source == Source::Cache);
            answers::check(world, memory, things, answer);
        }
    });
    if let Some(token) = answer.token(Pages::NAME).filter(|_| !answer.stale) {
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
            ReadError::Document(_) | ReadError::TooManyWaiting | ReadError::TooManyKeys { .. } => {
                world.break_off("R2", format!("no answer: {error}"));
            }
        }
    });
}
