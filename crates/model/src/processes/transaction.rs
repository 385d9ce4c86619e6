//! A command's transaction: locks, ordinal, decision, rows, outbox, commit.

use std::collections::BTreeSet;

use millrace_events::post::{PostDeleted, PostWritten};
use millrace_events::seal::seal;
use millrace_events::user::{ProfileUpdated, UserCreated};
use millrace_events::{Aggregate, Envelope, Event, History, Personal, Position, Timestamp, rule};
use time::OffsetDateTime;

use crate::checks;
use crate::oracle::Span;
use crate::sim::Sim;
use crate::world::World;
use crate::world::names::{Thing, command_id, event_id, post_id, user_id};

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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    SignUp,
    Rename,
    Write,
    Edit,
    Delete,
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

    async fn lock(&self, thing: Thing) -> bool {
        loop {
            self.sim.pass().await;
            if !self.is_open() {
                return false;
            }
            let number = self.number;
            let holder = self.sim.with(|world| *world.postgres.locks.entry(thing).or_insert(number));
            if holder == number {
                return true;
            }
            self.sim.nap(8).await;
        }
    }
}

/// One command on these aggregates. None if it is rolled back.
pub async fn transact(sim: &Sim, things: &[Thing]) -> Option<Committed> {
    let transaction = Transaction::begin(sim);
    let (begun, extra) = sim.with(|world| (world.oracle.commits, world.random.chance(0.3)));
    let mut ordinals = Vec::new();
    if !rule("ids_after_locks") {
        ordinals = draw(sim, things.len() + 2).await;
    }
    let persons = things.iter().map(|thing| Thing::User(thing.person()));
    for thing in persons.chain(things.iter().copied()).collect::<BTreeSet<_>>() {
        if !transaction.lock(thing).await {
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
    sim.with(|world| commit(world, &transaction, begun, &ordinals, things, extra))
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
    begun: u64,
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
    world.postgres.unlock(transaction.number);
    let versions = &world.postgres.tables.versions;
    let knows = things.iter().filter_map(|thing| Some((*thing, *versions.get(thing)?))).collect();
    Some(Committed { history, knows, log: world.oracle.branches.len(), changed: !changes.is_empty() })
}

/// What happens: persons sign up before they do anything, posts are written, edited, deleted, and written again.
fn decide(world: &mut World, things: &[Thing], extra: bool) -> Vec<(Thing, Change)> {
    let mut changes = Vec::new();
    let more = things.first().copied().filter(|_| extra);
    for thing in things.iter().copied().chain(more) {
        let person = Thing::User(thing.person());
        let is_new = !world.postgres.tables.keys.contains_key(&user_id(thing.person()));
        if is_new && !changes.contains(&(person, Change::SignUp)) {
            changes.push((person, Change::SignUp));
        }
        let exists = exists_after(world, thing, &changes);
        match thing {
            Thing::User(_) => changes.push((thing, Change::Rename)),
            Thing::Post(_) if !exists => changes.push((thing, Change::Write)),
            Thing::Post(_) if world.random.chance(0.33) => changes.push((thing, Change::Delete)),
            Thing::Post(_) => changes.push((thing, Change::Edit)),
        }
    }
    changes
}

fn exists_after(world: &World, thing: Thing, changes: &[(Thing, Change)]) -> bool {
    match changes.iter().rev().find(|(changed, _)| *changed == thing) {
        Some((_, change)) => *change != Change::Delete,
        None => world.postgres.exists(thing),
    }
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
    let rows = &mut world.postgres.tables.rows;
    let _ = if change == Change::Delete { rows.remove(&thing) } else { rows.insert(thing) };
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

fn event(thing: Thing, change: Change, text: String) -> Event {
    let author_id = user_id(thing.person());
    let said = |text: &str| Personal::known(author_id, text.to_owned());
    match (thing, change) {
        (Thing::User(_), Change::SignUp) => Event::UserCreated(UserCreated {
            user_id: author_id,
            first_name: said(&text),
            last_name: said("Model"),
            email: said("model@example.org"),
        }),
        (Thing::User(_), _) => Event::ProfileUpdated(ProfileUpdated {
            user_id: author_id,
            first_name: said(&text),
            last_name: said("Model"),
            avatar_url: Personal::known(author_id, None),
            bio: Personal::known(author_id, None),
        }),
        (Thing::Post(post), Change::Delete) => {
            Event::PostDeleted(PostDeleted { post_id: post_id(post), author_id, was_published: true })
        }
        (Thing::Post(post), change) => {
            let written = PostWritten {
                post_id: post_id(post),
                author_id,
                title: said(&text),
                body: said("…"),
                tags: Personal::known(author_id, Vec::new()),
                published: true,
            };
            if change == Change::Write { Event::PostCreated(written) } else { Event::PostEdited(written) }
        }
    }
}

/// The clock of a schedule: a second per step.
pub fn timestamp(now: u64) -> Timestamp {
    let seconds = i64::try_from(now).unwrap_or_default();
    Timestamp::new(OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH))
}
