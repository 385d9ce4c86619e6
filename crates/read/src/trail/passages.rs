//! What a query process heard of events on their way, for one projection.

use super::passed::{Arrival, Passed};
use super::{UnixMicros, now_us, of_timestamp};
use crate::projection::Change;
use millrace_events::Position;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
pub struct Passages(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    in_order: VecDeque<Arc<Passage>>,
    by_position: HashMap<Position, Arc<Passage>>,
}

impl Kept {
    fn keep(&mut self, passage: Passage) {
        let oldest = if self.in_order.len() == PASSAGES_MAX { self.in_order.pop_front() } else { None };
        let passage = Arc::new(passage);
        self.by_position.insert(passage.arrival.position, Arc::clone(&passage));
        self.in_order.push_back(passage);
        let Some(oldest) = oldest else { return };
        // Of a position that was heard of twice the later one stays.
        let position = oldest.arrival.position;
        if self.by_position.get(&position).is_some_and(|kept| Arc::ptr_eq(kept, &oldest)) {
            self.by_position.remove(&position);
        }
    }
}

impl Passages {
    /// Takes what came with a ring of these changes, now.
    pub fn hear(&self, changes: &[Change], passed: &Passed) {
        let heard_us = now_us();
        let mut kept = self.kept();
        for arrival in &passed.arrivals {
            let Some(change) = changes.iter().find(|change| change.position == arrival.position) else { continue };
            let (event, decided_us) = (change.event.clone(), of_timestamp(change.at));
            kept.keep(Passage { event, decided_us, arrival: *arrival, shown_us: passed.shown_us, heard_us });
        }
    }

    /// Of this event, if it was heard of and is not forgotten.
    pub fn at(&self, position: Position) -> Option<Arc<Passage>> {
        self.kept().by_position.get(&position).cloned()
    }

    /// What was heard since then, oldest first.
    pub fn since(&self, heard_us: UnixMicros) -> Vec<Arc<Passage>> {
        let kept = self.kept();
        let first = kept.in_order.partition_point(|passage| passage.heard_us < heard_us);
        kept.in_order.range(first..).cloned().collect()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
