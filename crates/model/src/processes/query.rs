//! A query process: reads through the cache, and follows the changes for its subscribers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millrace_events::{ConsistencyToken, rule};
use millrace_read::cache::Ring;
use millrace_read::live::{Feed, Item, LiveLimits, Request};
use millrace_read::projection::{DocumentKey, Projection};
use millrace_read::reader::{Answer, Debt, Need, OnTimeout, Patience, ReadError, Reader};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;

use crate::ports::cache::CachePort;
use crate::ports::served::ServedPort;
use crate::projection::{Name, Names, Pages, Sheet};
use crate::scheduler::Kind;
use crate::sim::Sim;
use crate::world::World;

/// How often a request looks again before its time is over.
const WAITS_MAX: u64 = 30;
/// Below so many steps lies the time between two such looks.
const WAIT: u64 = 30;
/// Below so many steps lies the time between two looks of the feed.
const PAUSE: u64 = 16;
/// How many changes wait for a subscriber: few, so that a slow one is met.
const WAITING_MAX: usize = 6;

type PageFeed = Feed<Pages, ServedPort>;

/// What somebody outside asks for.
pub enum Query {
    /// Documents.
    Read {
        /// Which ones, of which projections.
        parts: Vec<Part>,
        /// What the request is owed.
        token: Option<ConsistencyToken>,
        /// If that is not reached in time.
        on_timeout: OnTimeout,
        /// Where the answer goes. Dropped, the connection broke.
        reply: oneshot::Sender<Result<Whole, ReadError>>,
    },
    /// Changes.
    Subscribe {
        /// Which ones.
        request: Request,
        /// Where they go. Dropped, the connection broke.
        items: UnboundedSender<Item<Sheet>>,
    },
}

/// What is asked of one projection.
pub struct Part {
    /// Which one.
    pub of: Name,
    /// Its documents.
    pub keys: Vec<DocumentKey>,
}

/// An answer that was made of one projection or more.
pub struct Whole {
    /// The answer to each part.
    pub parts: Vec<Answer>,
    /// What the client takes along.
    pub token: Option<ConsistencyToken>,
}

/// A reader for each projection.
struct Readers {
    pages: Reader<Pages, ServedPort, CachePort>,
    names: Reader<Names, ServedPort, CachePort>,
}

impl Readers {
    fn new(sim: &Sim) -> Self {
        let store = |of| ServedPort::new(sim.clone(), of);
        let cache = |of| CachePort::new(sim.clone(), of);
        Self {
            pages: Reader::new(store(Pages::NAME), cache(Pages::NAME)),
            names: Reader::new(store(Names::NAME), cache(Names::NAME)),
        }
    }
}

/// One request, as GraphQL reads for it: what it is owed grows with what it has been shown.
struct Reading<'a> {
    sim: &'a Sim,
    readers: &'a Readers,
    begun_with: Debt,
    debt: Mutex<Debt>,
    on_timeout: OnTimeout,
    until: u64,
}

impl Reading<'_> {
    /// Of two projections the parts are read one after the other, or at once, as it happens.
    async fn whole(&self, parts: &[Part]) -> Result<Whole, ReadError> {
        let mut answers = Vec::new();
        let mut rest = parts;
        if let [first, second, ..] = parts
            && first.of != second.of
            && self.sim.with(|world| world.random.chance(0.5))
        {
            let (first, second) = tokio::join!(biased; self.part(first), self.part(second));
            answers.extend([first?, second?]);
            rest = &parts[2..];
        }
        for part in rest {
            answers.push(self.part(part).await?);
        }
        let token = self.debt().token().cloned();
        Ok(Whole { parts: answers, token })
    }

    async fn part(&self, part: &Part) -> Result<Answer, ReadError> {
        let required = if rule("shown_is_owed") { self.debt().of(part.of) } else { self.begun_with.of(part.of) };
        let need = Need { required, on_timeout: self.on_timeout };
        let waits = Waits { sim: self.sim, until: self.until };
        let answer = match part.of {
            Names::NAME => self.readers.names.read(&part.keys, need, &waits).await?,
            _ => self.readers.pages.read(&part.keys, need, &waits).await?,
        };
        self.debt().show(part.of, answer.history, answer.generation, answer.revision);
        Ok(answer)
    }

    fn debt(&self) -> MutexGuard<'_, Debt> {
        self.debt.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Waits<'a> {
    sim: &'a Sim,
    until: u64,
}

impl Patience for Waits<'_> {
    async fn wait(&self) -> bool {
        if self.sim.with(|world| world.now >= self.until) {
            return false;
        }
        self.sim.nap(WAIT).await;
        true
    }
}

/// Starts one.
pub fn start(sim: &Sim, number: usize) {
    sim.start(Kind::Query, format!("query{number}"), move |sim, process| {
        let (sender, mut queries) = mpsc::unbounded_channel();
        let (ringer, rings) = mpsc::unbounded_channel();
        sim.with(|world| world.connect_queries(number, sender, ringer));
        let readers = Arc::new(Readers::new(sim));
        let limits = LiveLimits { waiting_max: WAITING_MAX, ..LiveLimits::default() };
        let feed = Arc::new(PageFeed::new(Arc::new(ServedPort::new(sim.clone(), Pages::NAME)), limits));
        let (own, own_feed) = (sim.clone(), Arc::clone(&feed));
        sim.spawn(process, async move {
            while let Some(query) = queries.recv().await {
                own.serve(process, serve(own.clone(), Arc::clone(&readers), Arc::clone(&own_feed), query));
            }
        });
        sim.spawn(process, follow(sim.clone(), feed, rings));
    });
}

async fn serve(sim: Sim, readers: Arc<Readers>, feed: Arc<PageFeed>, query: Query) {
    match query {
        Query::Read { parts, token, on_timeout, reply } => {
            let until = sim.with(|world| world.now) + WAITS_MAX * WAIT / 2;
            let mut debt = Debt::default();
            token.iter().for_each(|token| debt.owe(token));
            let (sim, readers, begun_with, debt) = (&sim, &*readers, debt.clone(), Mutex::new(debt));
            let answer = Reading { sim, readers, begun_with, debt, on_timeout, until }.whole(&parts).await;
            // A client that is gone needs no answer.
            let _ = reply.send(answer);
        }
        Query::Subscribe { request, items } => {
            let Ok(mut subscription) = feed.subscribe(request) else { return sim.nap(PAUSE).await };
            while let Some(item) = subscription.next().await {
                if items.send(item).is_err() {
                    return;
                }
                sim.nap(PAUSE).await;
            }
        }
    }
}

/// The feed's loop: hears rings, and looks now and then.
async fn follow(sim: Sim, feed: Arc<PageFeed>, mut rings: UnboundedReceiver<Ring>) {
    loop {
        let followed = match rings.try_recv() {
            Ok(ring) => feed.hear(ring).await,
            Err(_) if sim.with(World::is_time_to_look) => feed.tick().await,
            Err(_) => Ok(()),
        };
        if followed.is_err() {
            sim.nap(PAUSE).await;
        }
        sim.nap(PAUSE).await;
    }
}

impl World {
    /// Ever so often, but seldom enough that rings come in between.
    fn is_time_to_look(&mut self) -> bool {
        let often = if self.faults.harsh && self.faults.strike { 0.1 } else { 0.3 };
        self.random.chance(often)
    }
}
