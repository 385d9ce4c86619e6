//! How long a projector pauses after a round: pure.

use super::core::Step;
use std::time::{Duration, Instant};

/// How long an event that cannot be folded yet is waited for before it is looked at again.
const OBSTACLE_WAIT: Duration = Duration::from_millis(50);
/// After a lost compare: another projector is at work, or died in the middle of a commit, and trying again at once helps neither.
/// Each time twice as long, so that one that stands by costs next to nothing, and still takes over soon.
const STAND_BY: Duration = Duration::from_millis(50);
const STAND_BY_MAX: Duration = Duration::from_millis(400);
/// After an error: each time half as long again.
const BACK_OFF: Duration = Duration::from_millis(50);
const BACK_OFF_MAX: Duration = Duration::from_secs(5);
/// A commit costs MongoDB about the same however many events it folds. Who commits again so soon is under load, and rests after each, so
/// that more events share the next; an event that comes alone waits for nobody.
const BUSY: Duration = Duration::from_millis(50);
const REST: Duration = Duration::from_millis(10);
/// A commit of so many events is shared by enough of them.
const SHARED_ENOUGH: usize = 200;
/// An alarm is looked at again now and then: somebody may have put things right.
const ALARM_WAIT: Duration = Duration::from_secs(2);

/// Pauses that grow while nothing succeeds.
#[derive(Debug)]
pub struct Pauses {
    stand_by: Duration,
    back_off: Duration,
    committed: Option<Instant>,
}

impl Default for Pauses {
    fn default() -> Self {
        Self { stand_by: STAND_BY, back_off: BACK_OFF, committed: None }
    }
}

impl Pauses {
    /// The pause after a round that was answered just now.
    pub fn after(&mut self, step: &Step, now: Instant) -> Duration {
        self.back_off = BACK_OFF;
        match step {
            Step::CompareLost => {
                let next = (self.stand_by * 2).min(STAND_BY_MAX);
                return std::mem::replace(&mut self.stand_by, next);
            }
            Step::TooLarge => return Duration::ZERO,
            Step::Folded { .. } | Step::Spread | Step::Waiting(_) | Step::Idle => self.stand_by = STAND_BY,
        }
        match step {
            Step::Waiting(_) => OBSTACLE_WAIT,
            Step::Folded { events } => self.after_commit(*events, now),
            _ => Duration::ZERO,
        }
    }

    fn after_commit(&mut self, events: usize, now: Instant) -> Duration {
        let before = self.committed.replace(now);
        let is_busy = before.is_some_and(|before| now.saturating_duration_since(before) < BUSY);
        if is_busy && events < SHARED_ENOUGH { REST } else { Duration::ZERO }
    }

    /// The pause after an alarm.
    pub fn after_alarm(&self) -> Duration {
        ALARM_WAIT
    }

    /// The pause after an error. `share`, from 0 to 1, is random, and keeps two projectors from coming back in step.
    pub fn after_error(&mut self, share: f64) -> Duration {
        let pause = self.back_off.mul_f64(0.5 + share);
        self.back_off = self.back_off.mul_f64(1.5).min(BACK_OFF_MAX);
        pause
    }
}
