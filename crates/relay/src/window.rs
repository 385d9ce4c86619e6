//! The window that is published next: does it follow the stream's end, and what do the acks say of it?

use millrace_events::{Envelope, EventId, History, Position, rule};

use crate::ports::{Ack, Outgoing};

/// Where the stream ends, as far as this relay knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tail {
    /// The last sequence.
    pub position: Position,
    /// The event there; none at position 0.
    pub event: Option<EventId>,
}

impl Tail {
    /// The end of a stream without messages.
    pub const START: Self = Self { position: Position::START, event: None };

    /// The end after this event.
    pub fn at(event: &Envelope) -> Self {
        Self { position: event.position, event: Some(event.event_id) }
    }

    /// True if the events follow the stream's end and each other. If not, the log is another one than when the tail was read.
    pub fn is_followed_by(&self, events: &[Envelope], history: History) -> bool {
        let mut tail = *self;
        events.iter().all(|event| {
            let follows = event.position == tail.position.next() && event.history == history;
            let chained = event.predecessor == tail.event || !rule("window_follows_tail");
            tail = Self::at(event);
            follows && chained
        })
    }
}

/// Where the stream ends after a window, if each ack says that its message lies at its position. Anything else is an odd answer:
/// part of the window may be there, and somebody else's messages too.
///
/// After a purge NATS answers `duplicate` for a message that is not there any more, so such an ack proves nothing.
pub fn tail_after(window: &[Outgoing], acks: &[Ack]) -> Option<Tail> {
    let last = window.last()?;
    let all_stored = window.len() == acks.len()
        && window.iter().zip(acks).all(|(sent, ack)| ack.sequence == sent.position && !ack.duplicate);
    all_stored.then_some(Tail { position: last.position, event: Some(last.event_id) })
}
