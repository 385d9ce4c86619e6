//! Metrics of a projector. What changes with time alone is set every second, whatever the rounds do; a gauge of what is not known is NaN,
//! which is not shown.

use super::lag::Lag;
use super::run::ProjectorStatus;
use crate::store::mongo::Parked;
use metrics::{counter, describe_counter, describe_gauge, gauge};
use millrace_events::Timestamp;

const POSITION: &str = "millrace_projection_checkpoint_position";
const LAG: &str = "millrace_projection_lag_seconds";
const OPEN_FAN_OUTS: &str = "millrace_projection_open_fan_outs";
const STOPPED: &str = "millrace_projection_stopped";
const PARKED: &str = "millrace_projection_parked_documents";
const DEAD_LETTERS: &str = "millrace_projection_dead_letters";
const EVENTS: &str = "millrace_projection_events_total";
const BATCHES: &str = "millrace_projection_batches_total";
const CHUNKS: &str = "millrace_projection_chunks_total";
const LOST_COMPARES: &str = "millrace_projection_lost_compares_total";
const CACHE_ERRORS: &str = "millrace_projection_cache_errors_total";
const BEAT_AGE: &str = "millrace_relay_beat_age_seconds";

/// Metrics of one projection.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    projection: &'static str,
}

impl Figures {
    /// Tells what each one means, and shows counters before they first count.
    pub fn of(projection: &'static str) -> Self {
        describe_gauge!(POSITION, "Position up to which the log is folded.");
        describe_gauge!(
            LAG,
            "Age of the oldest event that is not folded, in seconds; 0 if all are, nothing without a beat."
        );
        describe_gauge!(OPEN_FAN_OUTS, "Fan-outs that are not done.");
        describe_gauge!(STOPPED, "1 while the projection stands still because going on would do harm, else 0.");
        describe_gauge!(PARKED, "Documents that stand still since an event could not be applied to them.");
        describe_gauge!(DEAD_LETTERS, "Events that could not be applied to a document that is parked since.");
        describe_counter!(EVENTS, "Events that this projector folded.");
        describe_counter!(BATCHES, "Commits of events by this projector.");
        describe_counter!(CHUNKS, "Commits of a fan-out's chunk by this projector.");
        describe_counter!(LOST_COMPARES, "Commits that came too late because another projector was faster.");
        describe_counter!(CACHE_ERRORS, "Commits that were not brought to the cache at once.");
        describe_gauge!(
            BEAT_AGE,
            "Time since the last beat of a relay was heard, in seconds; nothing before the first."
        );
        for name in [EVENTS, BATCHES, CHUNKS, LOST_COMPARES, CACHE_ERRORS] {
            counter!(name, "projection" => projection).increment(0);
        }
        Self { projection }
    }

    pub(super) fn folded(self, events: usize) {
        counter!(EVENTS, "projection" => self.projection).increment(events as u64);
        counter!(BATCHES, "projection" => self.projection).increment(1);
    }

    pub(super) fn spread(self) {
        counter!(CHUNKS, "projection" => self.projection).increment(1);
    }

    pub(super) fn lost_compare(self) {
        counter!(LOST_COMPARES, "projection" => self.projection).increment(1);
    }

    pub(super) fn cache_error(self) {
        counter!(CACHE_ERRORS, "projection" => self.projection).increment(1);
    }

    /// Sets the gauges of what is parked.
    pub(super) fn set_parked(self, parked: Option<Parked>) {
        let known = |count: fn(Parked) -> u64| parked.map_or(f64::NAN, |parked| count(parked) as f64);
        gauge!(PARKED, "projection" => self.projection).set(known(|parked| parked.documents));
        gauge!(DEAD_LETTERS, "projection" => self.projection).set(known(|parked| parked.letters));
    }

    /// Sets the gauges to what is known now.
    pub(super) fn set(self, status: &ProjectorStatus, lag: &mut Lag, now: Timestamp) {
        let seconds = |ms: Option<f64>| ms.map_or(f64::NAN, |ms| ms / 1_000.0);
        let position = status.position.map_or(f64::NAN, |position| position.0 as f64);
        gauge!(POSITION, "projection" => self.projection).set(position);
        gauge!(OPEN_FAN_OUTS, "projection" => self.projection).set(status.open_fan_outs as f64);
        gauge!(STOPPED, "projection" => self.projection).set(f64::from(u8::from(status.is_stopped)));
        gauge!(LAG, "projection" => self.projection).set(seconds(lag.ms(status, now).map(|ms| ms as f64)));
        gauge!(BEAT_AGE).set(seconds(lag.beat_age_ms(now).map(|ms| ms as f64)));
    }
}
