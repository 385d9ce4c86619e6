//! The beat: every second each relay tells all who listen how far the log is. From it readers know their lag.

use millrace_events::{History, Position, Timestamp};
use millrace_log::LogHead;
use serde::{Deserialize, Serialize};

/// One beat, as JSON on the subject `<prefix>.beat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beat {
    /// The log's life.
    pub history: History,
    /// The log's last position.
    pub head: Position,
    /// The stream's last sequence.
    pub last: Position,
    /// When it was said.
    pub at: Timestamp,
}

impl Beat {
    /// What is known at this moment.
    pub fn new(head: LogHead, last: Option<Position>, at: Timestamp) -> Self {
        Self { history: head.history, head: head.position, last: last.unwrap_or_default(), at }
    }
}
