//! What a relay tells about itself.

use millrace_events::{Position, Timestamp};
use millrace_log::LogHead;

use crate::judge::WentBack;

/// How a relay is doing, for readiness and for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RelayStatus {
    /// NATS is connected.
    pub connected: bool,
    /// When the last round ended well.
    pub last_round: Option<Timestamp>,
    /// Where the log ends.
    pub head: Option<LogHead>,
    /// Where the stream ends.
    pub last: Option<Position>,
    /// All messages up to here were compared with the log.
    pub compared: Option<Position>,
    /// Which side did not do as asked in the last round, if one did not.
    pub failing: Option<&'static str>,
    /// Why nothing is published: the log went back, and somebody must run `millrace log new-history`.
    pub stopped: Option<WentBack>,
}
