//! Two processes, 32 clients: every event has one position, and what was caused comes after its cause.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use millrace_events::{Aggregate, CommandId, Envelope, Position};
use millrace_log::{Log, NewEvent, PostgresSettings, Sequencer, outbox};
use rand::Rng;
use rand::seq::{IndexedRandom, SliceRandom};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, FromQueryResult, Statement, TransactionTrait};
use sqlx::PgPool;
use uuid::Uuid;

use crate::events::{command, post};
use crate::setup::Database;

const CLIENTS: usize = 32;
const COMMANDS_PER_CLIENT: usize = 25;
const AGGREGATES: usize = 6;
const EVENTS_PER_COMMAND: usize = 5;
const ROLLED_BACK: f64 = 0.2;
/// Inside the transactions, at each step, so that they commit in another order than they began.
const DELAY_MAX_S: f64 = 0.004;

/// A process: a pool of its own, and one sequencing call in flight. Calls have connections of their own, so that whoever cuts them off
/// never meets a command.
pub struct Process {
    pub log: Log,
    sequencer: Sequencer<Log>,
}

const CALLS: &str = "calls";

impl Process {
    pub async fn new(database: &Database) -> Arc<Self> {
        let mut settings = PostgresSettings::new(&database.url);
        settings.application_name = CALLS.to_owned();
        let calls = Log::connect(&settings).await.unwrap();
        Arc::new(Self { sequencer: Sequencer::new(calls), log: database.log().await })
    }

    /// As a command does it: again as often as the error may pass.
    pub async fn sequence(&self) -> Position {
        loop {
            match self.sequencer.join().await {
                Ok(head) => return head.position,
                Err(error) => assert!(error.is_retryable(), "{error:?}"),
            }
        }
    }
}

/// A command that was answered.
struct Answered {
    command_id: CommandId,
    events: usize,
    /// The highest position of any command that had been answered when this one began.
    caused_by: u64,
}

#[derive(Default)]
struct Seen {
    /// The highest position that any client was told.
    answered: AtomicU64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_sequencers_and_32_clients_make_one_log() {
    let (database, log) = Database::with_log().await;
    let answered = run(&database, CLIENTS, COMMANDS_PER_CLIENT).await;
    check(&log, &answered).await;
    assert_eq!(database.number("SELECT count(*) FROM outbox").await, 0);
    let recorded = "SELECT sum(version)::bigint FROM thing";
    assert_eq!(database.number(recorded).await, database.number("SELECT count(*) FROM log").await);
}

/// Calls are cut off again and again while they run; commands are not.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sequencing_calls_that_are_killed_all_the_time_lose_and_double_nothing() {
    let (database, log) = Database::with_log().await;
    let killer = tokio::spawn(kill_calls(database.plain.clone()));
    let answered = run(&database, 12, 15).await;
    killer.abort();
    check(&log, &answered).await;
    assert_eq!(database.number("SELECT count(*) FROM outbox").await, 0);
    assert!(CALLS_KILLED.load(Ordering::SeqCst) > 0, "no call was killed");
}

static CALLS_KILLED: AtomicI64 = AtomicI64::new(0);
const CALLS_KILLED_MAX: i64 = 150;
const KILL_EVERY: Duration = Duration::from_millis(3);

async fn kill_calls(plain: PgPool) {
    const KILL: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND state = 'active' AND application_name = $1";
    while CALLS_KILLED.load(Ordering::SeqCst) < CALLS_KILLED_MAX {
        let killed: i64 = sqlx::query_scalar(KILL).bind(CALLS).fetch_one(&plain).await.unwrap();
        CALLS_KILLED.fetch_add(killed, Ordering::SeqCst);
        tokio::time::sleep(KILL_EVERY).await;
    }
}

async fn run(database: &Database, clients: usize, commands: usize) -> Vec<Answered> {
    database.execute("CREATE TABLE thing (id uuid PRIMARY KEY, version integer NOT NULL)").await;
    let mut things: Vec<Uuid> = (0..AGGREGATES).map(|_| Uuid::now_v7()).collect();
    things.sort();
    let insert = "INSERT INTO thing SELECT id, 0 FROM unnest($1::uuid[]) AS id";
    sqlx::query(insert).bind(&things).execute(&database.plain).await.unwrap();

    let processes = [Process::new(database).await, Process::new(database).await];
    let (things, seen) = (Arc::new(things), Arc::new(Seen::default()));
    let clients: Vec<_> = (0..clients)
        .map(|number| {
            let process = Arc::clone(&processes[number % processes.len()]);
            let (things, seen) = (Arc::clone(&things), Arc::clone(&seen));
            tokio::spawn(async move { client(&process, &things, &seen, commands).await })
        })
        .collect();
    let mut answered = Vec::new();
    for client in clients {
        answered.extend(client.await.unwrap());
    }
    answered
}

async fn client(process: &Process, things: &[Uuid], seen: &Seen, commands: usize) -> Vec<Answered> {
    let mut answered = Vec::new();
    for _ in 0..commands {
        let caused_by = seen.answered.load(Ordering::SeqCst);
        let Some(events) = one_command(process, things).await else { continue };
        let head = process.sequence().await;
        let command_id = events[0].command_id;
        let (_, last) = process.log.placed(command_id).await.unwrap().expect("answered without a position");
        assert!(last <= head, "head {head} is below the own event at {last}");
        seen.answered.fetch_max(last.0, Ordering::SeqCst);
        answered.push(Answered { command_id, events: events.len(), caused_by });
    }
    answered
}

/// Locks some things in order, brings them on by some versions, and commits, or not.
async fn one_command(process: &Process, things: &[Uuid]) -> Option<Vec<NewEvent>> {
    let tx = process.log.database().begin().await.unwrap();
    pause(&tx).await;
    let mut aggregates = Vec::new();
    for (id, count) in plan(things) {
        let version = bring_on(&tx, id, count).await;
        aggregates.extend((1..=count).map(|step| post(id, version - count + step)));
        pause(&tx).await;
    }
    let events = command(&tx, &aggregates).await;
    pause(&tx).await;
    outbox::record(&tx, &events).await.unwrap();
    pause(&tx).await;
    if rand::rng().random_bool(ROLLED_BACK) {
        tx.rollback().await.unwrap();
        return None;
    }
    tx.commit().await.unwrap();
    Some(events)
}

/// Which things, in lock order, and how many events for each: one to five in all.
fn plan(things: &[Uuid]) -> Vec<(Uuid, u32)> {
    let mut rng = rand::rng();
    let mut counts: HashMap<Uuid, u32> = HashMap::new();
    let mut few: Vec<Uuid> = things.to_vec();
    few.shuffle(&mut rng);
    few.truncate(rng.random_range(1..=3));
    for _ in 0..rng.random_range(1..=EVENTS_PER_COMMAND) {
        *counts.entry(*few.choose(&mut rng).unwrap()).or_default() += 1;
    }
    let mut plan: Vec<(Uuid, u32)> = counts.into_iter().collect();
    plan.sort();
    plan
}

async fn bring_on(tx: &DatabaseTransaction, id: Uuid, count: u32) -> u32 {
    #[derive(FromQueryResult)]
    struct Row {
        version: i32,
    }
    let sql = "UPDATE thing SET version = version + $2::bigint WHERE id = $1 RETURNING version";
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [id.into(), i64::from(count).into()]);
    Row::find_by_statement(statement).one(tx).await.unwrap().unwrap().version.try_into().unwrap()
}

async fn pause(tx: &DatabaseTransaction) {
    if rand::rng().random_bool(0.5) {
        let statement = format!("SELECT pg_sleep({})", rand::rng().random_range(0.0..DELAY_MAX_S));
        tx.execute_unprepared(&statement).await.unwrap();
    }
}

async fn check(log: &Log, answered: &[Answered]) {
    let mut all: Vec<Envelope> = Vec::new();
    loop {
        let next = log.read(Position(all.len() as u64), 1_000).await.unwrap();
        if next.is_empty() {
            break;
        }
        all.extend(next);
    }
    check_positions(&all);
    check_versions(&all);
    let places = check_commands(&all);
    assert_eq!(places.len(), answered.len(), "exactly what was answered is in the log");
    for command in answered {
        let (first, events) = places[&command.command_id];
        assert_eq!(events, command.events);
        assert!(first > command.caused_by, "position {first} lies before its cause at {}", command.caused_by);
    }
}

fn check_positions(all: &[Envelope]) {
    let ids: BTreeSet<_> = all.iter().map(|envelope| envelope.event_id).collect();
    assert_eq!(ids.len(), all.len(), "an event lies twice in the log");
    assert!(all.iter().zip(1..).all(|(envelope, position)| envelope.position == Position(position)));
}

fn check_versions(all: &[Envelope]) {
    let mut versions: HashMap<Uuid, u32> = HashMap::new();
    for Envelope { aggregate: Aggregate { id, version, .. }, position, .. } in all {
        let last = versions.entry(*id).or_default();
        assert_eq!(*version, *last + 1, "at position {position}");
        *last = *version;
    }
}

/// The first position and the number of events of each command, whose events lie together in order.
fn check_commands(all: &[Envelope]) -> HashMap<CommandId, (u64, usize)> {
    let mut places = HashMap::new();
    for events in all.chunk_by(|before, after| before.command_id == after.command_id) {
        let place = (events[0].position.0, events.len());
        assert_eq!(places.insert(events[0].command_id, place), None, "a command's events lie apart");
        for (event, index) in events.iter().zip(0..) {
            assert_eq!((event.command_index, event.command_count as usize), (index, events.len()));
        }
        assert!(events[events.len() - 1].ends_command());
    }
    places
}
