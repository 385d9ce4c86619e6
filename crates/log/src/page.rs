//! Reading the log: rows become envelopes, the same bytes at every read.

/// The most bytes of payload that one read answers, unless a single event has more.
pub const READ_BYTES_MAX: i64 = 4 * 1024 * 1024;
/// The most events that one read answers.
pub const READ_EVENTS_MAX: u32 = 10_000;
