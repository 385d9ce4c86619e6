//! A projector: the core's rounds, with chance in the place of the clock.

use millrace_events::History;
use millrace_read::projection::Projection;
use millrace_read::projector::{Alarm, Limits, Projector, RoundError, Step};

use crate::checks::looks;
use crate::ports::cache::CachePort;
use crate::ports::source::SourcePort;
use crate::ports::store::StorePort;
use crate::projection::{Name, Names, Pages, Sheet};
use crate::scheduler::Kind;
use crate::sim::{Lost, Sim};
use crate::world::{Server, World};

/// Below so many steps lies the pause after a round in which nothing could be done.
const PAUSE: u64 = 12;
/// Below so many steps lies the pause after a round that failed.
const BACK_OFF: u64 = 20;

type Core<P> = Projector<P, SourcePort, StorePort, CachePort>;

/// Starts two or three, and one or two of the second projection, where there is one.
pub fn start(sim: &Sim) {
    let count = sim.with(|world| world.random.pick([2, 2, 3]));
    start_all::<Pages>(sim, "projector", count);
    if sim.with(|world| world.stores.contains_key(Names::NAME)) {
        let count = sim.with(|world| world.random.pick([1, 2]));
        start_all::<Names>(sim, "namer", count);
    }
}

fn start_all<P: Projection<Document = Sheet>>(sim: &Sim, name: &str, count: u32) {
    for number in 0..count {
        sim.start(Kind::Projector, format!("{name}{number}"), |sim, process| {
            let own = sim.clone();
            sim.spawn(process, async move {
                loop {
                    if fold::<P>(&own).await.is_err() {
                        own.nap(BACK_OFF).await;
                    }
                }
            });
        });
    }
}

/// Folds the generation that is served, until a later history begins.
async fn fold<P: Projection<Document = Sheet>>(sim: &Sim) -> Result<(), Lost> {
    let generation = sim.ask(|world| world.documents(P::NAME).served).await?;
    let store = StorePort { sim: sim.clone(), of: P::NAME, generation };
    let limits = sim.with(limits);
    let cache = CachePort::new(sim.clone(), P::NAME);
    let mut core: Core<P> = Projector::new(SourcePort(sim.clone()), store, cache, limits);
    loop {
        if let Some(history) = round(sim, &mut core, generation).await {
            return supersede(sim, P::NAME, generation, history).await;
        }
    }
}

/// Has the next generation folded from position 1, and served at once.
async fn supersede(sim: &Sim, of: Name, generation: u32, history: History) -> Result<(), Lost> {
    let prepare = move |world: &mut World| world.prepare_next(of, generation, history);
    sim.call(Server::MongoDb, prepare).await?;
    let supersede = move |world: &mut World| {
        if world.stores.get_mut(&of).is_some_and(|documents| documents.supersede(generation)) {
            let served = generation + 1;
            world.tell(|_| format!("generation {served} of {of} is served, for history {history}"));
        }
    };
    sim.call(Server::MongoDb, supersede).await
}

/// Small, so that batches, chunks and memory have ends.
fn limits(world: &mut World) -> Limits {
    let random = &mut world.random;
    Limits {
        batch_events: random.pick([1, 3, 8]),
        batch_bytes: random.pick([600, 1 << 20]),
        chunk_documents: random.pick([1, 1, 2]),
        open_fan_outs: random.pick([1, 2, 1_000]),
        kept_documents: 100,
        kept_bytes: 1 << 20,
    }
}

/// One round. The later history, if one has begun.
async fn round<P: Projection<Document = Sheet>>(sim: &Sim, core: &mut Core<P>, generation: u32) -> Option<History> {
    let (is_tick, namespace) = sim.with(|world| (world.random.chance(0.1), world.random.number()));
    let other = sim.with(|world| looks::other_at_checkpoint(world, P::NAME, generation)).filter(|_| is_tick);
    if is_tick {
        core.tick();
    }
    match core.round(namespace).await {
        Ok(round) => {
            sim.with(|world| looks::check_verified(world, P::NAME, generation, other));
            after(sim, &round.step).await;
        }
        Err(RoundError::Alarm(Alarm::LaterHistory { found, .. })) => return Some(found),
        Err(RoundError::Alarm(alarm)) => {
            sim.with(|world| world.raise_alarm(alarm));
            sim.nap(BACK_OFF).await;
        }
        Err(RoundError::Source(_) | RoundError::Store(_)) => sim.nap(BACK_OFF).await,
    }
    None
}

async fn after(sim: &Sim, step: &Step) {
    match step {
        Step::Folded { .. } | Step::Spread | Step::CompareLost | Step::TooLarge => sim.pass().await,
        Step::Waiting(obstacle) => {
            sim.with(|world| world.tell(|world| format!("{} waits: {obstacle}", world.own_name())));
            sim.nap(PAUSE).await;
        }
        Step::Idle => sim.nap(PAUSE).await,
    }
}
