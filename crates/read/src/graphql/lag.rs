//! How far a projection is behind the log, from the relay's beats: pure.

use crate::projector::Beat;
use millrace_events::{History, Position};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// Without a new beat for this long nothing is known any more.
const BEAT_FRESH: Duration = Duration::from_secs(5);
/// So many heads are remembered; a projection further behind is told the age of the oldest.
const HEADS_MAX: usize = 120;

/// The heads of the log that were heard, oldest first.
#[derive(Debug, Default)]
pub struct Lag {
    history: Option<History>,
    heads: VecDeque<(Position, Instant)>,
    last: Option<(Beat, Instant)>,
}

impl Lag {
    /// Takes in the last beat that was heard. One that it has taken before tells nothing new.
    pub fn hear(&mut self, beat: &Beat, now: Instant) {
        if self.last.as_ref().is_some_and(|(last, _)| last == beat) {
            return;
        }
        if self.history != Some(beat.history) {
            self.heads.clear();
            self.history = Some(beat.history);
        }
        if self.heads.back().is_none_or(|(head, _)| *head < beat.head) {
            self.heads.push_back((beat.head, now));
        }
        while self.heads.len() > HEADS_MAX {
            self.heads.pop_front();
        }
        self.last = Some((beat.clone(), now));
    }

    /// For how long the log has been ahead of this position; none if nobody told lately.
    pub fn at(&self, position: Position, now: Instant) -> Option<u64> {
        let (_, heard) = self.last.as_ref()?;
        if now.duration_since(*heard) > BEAT_FRESH {
            return None;
        }
        let first_ahead = self.heads.iter().find(|(head, _)| *head > position);
        let lag = first_ahead.map_or(Duration::ZERO, |(_, since)| now.duration_since(*since));
        u64::try_from(lag.as_millis()).ok()
    }

    /// The last beat, while it is fresh.
    pub fn beat(&self, now: Instant) -> Option<&Beat> {
        self.last.as_ref().filter(|(_, heard)| now.duration_since(*heard) <= BEAT_FRESH).map(|(beat, _)| beat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_events::Timestamp;
    use time::OffsetDateTime;
    use uuid::Uuid;

    fn beat(history: u128, head: u64, second: i64) -> Beat {
        let at = Timestamp::new(OffsetDateTime::from_unix_timestamp(second).unwrap());
        Beat { history: History(Uuid::from_u128(history)), head: Position(head), last: Position(head), at }
    }

    #[test]
    fn lag_is_how_long_the_log_has_been_ahead() {
        let (mut lag, start) = (Lag::default(), Instant::now());
        let after = |ms| start + Duration::from_millis(ms);
        assert_eq!(lag.at(Position(1), start), None, "nobody has told");
        lag.hear(&beat(1, 5, 1), after(0));
        lag.hear(&beat(1, 9, 2), after(1_000));
        assert_eq!(lag.at(Position(9), after(1_500)), Some(0));
        assert_eq!(lag.at(Position(5), after(1_500)), Some(500));
        assert_eq!(lag.at(Position(4), after(1_500)), Some(1_500));
    }

    #[test]
    fn an_old_beat_says_nothing_however_often_it_is_read() {
        let (mut lag, start) = (Lag::default(), Instant::now());
        for ms in [0, 3_000, 6_000] {
            lag.hear(&beat(1, 5, 1), start + Duration::from_millis(ms));
        }
        assert_eq!(lag.at(Position(9), start + Duration::from_millis(6_000)), None);
        assert!(lag.beat(start + Duration::from_millis(6_000)).is_none() && lag.beat(start).is_some());
    }

    #[test]
    fn a_new_history_begins_anew() {
        let (mut lag, start) = (Lag::default(), Instant::now());
        lag.hear(&beat(1, 500, 1), start);
        lag.hear(&beat(2, 5, 2), start);
        assert_eq!(lag.at(Position(5), start), Some(0));
    }
}
