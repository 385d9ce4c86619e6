//! What a query process heard of events on their way, for one projection.

use super::passed::{Arrival, Passed};
use super::{UnixMicros, now_us, of_timestamp};
use crate::projection::Change;
use millrace_events::Position;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// So many events are kept; older ones are forgotten first.
const PASSAGES_MAX: usize = 4_096;

/// An event's way, from the decision to this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// Its name, such as `comment.added`.
    pub event: String,
    /// When the command was decided.
    pub decided_us: UnixMicros,
    /// When the stream took it, and the projector had it.
    pub arrival: Arrival,
    /// When documents and cache showed it.
    pub shown_us: UnixMicros,
    /// When this process heard of it, and told its subscribers.
    pub heard_us: UnixMicros,
}

impl Passage {
    /// From the decision into the stream.
    pub fn to_stream_us(&self) -> UnixMicros {
        self.arrival.streamed_us - self.decided_us
    }

    /// From the stream to the projector.
    pub fn to_projector_us(&self) -> UnixMicros {
        self.arrival.received_us - self.arrival.streamed_us
    }

    /// From the projector until documents and cache showed it.
    pub fn to_cache_us(&self) -> UnixMicros {
        self.shown_us - self.arrival.received_us
    }

    /// From the cache to this process.
    pub fn to_subscribers_us(&self) -> UnixMicros {
        self.heard_us - self.shown_us
    }
}

/// The last events that were heard of, in the order in which they were heard.
#[derive(Debug, Default)]
pub struct Passages(Mutex<VecDeque<Passage>>);

impl Passages {
    /// Takes what came with a ring of these changes, now.
    pub fn hear(&self, changes: &[Change], passed: &Passed) {
        let heard_us = now_us();
        let mut kept = self.kept();
        for arrival in &passed.arrivals {
            let Some(change) = changes.iter().find(|change| change.position == arrival.position) else { continue };
            let (event, decided_us) = (change.event.clone(), of_timestamp(change.at));
            if kept.len() == PASSAGES_MAX {
                kept.pop_front();
            }
            kept.push_back(Passage { event, decided_us, arrival: *arrival, shown_us: passed.shown_us, heard_us });
        }
    }

    /// Of this event, if it was heard of and is not forgotten.
    pub fn at(&self, position: Position) -> Option<Passage> {
        self.kept().iter().rev().find(|passage| passage.arrival.position == position).cloned()
    }

    /// What was heard since then, oldest first.
    pub fn since(&self, heard_us: UnixMicros) -> Vec<Passage> {
        let kept = self.kept();
        let count = kept.iter().rev().take_while(|passage| passage.heard_us >= heard_us).count();
        kept.iter().skip(kept.len() - count).cloned().collect()
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Passage>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
