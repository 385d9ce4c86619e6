//! A relay: the core's rounds, with chance in the place of the clock.

use millrace_read::projector::Beat;
use millrace_relay::core::Core;
use millrace_relay::judge::Verdict;
use millrace_relay::round::{Duties, Happened};

use super::event::timestamp;
use crate::checks::looks;
use crate::plot::Plot;
use crate::ports::log::LogPort;
use crate::ports::stream::StreamPort;
use crate::scheduler::Kind;
use crate::sim::Sim;
use crate::world::{Server, World};

/// Below so many steps lies the pause after a round that had nothing more to do.
const PAUSE: u64 = 12;
/// Below so many steps lies the pause after a round that failed.
const BACK_OFF: u64 = 20;

/// Starts one.
pub fn start(sim: &Sim, number: usize) {
    sim.start(Kind::Relay, format!("relay{number}"), |sim, process| {
        let own = sim.clone();
        sim.spawn(process, async move {
            let mut core = Core::new(LogPort(own.clone()), StreamPort::new(own.clone()));
            loop {
                round(&own, &mut core).await;
            }
        });
    });
}

async fn round(sim: &Sim, core: &mut Core<LogPort, StreamPort>) {
    let (duties, begun) = sim.with(|world| (due(world), world.now));
    let before = core.compared();
    let Ok(round) = core.round(duties).await else {
        return sim.nap(BACK_OFF).await;
    };
    sim.with(|world| looks::check_compared(world, before, core.compared(), begun));
    note(sim, &round.happened);
    beat(sim, core).await;
    if round.again {
        sim.pass().await;
    } else {
        sim.nap(PAUSE).await;
    }
}

fn due(world: &mut World) -> Duties {
    let audits = if world.faults.plot == Plot::Erasure { 0.7 } else { 0.15 };
    let mut often = |often: f64| world.random.chance(often);
    Duties { sequence: often(0.5), look: often(0.15), audit: often(audits) }
}

fn note(sim: &Sim, happened: &Happened) {
    sim.with(|world| match happened {
        Happened::Idle | Happened::Published { .. } => {}
        Happened::Stopped(why) => world.raise_alarm(why),
        // The stream is the only one that still knows what was lost.
        Happened::Recreated(Verdict::WentBack(why)) => {
            world.break_off("L5", format!("{} makes the stream anew, though {why}", world.own_name()));
        }
        other => world.tell(|world| format!("{}: {other:?}", world.own_name())),
    });
}

/// Over core NATS: it may come late, or not at all.
async fn beat(sim: &Sim, core: &Core<LogPort, StreamPort>) {
    let (Some(head), Some(last)) = (core.head(), core.last()) else { return };
    if !sim.with(|world| world.random.chance(0.3)) {
        return;
    }
    let at = timestamp(sim.with(|world| world.now));
    let beat = Beat { history: head.history, head: head.position, last, at };
    // That nobody heard it is nobody's affair.
    let _ = sim.call(Server::Nats, move |world| world.nats.beat = Some(beat)).await;
}
