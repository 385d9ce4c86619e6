//! What goes wrong: answers get lost, processes die or stand still, servers lose what they had.

use crate::plot::Plot;
use crate::random::Random;
use crate::scheduler::{Kind, Order, ProcessId};
use crate::world::World;

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is carried out and answered.
    Answered,
    /// It is carried out, but the answer does not come.
    AnswerLost,
    /// It is carried out at some later time, and never answered.
    Late,
    /// It never arrives.
    NeverArrived,
}

/// Where in a run a certain kind of fault likes to strike.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Aim {
    /// Between two steps of a process: it dies or stands still.
    Process,
    /// Between documents and head, between head and document: Redis forgets or is put back.
    Redis,
}

/// How often what goes wrong in this schedule.
#[derive(Debug, Clone)]
pub struct Faults {
    /// False in the quiet phase.
    pub strike: bool,
    /// True while some rule is off: then faults strike harder, to find the schedule that breaks.
    pub harsh: bool,
    /// Faults per step.
    pub often: f64,
    /// Calls without an answer.
    pub lost: f64,
    /// How soon late calls arrive, per step.
    pub arrive: f64,
    /// The kind of fault that this schedule is about, if it is about one.
    pub about: Option<(f64, f64)>,
    /// What it is about beside that.
    pub plot: Plot,
}

/// How often a subscriber's connection breaks, per step: with its cursor it goes on at another moment, elsewhere.
const CUT_OFF: f64 = 0.01;

/// How often a fault is of the kind that the schedule is about.
const ABOUT: f64 = 0.6;
/// The same where calls come late: if Redis is flushed, they come too late to do anything.
const ABOUT_LATE: f64 = 0.95;
/// How soon late calls arrive where they come so late that all else has gone on, per step.
const ARRIVE_LATE: f64 = 0.004;
/// How often each of those who could know stands still when the log goes back while nobody looks.
const LOOKS_AWAY: f64 = 0.7;

/// How often NATS loses its tail in the moment in which PostgreSQL goes back, as when one machine is put back that both are on.
const TAIL_LOST_TOO: f64 = 0.3;

/// Below these bounds of one draw lie the kinds of faults, in the order of [`World::strike`].
const CRASH: f64 = 0.2;
const PAUSE: f64 = 0.4;
const TAIL_LOST: f64 = 0.46;
const NATS_WIPED: f64 = 0.475;
const BUCKET_WIPED: f64 = 0.485;
const FOREIGN_STREAM: f64 = 0.49;
const HOLE: f64 = 0.51;
const PURGED: f64 = 0.53;
const STRANGER: f64 = 0.55;
const SYNCED: f64 = 0.62;
const FLUSHED: f64 = 0.72;
const SAVED: f64 = 0.78;
const REDIS_BACK: f64 = 0.84;
const EVICTED: f64 = 0.95;

impl Faults {
    /// The faults of one schedule.
    pub fn of(random: &mut Random, harsh: bool) -> Self {
        let whole = random.pick([
            None,
            Some((0.0, CRASH)),
            Some((CRASH, PAUSE)),
            Some((PAUSE, 0.57)),
            Some((0.57, SYNCED)),
            Some((SYNCED, FLUSHED)),
            Some((FLUSHED, REDIS_BACK)),
            Some((REDIS_BACK, EVICTED)),
            Some((EVICTED, 1.0)),
        ]);
        let faults = Self {
            strike: true,
            harsh,
            often: random.pick([0.003, 0.01, 0.03]),
            lost: random.pick([0.01, 0.03, 0.08, 0.15]),
            arrive: random.pick([0.01, 0.05, 0.3]),
            about: whole,
            plot: Plot::of(random),
        };
        match faults.plot {
            Plot::Late => {
                let (often, lost) = (0.02, 0.01);
                Self { often, lost, arrive: ARRIVE_LATE, about: Some((REDIS_BACK, EVICTED)), ..faults }
            }
            Plot::Erasure => Self { often: 0.01, about: Some((NATS_WIPED, BUCKET_WIPED)), ..faults },
            Plot::Usual | Plot::GoesBack | Plot::Doubt | Plot::Again => faults,
        }
    }

    /// What becomes of the next call.
    pub fn fate(&self, random: &mut Random) -> Fate {
        if !self.strike {
            return Fate::Answered;
        }
        let drawn = random.fraction() / if self.harsh { 2.0 } else { 1.0 };
        match drawn / self.lost {
            share if share < 0.33 => Fate::AnswerLost,
            share if share < 0.7 => Fate::Late,
            share if share < 1.0 => Fate::NeverArrived,
            _ => Fate::Answered,
        }
    }
}

impl World {
    /// A fault, perhaps, and what comes late.
    pub fn begin_step(&mut self) {
        self.now += 1;
        let often_about = if self.faults.plot == Plot::Late { ABOUT_LATE } else { ABOUT };
        if self.faults.strike && self.random.chance(self.faults.often) {
            let drawn = match self.faults.about {
                Some((from, to)) if self.random.chance(often_about) => from + (to - from) * self.random.fraction(),
                _ => self.random.fraction(),
            };
            self.strike(drawn);
        }
        if self.faults.strike && self.random.chance(CUT_OFF) {
            self.subscriber_is_cut_off();
        }
        if !self.late.is_empty() && self.random.chance(self.faults.arrive) {
            let index = self.random.index(self.late.len());
            let late = self.late.swap_remove(index);
            (late.effect)(self);
        }
        if self.goes_back_at.is_some_and(|at| at <= self.now) {
            self.goes_back_at = None;
            self.go_back();
            if self.faults.plot == Plot::GoesBack {
                self.stream_goes_back_too();
            } else if self.random.chance(TAIL_LOST_TOO) {
                self.nats_loses_tail();
            }
        }
    }

    /// To the same moment, so that only projectors know; or not, and relays do not look.
    fn stream_goes_back_too(&mut self) {
        let is_put_back = self.random.chance(0.5);
        if is_put_back {
            self.nats_is_put_back_to(self.postgres.head().position.0);
        }
        let away = if is_put_back { Kind::Projector } else { Kind::Relay };
        for index in 0..self.processes.len() {
            if self.processes[index].kind == away && self.random.chance(LOOKS_AWAY) {
                self.pause(ProcessId(index));
            }
        }
    }

    fn subscriber_is_cut_off(&mut self) {
        let all: Vec<usize> = self.subscribers.keys().copied().collect();
        let Some(listener) = self.random.one_of(&all).and_then(|number| self.subscribers.get(number)) else { return };
        listener.cut.notify_one();
    }

    /// True so often, more so while a rule is off, and never in the quiet phase.
    pub fn is_hit(&mut self, often: f64) -> bool {
        let often = if self.faults.harsh { often * 4.0 } else { often };
        self.faults.strike && self.random.chance(often)
    }

    /// A point where a fault of this kind likes to strike.
    pub fn aim(&mut self, aim: Aim, often: f64) {
        if !self.is_hit(often) {
            return;
        }
        let (from, to) = match aim {
            Aim::Process => (0.0, PAUSE),
            Aim::Redis => (SYNCED, REDIS_BACK),
        };
        let drawn = from + (to - from) * self.random.fraction();
        match aim {
            Aim::Process if drawn < CRASH => self.crash(self.running),
            Aim::Process => self.pause(self.running),
            Aim::Redis => self.strike(drawn),
        }
    }

    fn strike(&mut self, drawn: f64) {
        match drawn {
            drawn if drawn < CRASH => self.crash_somebody(),
            drawn if drawn < PAUSE => self.pause_somebody(),
            drawn if drawn < TAIL_LOST => self.nats_loses_tail(),
            drawn if drawn < NATS_WIPED => self.nats_is_wiped(),
            drawn if drawn < BUCKET_WIPED => self.bucket_is_wiped(),
            drawn if drawn < FOREIGN_STREAM => self.foreign_stream(),
            drawn if drawn < HOLE => self.nats_loses_message(),
            drawn if drawn < PURGED => self.nats_is_purged(),
            drawn if drawn < STRANGER => self.stranger_publishes(),
            drawn if drawn < SYNCED => self.nats.sync(),
            drawn if drawn < FLUSHED => self.redis_is_flushed(),
            drawn if drawn < SAVED => self.redis.save(),
            drawn if drawn < REDIS_BACK => self.redis_is_put_back(),
            drawn if drawn < EVICTED => self.redis_evicts(),
            _ => self.changes_are_trimmed(),
        }
    }

    fn server_process(&mut self) -> Option<ProcessId> {
        let able = |info: &crate::world::ProcessInfo| info.is_alive && info.kind != Kind::Outside;
        let numbered = self.processes.iter().enumerate().filter(|(_, info)| able(info));
        let all: Vec<ProcessId> = numbered.map(|(index, _)| ProcessId(index)).collect();
        self.random.one_of(&all).copied()
    }

    fn crash_somebody(&mut self) {
        let Some(process) = self.server_process() else { return };
        let task = self.random.index(8);
        if self.random.chance(0.2) {
            self.tell(|world| format!("a request to {} is dropped", world.name(process)));
            self.orders.push(Order::Cancel { process, task });
        } else {
            self.crash(process);
        }
    }

    fn crash(&mut self, process: ProcessId) {
        if self.processes[process.0].kind == Kind::Outside {
            return;
        }
        let after = self.random.below(40);
        self.tell(|world| format!("CRASH of {}", world.name(process)));
        self.orders.push(Order::Crash { process, after });
    }

    fn pause_somebody(&mut self) {
        let Some(process) = self.server_process() else { return };
        self.pause(process);
    }

    fn pause(&mut self, process: ProcessId) {
        if self.processes[process.0].kind == Kind::Outside {
            return;
        }
        let steps = self.random.between(20, 250);
        self.tell(|world| format!("PAUSE of {} for {steps}", world.name(process)));
        self.orders.push(Order::Pause { process, steps });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calm_loses_nothing_and_a_rough_sea_meets_every_fate() {
        let mut random = Random::new(5);
        let mut faults = Faults::of(&mut random, true);
        let fates: Vec<Fate> = (0..2_000).map(|_| faults.fate(&mut random)).collect();
        for fate in [Fate::Answered, Fate::AnswerLost, Fate::Late, Fate::NeverArrived] {
            assert!(fates.contains(&fate), "{fate:?}");
        }
        faults.strike = false;
        assert!((0..2_000).all(|_| faults.fate(&mut random) == Fate::Answered));
    }
}
