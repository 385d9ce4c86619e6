//! The world of one schedule: the four servers, the processes around them, and what an all-knowing observer notes down to check them.

pub mod documents;
pub mod names;
pub mod nats;
pub mod postgres;
pub mod redis;

use std::collections::BTreeMap;
use std::fmt;

use millrace_read::cache::Ring;
use millrace_read::projection::Projection;
use tokio::sync::mpsc::UnboundedSender;

use crate::faults::{Fate, Faults};
use crate::oracle::Oracle;
use crate::plot::Plot;
use crate::processes::command::Request;
use crate::processes::query::Query;
use crate::processes::subscriber::Listener;
use crate::projection::{Name, Names, Pages};
use crate::random::Random;
use crate::scheduler::{Kind, Order, ProcessId};
use documents::Documents;
use names::Cast;
use nats::Nats;
use postgres::Postgres;
use redis::Redis;

/// How often somebody is erased.
const ERASES: f64 = 0.5;
/// How often there are two projections.
const SPLIT: f64 = 0.2;
/// What makes another seed of a seed, so that schedules with one projection are as they were before there was a second one.
const SPLIT_SEED: u64 = 0x5EED;

/// Where a call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// PostgreSQL: what is under way is lost when it is put back to an older state.
    Postgres,
    /// NATS.
    Nats,
    /// MongoDB.
    MongoDb,
    /// Redis: what is under way is lost when it restarts.
    Redis,
}

/// A call that is still on its way; nobody waits for it any more.
pub struct Late {
    /// Where it goes.
    pub server: Server,
    /// What it does there.
    pub effect: Box<dyn FnOnce(&mut World) + Send>,
}

/// What is known of a process from outside.
#[derive(Debug)]
pub struct ProcessInfo {
    /// What it is there for.
    pub kind: Kind,
    /// Its name in told schedules.
    pub name: String,
    /// False once it has ended for good.
    pub is_alive: bool,
}

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{invariant} {what}")]
pub struct Broken {
    /// Its name in the notes on reliability, such as `L1`.
    pub invariant: &'static str,
    /// What was found.
    pub what: String,
}

macro_rules! counts {
    ($( $(#[$doc:meta])* $name:ident ),+ $(,)?) => {
        /// What schedules covered.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Counts {
            $( $(#[$doc])* pub $name: u64 ),+
        }

        impl Counts {
            /// Takes in what another schedule covered.
            pub fn add(&mut self, other: &Self) {
                $( self.$name += other.$name; )+
            }

            /// What did not happen at all.
            pub fn never(&self) -> Vec<&'static str> {
                [$( (stringify!($name), self.$name) ),+]
                    .into_iter()
                    .filter_map(|(name, count)| (count == 0).then_some(name))
                    .collect()
            }
        }
    };
}

counts! {
    /// Steps.
    steps,
    /// Events that got a position.
    events,
    /// Answers of queries that were checked.
    answers,
    /// Of these, all from the cache.
    hits,
    /// Answers that were made of two projections.
    joint,
    /// Reads that ended in the typed time-out.
    timeouts,
    /// Changes that subscribers got.
    payloads,
    /// Subscriptions and reads that ended in the typed `HistoryGone`.
    history_gone,
    /// Streams that were made.
    streams,
    /// Commits that lost their compare.
    lost_compares,
    /// Commits that were refused because they were too large.
    too_large,
    /// Times that PostgreSQL was put back.
    went_back,
    /// New histories.
    new_histories,
    /// Persons who were erased.
    erased,
    /// Alarms of projectors and stops of relays.
    alarms,
}

/// Everything.
pub struct World {
    /// Chance.
    pub random: Random,
    /// Steps so far.
    pub now: u64,
    /// What goes wrong.
    pub faults: Faults,
    /// Who and what this schedule is about.
    pub cast: Cast,
    /// The log and the keys.
    pub postgres: Postgres,
    /// The stream and the bucket.
    pub nats: Nats,
    /// Documents, changes and checkpoints of each projection.
    pub stores: BTreeMap<Name, Documents>,
    /// The cache.
    pub redis: Redis,
    /// Calls that are still on their way.
    pub late: Vec<Late>,
    /// When PostgreSQL will be put back to an older state, if it will.
    pub goes_back_at: Option<u64>,
    /// From when on a person wants to be erased, if one does.
    pub erases_at: Option<u64>,
    /// Why somebody stopped, until the operator has looked.
    pub alarm: Option<String>,
    /// What checks need to know.
    pub oracle: Oracle,
    /// What was covered.
    pub counts: Counts,
    /// Streams that had been made when the faults ended.
    pub streams_at_calm: u64,
    /// The first invariant that did not hold.
    pub broken: Option<Broken>,
    /// All processes that there ever were.
    pub processes: Vec<ProcessInfo>,
    /// Clients that still have something to do.
    pub clients_left: u32,
    /// Where each subscriber is; none while it is nowhere.
    pub subscribers: BTreeMap<usize, Listener>,
    /// The process whose task is being polled.
    pub running: ProcessId,
    /// How long that task wants to sleep.
    pub nap: u64,
    /// What the scheduler is to do after this step.
    pub orders: Vec<Order>,
    commands: BTreeMap<usize, UnboundedSender<Request>>,
    queries: BTreeMap<usize, UnboundedSender<Query>>,
    rings: BTreeMap<usize, UnboundedSender<Ring>>,
    told: Option<Vec<String>>,
    last_number: u64,
}

impl World {
    /// A world in which nothing has happened yet.
    pub fn new(seed: u64, harsh: bool, is_told: bool) -> Self {
        let mut random = Random::new(seed);
        let faults = Faults::of(&mut random, harsh);
        let cast = Cast::of(&mut random);
        let often = if harsh { 0.5 } else { 0.25 };
        let goes_back = match faults.plot {
            Plot::GoesBack => true,
            Plot::Erasure => false,
            Plot::Usual | Plot::Late | Plot::Doubt | Plot::Again => random.chance(often),
        };
        let goes_back_at = goes_back.then(|| random.between(300, 2_300));
        let erases = random.chance(ERASES) || faults.plot == Plot::Erasure;
        let erases_at = erases.then(|| random.between(200, if faults.plot == Plot::Erasure { 500 } else { 2_300 }));
        let postgres = Postgres::new(goes_back_at.is_some());
        let mut stores = BTreeMap::from([(Pages::NAME, Documents::new(&mut random))]);
        if Random::new(seed ^ SPLIT_SEED).chance(SPLIT) {
            stores.insert(Names::NAME, Documents::new(&mut random));
        }
        Self {
            faults,
            cast,
            goes_back_at,
            erases_at,
            oracle: Oracle::new(),
            postgres,
            nats: Nats::default(),
            stores,
            redis: Redis::default(),
            random,
            now: 0,
            late: Vec::new(),
            alarm: None,
            counts: Counts::default(),
            streams_at_calm: 0,
            broken: None,
            processes: Vec::new(),
            clients_left: 0,
            subscribers: BTreeMap::new(),
            queries: BTreeMap::new(),
            commands: BTreeMap::new(),
            rings: BTreeMap::new(),
            running: ProcessId(0),
            nap: 0,
            orders: Vec::new(),
            told: is_told.then(Vec::new),
            last_number: 0,
        }
    }

    /// What MongoDB has of a projection.
    pub fn documents(&self, of: Name) -> &Documents {
        &self.stores[&of]
    }

    /// A number that was never given before: for ids of all kinds.
    pub fn new_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// What becomes of the next call.
    pub fn fate(&mut self) -> Fate {
        self.faults.fate(&mut self.random)
    }

    /// True if somebody else gets a chance to run before the answer is looked at.
    pub fn dawdles(&mut self) -> bool {
        self.random.chance(0.3)
    }

    /// Notes down an invariant that does not hold; the first one counts.
    pub fn break_off(&mut self, invariant: &'static str, what: impl fmt::Display) {
        if self.broken.is_none() {
            let broken = Broken { invariant, what: what.to_string() };
            self.tell(|_| format!("BROKEN: {broken}"));
            self.broken = Some(broken);
        }
    }

    /// Tells what happens, if somebody listens.
    pub fn tell(&mut self, what: impl FnOnce(&Self) -> String) {
        if self.told.is_some() {
            let line = format!("{:5} {}", self.now, what(self));
            self.told.get_or_insert_default().push(line);
        }
    }

    /// All that was told.
    pub fn told(&mut self) -> Vec<String> {
        self.told.take().unwrap_or_default()
    }

    /// A process's name.
    pub fn name(&self, process: ProcessId) -> &str {
        &self.processes[process.0].name
    }

    /// The name of the process whose task is being polled.
    pub fn own_name(&self) -> &str {
        self.name(self.running)
    }

    /// The process stops, and says why. Nothing but a log that went back is worth that.
    pub fn raise_alarm(&mut self, why: impl fmt::Display) {
        self.counts.alarms += 1;
        if self.counts.went_back == 0 {
            self.break_off("L5", format!("{} stops, though the log never went back: {why}", self.own_name()));
        }
        self.tell(|world| format!("{} STOPS: {why}", world.own_name()));
        self.alarm = Some(why.to_string());
    }

    /// A command process has come up.
    pub fn connect_commands(&mut self, number: usize, sender: UnboundedSender<Request>) {
        self.commands.insert(number, sender);
    }

    /// Any command process.
    pub fn any_command_process(&mut self) -> Option<UnboundedSender<Request>> {
        let all: Vec<_> = self.commands.values().cloned().collect();
        self.random.one_of(&all).cloned()
    }

    /// A query process has come up.
    pub fn connect_queries(&mut self, number: usize, sender: UnboundedSender<Query>, rings: UnboundedSender<Ring>) {
        self.queries.insert(number, sender);
        self.rings.insert(number, rings);
    }

    /// Any query process.
    pub fn any_query_process(&mut self) -> Option<UnboundedSender<Query>> {
        let all: Vec<_> = self.queries.values().cloned().collect();
        self.random.one_of(&all).cloned()
    }

    /// PUBLISH: each listener may miss it, also when nothing else goes wrong.
    pub fn ring(&mut self, ring: &Ring) {
        let missed = if self.faults.harsh { 0.4 } else { 0.1 };
        for listener in self.rings.values() {
            if !self.random.chance(missed) {
                // A listener that is gone hears nothing.
                let _ = listener.send(ring.clone());
            }
        }
    }

    /// Nobody can be reached any more.
    pub fn disconnect_processes(&mut self) {
        self.commands.clear();
        self.queries.clear();
        self.rings.clear();
    }
}
