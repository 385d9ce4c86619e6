//! How far a projection is behind the log, from the relays' beats: pure.

use super::run::ProjectorStatus;
use super::source::Beat;
use millrace_events::{Position, Timestamp};

/// Without a new beat for this long nothing is known any more.
pub(super) const BEAT_FRESH_MS: i64 = 5_000;

/// What is remembered of the beats for it.
#[derive(Debug, Default)]
pub struct Lag {
    /// The last beat, and when it was heard.
    heard: Option<(Beat, Timestamp)>,
    /// When the last beat was said whose whole log is folded. What is not folded got its position later.
    stood_at: Option<Timestamp>,
}

impl Lag {
    /// Takes in the last beat that was heard; one that it has taken before tells nothing new.
    pub fn hear(&mut self, beat: Beat, now: Timestamp) {
        if self.heard.as_ref().is_none_or(|(last, _)| *last != beat) {
            // Of what lies before the first beat nothing is known.
            self.stood_at.get_or_insert(beat.at);
            self.heard = Some((beat, now));
        }
    }

    /// The age of the oldest event that is not folded, 0 if there is none, nothing without a beat.
    ///
    /// It is exact to one beat: that event came after the last one folded, and after the last beat that knew of nothing else.
    pub fn ms(&mut self, status: &ProjectorStatus, now: Timestamp) -> Option<u64> {
        let beat = self.beat(now)?.clone();
        if is_folded(&beat, status) {
            self.stood_at = self.stood_at.max(Some(beat.at));
            return Some(0);
        }
        let since = self.stood_at.max(status.last_at)?;
        Some(u64::try_from(now.unix_ms() - since.unix_ms()).unwrap_or(0))
    }

    /// The last beat, while it is fresh.
    pub fn beat(&self, now: Timestamp) -> Option<&Beat> {
        self.beat_age_ms(now).filter(|age| *age <= BEAT_FRESH_MS)?;
        self.heard.as_ref().map(|(beat, _)| beat)
    }

    /// How long ago the last beat was heard.
    pub fn beat_age_ms(&self, now: Timestamp) -> Option<i64> {
        self.heard.as_ref().map(|(_, heard)| (now.unix_ms() - heard.unix_ms()).max(0))
    }
}

fn is_folded(beat: &Beat, status: &ProjectorStatus) -> bool {
    let is_same = status.history.is_none_or(|own| own == beat.history);
    is_same && status.position.is_some_and(|position| beat.head <= position) || beat.head == Position::START
}
