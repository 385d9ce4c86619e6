//! A command's transaction: locks, ordinal, decision, rows, outbox, commit.

use std::collections::BTreeSet;

use millrace_events::seal::seal;
use millrace_events::{Aggregate, Envelope, History, Position, rule};

use super::decision::{Change, decide};
use super::event::{event, timestamp};
use crate::checks;
use crate::oracle::Span;
use crate::sim::Sim;
use crate::world::World;
use crate::world::names::{Thing, command_id, event_id, user_id};
use crate::world::postgres::{Outcome, Row};

/// How many ordinals a connection keeps in stock where it should keep none.
const ORDINALS_IN_STOCK: i64 = 8;

/// A transaction that committed.
pub struct Committed {
    /// The log's life, as the transaction saw it.
    pub history: History,
    /// Versions of aggregates that it made or found.
    pub knows: Vec<(Thing, u32)>,
    /// The number of the log in which it did.
    pub log: usize,
    /// False if there was nothing to change.
    pub changed: bool,
}

/// An open transaction. Dropped, it is rolled back.
struct Transaction {
    sim: Sim,
    number: u64,
    life: u32,
}

impl Drop for Transaction {
    fn drop(&mut self) {
        self.sim.with(|world| world.postgres.unlock(self.number));
    }
}

impl Transaction {
    fn begin(sim: &Sim) -> Self {
        let (number, life) = sim.with(|world| (world.new_number(), world.postgres.life));
        Self { sim: sim.clone(), number, life }
    }

    /// False if the connection is gone, because PostgreSQL was put back.
    fn is_open(&self) -> bool {
        self.sim.with(|world| world.postgres.life == self.life)
    }

    async fn lock(&self, row: Row) -> bool {
        loop {
            self.sim.pass().await;
            if !self.is_open() {
                return false;
            }
            let number = self.number;
            let holder = self.sim.with(|world| *world.postgres.locks.entry(row).or_insert(number));
            if holder == number {
                return true;
            }
            self.sim.nap(8).await;
        }
    }
}

/// One command on these aggregates. None if it is rolled back. A twin with the same key that is in flight is waited for.
pub async fn transact(sim: &Sim, things: &[Thing], key: u64) -> Option<Committed> {
    let transaction = Transaction::begin(sim);
    let seen_before = sim.with(|world| world.remembered(key));
    if !transaction.lock(Row::Key(key)).await {
        return None;
    }
    let remembered =
        if rule("key_looked_up_under_lock") { sim.with(|world| world.remembered(key)) } else { seen_before };
    if remembered.is_some() {
        return remembered;
    }
    let (begun, extra) = sim.with(|world| (world.oracle.commits, world.random.chance(0.3)));
    let mut ordinals = Vec::new();
    if !rule("ids_after_locks") {
        ordinals = draw(sim, things.len() + 2).await;
    }
    let persons = things.iter().map(|thing| Thing::User(thing.person()));
    for thing in persons.chain(things.iter().copied()).collect::<BTreeSet<_>>() {
        if !transaction.lock(Row::Thing(thing)).await {
            return None;
        }
    }
    if rule("ids_after_locks") {
        ordinals = draw(sim, things.len() + 2).await;
    }
    let idle = sim.with(|world| world.random.pick([2, 2, 40]));
    sim.nap(idle).await;
    if !transaction.is_open() || sim.with(|world| world.random.chance(0.2)) {
        return None;
    }
    sim.with(|world| commit(world, &transaction, (begun, key), &ordinals, things, extra))
}

/// One ordinal per command, unless a mutant draws one for each event.
async fn draw(sim: &Sim, events: usize) -> Vec<i64> {
    let wanted = if rule("one_id_per_command") { 1 } else { events };
    let mut drawn = Vec::new();
    for _ in 0..wanted {
        drawn.push(sim.with(|world| {
            world.postgres.last_ordinal += 1;
            let ordinal = world.postgres.last_ordinal * 10;
            let is_from_stock = !rule("sequence_cache_1") && world.random.chance(0.5);
            if is_from_stock { ordinal - 10 * ORDINALS_IN_STOCK + 5 } else { ordinal }
        }));
        sim.pass().await;
    }
    drawn
}

fn commit(
    world: &mut World,
    transaction: &Transaction,
    (begun, key): (u64, u64),
    ordinals: &[i64],
    things: &[Thing],
    extra: bool,
) -> Option<Committed> {
    let changes = if world.random.chance(0.2) { Vec::new() } else { decide(world, things, extra) };
    let history = world.postgres.history;
    let command = world.new_number();
    let mut events = Vec::new();
    for (index, (thing, change)) in changes.iter().enumerate() {
        events.push(record(world, (command, index, changes.len()), *thing, *change)?);
    }
    world.oracle.commits += 1;
    let span = Span { begun, done: world.oracle.commits };
    world.oracle.spans.insert(command_id(command), span);
    let told: Vec<String> = events.iter().map(checks::told).collect();
    world.tell(|world| format!("{} commits command {command}: {}", world.own_name(), told.join(", ")));
    for (index, event) in events.into_iter().enumerate() {
        let ordinal = ordinals.get(index).or(ordinals.last()).copied()?;
        world.postgres.tables.outbox.insert((ordinal, event.command_index), event);
    }
    if !changes.is_empty() {
        checks::log::check_once(world, key);
    }
    world.postgres.unlock(transaction.number);
    let versions = &world.postgres.tables.versions;
    let knows: Vec<_> = things.iter().filter_map(|thing| Some((*thing, *versions.get(thing)?))).collect();
    let log = world.oracle.branches.len();
    world.postgres.tables.outcomes.insert(key, Outcome { knows: knows.clone(), log });
    Some(Committed { history, knows, log, changed: !changes.is_empty() })
}

fn record(
    world: &mut World,
    (command, index, count): (u64, usize, usize),
    thing: Thing,
    change: Change,
) -> Option<Envelope> {
    let id = event_id(world.new_number());
    if change == Change::SignUp {
        world.postgres.create_key(thing.person());
    }
    let hidden = &mut world.postgres.tables.hidden;
    let _ = if change == Change::Hide { hidden.insert(thing) } else { change != Change::Edit && hidden.remove(&thing) };
    let rows = &mut world.postgres.tables.rows;
    let _ = if change == Change::Delete { rows.remove(&thing) } else { rows.insert(thing) };
    if change == Change::Erase {
        world.postgres.destroy_key(user_id(thing.person()));
        world.oracle.erasures.insert(id, user_id(thing.person()));
        world.counts.erased += 1;
    }
    let event = event(thing, change, id.to_string());
    let version = world.postgres.tables.versions.entry(thing).or_insert(0);
    *version += 1;
    let aggregate = Aggregate { kind: thing.kind(), id: thing.id(), version: *version };
    let mut payload = event.payload().ok()?;
    let keys = &world.postgres.tables.keys;
    seal(&mut payload, id, &|person| Some(keys.get(&person)?.0.clone())).ok()?;
    Some(Envelope {
        history: world.postgres.history,
        position: Position::START,
        event_id: id,
        predecessor: None,
        command_id: command_id(command),
        command_index: u32::try_from(index).ok()?,
        command_count: u32::try_from(count).ok()?,
        aggregate,
        name: event.kind().name().to_owned(),
        schema_version: event.kind().schema_version(),
        actor: None,
        at: timestamp(world.now),
        trace: None,
        payload,
    })
}

impl World {
    /// The answer of the command that had this key; it changes nothing more.
    fn remembered(&self, key: u64) -> Option<Committed> {
        let Outcome { knows, log } = self.postgres.tables.outcomes.get(&key)?.clone();
        Some(Committed { history: self.postgres.history, knows, log, changed: false })
    }
}
