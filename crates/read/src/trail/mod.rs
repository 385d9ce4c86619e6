//! When an event passed each step of the pipeline: noted by projectors, told with the rings, kept by query processes for people who watch.
//!
//! Nothing is decided by it. The steps are timed by the clocks of several servers, so a figure is as good as those agree.

mod arrivals;
mod passages;
mod passed;
#[cfg(test)]
mod tests;

pub use arrivals::Arrivals;
pub use passages::{Passage, Passages};
pub use passed::{Arrival, Passed};

use millrace_events::Timestamp;
use time::OffsetDateTime;

/// Microseconds since 1970.
pub type UnixMicros = i64;

/// This moment.
pub fn now_us() -> UnixMicros {
    of(OffsetDateTime::now_utc())
}

/// A moment that is known as a date.
pub fn of(moment: OffsetDateTime) -> UnixMicros {
    i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000)).unwrap_or(i64::MAX)
}

/// A moment that was told as one.
pub fn of_timestamp(timestamp: Timestamp) -> UnixMicros {
    of(timestamp.moment())
}
