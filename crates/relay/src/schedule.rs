//! What is due when. The clock is an argument.

use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use crate::round::Duties;

/// How often the relay sequences for processes that died, and looks for events without being woken.
pub const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// How often it looks at the stream though nothing seems odd.
pub const LOOK_INTERVAL: Duration = Duration::from_secs(10);
/// How often it compares one more page of all messages and of all keys.
pub const AUDIT_INTERVAL: Duration = Duration::from_secs(1);
/// How often it beats.
pub const BEAT_INTERVAL: Duration = Duration::from_secs(1);
/// Who publishes again so soon is under load, and rests after each window, so that more events share the next.
const BUSY: Duration = Duration::from_millis(50);
const REST: Duration = Duration::from_millis(5);
/// Pauses after errors: each half as long again, with jitter, up to the longest.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(5);
const PAUSE_FACTOR: f32 = 1.5;

/// When each duty was last handed out.
#[derive(Debug, Default)]
pub struct Schedule {
    sequence: Timer,
    look: Timer,
    audit: Timer,
    beat: Timer,
    published: Option<Instant>,
}

impl Schedule {
    /// What is due in the round that begins now.
    pub fn duties(&mut self, now: Instant) -> Duties {
        Duties {
            sequence: self.sequence.is_due(now, POLL_INTERVAL),
            look: self.look.is_due(now, LOOK_INTERVAL),
            audit: self.audit.is_due(now, AUDIT_INTERVAL),
        }
    }

    /// True if a beat is due.
    pub fn is_beat_due(&mut self, now: Instant) -> bool {
        self.beat.is_due(now, BEAT_INTERVAL)
    }

    /// How long to rest after a window was published; none if that happens seldom.
    pub fn rest(&mut self, now: Instant) -> Option<Duration> {
        let before = self.published.replace(now)?;
        (now.saturating_duration_since(before) < BUSY).then_some(REST)
    }

    /// How long an idle relay may sleep.
    pub fn until_poll(&self, now: Instant) -> Duration {
        self.sequence.until_due(now, POLL_INTERVAL)
    }
}

#[derive(Debug, Default)]
struct Timer {
    last: Option<Instant>,
}

impl Timer {
    fn until_due(&self, now: Instant, interval: Duration) -> Duration {
        self.last.map_or(Duration::ZERO, |last| interval.saturating_sub(now.saturating_duration_since(last)))
    }

    fn is_due(&mut self, now: Instant, interval: Duration) -> bool {
        let is_due = self.until_due(now, interval).is_zero();
        if is_due {
            self.last = Some(now);
        }
        is_due
    }
}

/// Pauses that grow while nothing succeeds.
#[derive(Debug)]
pub struct Pauses {
    seed: u64,
    next: ExponentialBackoff,
}

impl Pauses {
    /// The seed keeps two relays from coming back in step.
    pub fn new(seed: u64) -> Self {
        Self { seed, next: begin(seed) }
    }

    /// Something succeeded.
    pub fn reset(&mut self) {
        self.next = begin(self.seed);
    }

    /// How long to pause now.
    pub fn pause(&mut self) -> Duration {
        self.next.next().unwrap_or(PAUSE_MAX)
    }
}

fn begin(seed: u64) -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(PAUSE_MIN)
        .with_max_delay(PAUSE_MAX)
        .with_factor(PAUSE_FACTOR)
        .with_jitter()
        .with_jitter_seed(seed)
        .without_max_times()
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_first_everything_is_due_and_then_each_in_its_time() {
        let (mut schedule, start) = (Schedule::default(), Instant::now());
        assert_eq!(schedule.duties(start), Duties { sequence: true, look: true, audit: true });
        assert_eq!(schedule.duties(start), Duties::default());
        assert_eq!(schedule.until_poll(start + Duration::from_millis(100)), Duration::from_millis(150));
        assert_eq!(schedule.duties(start + POLL_INTERVAL), Duties { sequence: true, ..Duties::default() });
        assert_eq!(schedule.duties(start + LOOK_INTERVAL), Duties { sequence: true, look: true, audit: true });
    }

    #[test]
    fn pauses_grow_to_a_limit_and_begin_anew_after_a_success() {
        let mut pauses = Pauses::new(7);
        let grown: Vec<Duration> = (0..30).map(|_| pauses.pause()).collect();
        assert!(grown[0] >= PAUSE_MIN && grown[0] <= 2 * PAUSE_MIN, "{:?}", grown[0]);
        assert!(grown[29] >= PAUSE_MAX, "{:?}", grown[29]);
        pauses.reset();
        assert_eq!(pauses.pause(), grown[0]);
    }
}
