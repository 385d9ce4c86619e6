//! What a projector tells, with a ring, of the events behind it.

use super::UnixMicros;
use millrace_events::Position;
use serde::{Deserialize, Serialize};

/// When an event came to a projector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Arrival {
    /// The event.
    pub position: Position,
    /// When the stream took it.
    pub streamed_us: UnixMicros,
    /// When the projector had it.
    pub received_us: UnixMicros,
}

/// What is told of the events behind a ring: of some of them, if there are many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Passed {
    /// When documents and cache showed them.
    pub shown_us: UnixMicros,
    /// When they came.
    pub arrivals: Vec<Arrival>,
}
