//! One schedule, from its seed to the last comparison.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::checks::quiet;
use crate::processes;
use crate::scheduler::Scheduler;
use crate::sim::Sim;
use crate::world::{Broken, Counts, World};

/// Steps with faults: so many that projectors commit some dozen times meanwhile.
const STEPS_WITH_FAULTS: u64 = 2_600;
/// After so many steps without faults all must be quiet.
const QUIET_STEPS_MAX: u64 = 20_000;
/// Steps between two looks whether it is quiet.
const STEPS_BETWEEN_LOOKS: u64 = 50;

/// What came of a schedule.
#[derive(Debug)]
pub struct Outcome {
    /// The first invariant that did not hold.
    pub broken: Option<Broken>,
    /// What was covered.
    pub counts: Counts,
    /// What was told, if it was asked for.
    pub told: Vec<String>,
}

/// How a schedule is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    /// True while rules are off: faults then strike harder.
    pub harsh: bool,
    /// Whether to tell what happens.
    pub is_told: bool,
}

/// Runs the schedule of a seed.
pub fn run(seed: u64, manner: Manner) -> Outcome {
    let sim = Sim::new(World::new(seed, manner.harsh, manner.is_told));
    let run = || {
        let mut scheduler = Scheduler::new(sim.clone());
        processes::start(&sim);
        to_the_end(&sim, &mut scheduler);
    };
    if catch_unwind(AssertUnwindSafe(run)).is_err() {
        sim.with(|world| world.break_off("panic", "a core panicked"));
    }
    sim.with(|world| {
        world.disconnect();
        world.counts.steps = world.now;
        Outcome { broken: world.broken.take(), counts: world.counts, told: world.told() }
    })
}

fn to_the_end(sim: &Sim, scheduler: &mut Scheduler) {
    while sim.with(|world| world.now < STEPS_WITH_FAULTS && world.broken.is_none()) {
        scheduler.step();
    }
    sim.with(World::calm_down);
    scheduler.wake_all();
    for _ in 0..QUIET_STEPS_MAX / STEPS_BETWEEN_LOOKS {
        for _ in 0..STEPS_BETWEEN_LOOKS {
            scheduler.step();
        }
        if sim.with(|world| world.broken.is_some() || quiet::why_not(world).is_none()) {
            return sim.with(quiet::check_end);
        }
    }
    sim.with(|world| {
        let why = quiet::why_not(world).unwrap_or_default();
        world.break_off("live", format!("not quiet after {QUIET_STEPS_MAX} steps: {why}"));
    });
}

impl World {
    /// Nothing strikes any more, and what is late arrives.
    fn calm_down(&mut self) {
        self.faults.strike = false;
        self.streams_at_calm = self.counts.streams;
        self.tell(|_| "nothing strikes any more".to_owned());
        while let Some(late) = self.late.pop() {
            (late.effect)(self);
        }
    }

    /// Ends what would keep this world alive for ever.
    fn disconnect(&mut self) {
        self.late.clear();
        self.orders.clear();
        self.disconnect_processes();
    }
}
