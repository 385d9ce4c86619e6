//! What a caller may choose when servers start.

use std::time::Duration;

use crate::kind::Kind;

/// When NATS brings written messages to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NatsSync {
    /// After each message: survives a power cut, about ten times slower.
    Always,
    /// Every so often. A killed process loses nothing, a power cut loses up to this much; the relay refills it.
    Interval(Duration),
}

/// How servers are started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether an answered write survives a power cut. `false` switches PostgreSQL's fsync off: an answered write then
    /// still survives kill -9 of the server, so that tests of crashes may use it.
    pub durable: bool,
    /// PostgreSQL, Redis, MongoDB and NATS on this port and the three after it; without it on free ports, the same
    /// ones at the next start if they are still free.
    pub base_port: Option<u16>,
    /// MongoDB's `enableTestCommands`, for `configureFailPoint`.
    pub mongodb_test_commands: bool,
    /// MongoDB asks everybody who they are. It begins without users: the first one is made from this machine by nobody.
    pub mongodb_users: bool,
    /// MongoDB's cache.
    pub mongodb_cache_mb: u32,
    /// Redis' limit, above which it evicts what has a time to live.
    pub redis_memory_mb: u32,
    /// When NATS brings messages to the disk.
    pub nats_sync: NatsSync,
    /// A server whose data has only so many bytes of room, for tests of full disks. Only root may have it. The data is gone with the
    /// set.
    pub room: Option<(Kind, u64)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durable: true,
            base_port: None,
            mongodb_test_commands: false,
            mongodb_users: false,
            mongodb_cache_mb: 512,
            redis_memory_mb: 256,
            nats_sync: NatsSync::Interval(Duration::from_secs(120)),
            room: None,
        }
    }
}

impl Options {
    /// For a set that a test throws away: not durable, MongoDB's test commands on.
    pub fn for_tests() -> Self {
        Self { durable: false, mongodb_test_commands: true, mongodb_cache_mb: 256, ..Self::default() }
    }
}
