//! How often the cache had what was wanted. The handles are kept: a request looks none up.

use metrics::{Counter, counter, describe_counter};

const READS: &str = "millrace_cache_reads_total";
const FILLS: &str = "millrace_cache_fills_total";

/// Counters of one projection.
pub(super) struct Counts {
    /// Answered from the cache.
    pub hit: Counter,
    /// The cache knew that there is no such document.
    pub absent: Counter,
    /// Nothing lay there.
    pub miss: Counter,
    /// Somebody was about to fill it.
    pub leased: Counter,
    /// The cache was behind what the request is owed, or stuck.
    pub behind: Counter,
    /// There was no cache, or none of this generation.
    pub away: Counter,
    /// A document that was read from the store was filled in.
    pub filled: Counter,
    /// It was not: somebody wrote meanwhile.
    pub lost: Counter,
}

impl Counts {
    /// The counters of a projection. To be made after the recorder of metrics.
    pub fn of(projection: &'static str) -> Self {
        describe_counter!(READS, "Documents that were looked for in the cache, by what was found.");
        describe_counter!(FILLS, "Documents that were to be filled into the cache, by whether it was still allowed.");
        let read = |result: &'static str| counter!(READS, "projection" => projection, "result" => result);
        let fill = |result: &'static str| counter!(FILLS, "projection" => projection, "result" => result);
        Self {
            hit: read("hit"),
            absent: read("absent"),
            miss: read("miss"),
            leased: read("leased"),
            behind: read("behind"),
            away: read("away"),
            filled: fill("done"),
            lost: fill("lost"),
        }
    }
}
