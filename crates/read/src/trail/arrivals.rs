//! A projector's notes of when events came, for the rings that follow.

use super::passed::{Arrival, Passed};
use super::{UnixMicros, now_us};
use crate::projection::Change;
use millrace_events::Position;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// So many events are remembered until they are shown; older ones are told of no more.
const ARRIVALS_MAX: usize = 4_096;
/// So many events are told of with one ring: enough to know how long things take, too few to make rings long.
const TOLD_MAX: usize = 4;

/// When the last events came.
#[derive(Debug, Default)]
pub struct Arrivals(Mutex<VecDeque<Arrival>>);

impl Arrivals {
    /// Notes that these events are here now, by position: each with when the stream took it.
    pub fn note(&self, came: impl IntoIterator<Item = (Position, UnixMicros)>) {
        let (received_us, mut noted) = (now_us(), self.noted());
        for (position, streamed_us) in came {
            // The stream is read again from an earlier place after a doubt: then what is noted comes again.
            while noted.back().is_some_and(|last| last.position >= position) {
                noted.pop_back();
            }
            if noted.len() == ARRIVALS_MAX {
                noted.pop_front();
            }
            noted.push_back(Arrival { position, streamed_us, received_us });
        }
    }

    /// What to tell with a ring of these changes, which are shown now. Nothing if of no event behind them is known when it came.
    pub fn behind(&self, changes: &[Change]) -> Option<Passed> {
        let noted = self.noted();
        let mut arrivals: Vec<Arrival> = Vec::new();
        for change in changes {
            let is_told = arrivals.last().is_some_and(|last| last.position == change.position);
            // What a fan-out changes is old by nature, and says nothing of how long its event took.
            if is_told || change.revision.n > 0 {
                continue;
            }
            if arrivals.len() == TOLD_MAX {
                break;
            }
            if let Ok(index) = noted.binary_search_by_key(&change.position, |arrival| arrival.position) {
                arrivals.push(noted[index]);
            }
        }
        (!arrivals.is_empty()).then(|| Passed { shown_us: now_us(), arrivals })
    }

    fn noted(&self) -> MutexGuard<'_, VecDeque<Arrival>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
