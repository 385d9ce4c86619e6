//! A query process: reads through the cache, and follows the changes for its subscribers.

use std::sync::Arc;

use millrace_events::{ConsistencyToken, Required};
use millrace_read::cache::Ring;
use millrace_read::live::{Feed, Item, LiveLimits, Request};
use millrace_read::projection::{DocumentKey, Projection};
use millrace_read::reader::{Answer, Need, OnTimeout, Patience, ReadError, Reader};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;

use crate::ports::cache::CachePort;
use crate::ports::served::ServedPort;
use crate::projection::{Pages, Sheet};
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

type PageReader = Reader<Pages, ServedPort, CachePort>;
type PageFeed = Feed<Pages, ServedPort>;

/// What somebody outside asks for.
pub enum Query {
    /// Documents.
    Read {
        /// Which ones.
        keys: Vec<DocumentKey>,
        /// What they are owed.
        required: Option<Required>,
        /// If that is not reached in time.
        on_timeout: OnTimeout,
        /// Where the answer goes. Dropped, the connection broke.
        reply: oneshot::Sender<Result<Answer, ReadError>>,
    },
    /// Changes.
    Subscribe {
        /// Which ones.
        request: Request,
        /// Where they go. Dropped, the connection broke.
        items: UnboundedSender<Item<Sheet>>,
    },
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
        let reader = Arc::new(PageReader::new(ServedPort::new(sim.clone()), CachePort::new(sim.clone())));
        let limits = LiveLimits { waiting_max: WAITING_MAX, ..LiveLimits::default() };
        let feed = Arc::new(PageFeed::new(Arc::new(ServedPort::new(sim.clone())), limits));
        let (own, own_feed) = (sim.clone(), Arc::clone(&feed));
        sim.spawn(process, async move {
            while let Some(query) = queries.recv().await {
                own.serve(process, serve(own.clone(), Arc::clone(&reader), Arc::clone(&own_feed), query));
            }
        });
        sim.spawn(process, follow(sim.clone(), feed, rings));
    });
}

async fn serve(sim: Sim, reader: Arc<PageReader>, feed: Arc<PageFeed>, query: Query) {
    match query {
        Query::Read { keys, required, on_timeout, reply } => {
            let until = sim.with(|world| world.now) + WAITS_MAX * WAIT / 2;
            let answer = reader.read(&keys, Need { required, on_timeout }, &Waits { sim: &sim, until }).await;
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

/// What a token says of the model's projection.
pub fn required(token: &ConsistencyToken) -> Required {
    token.required(Pages::NAME)
}
