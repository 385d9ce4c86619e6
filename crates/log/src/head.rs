//! Where the log ends.

use millrace_events::{History, Position};

/// The last position of the log, and the life of the log that it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogHead {
    /// The log's life.
    pub history: History,
    /// The position of the last event; 0 while there is none.
    pub position: Position,
}
