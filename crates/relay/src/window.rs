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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message;
    use crate::sample::{FIRST_HISTORY, SECOND_HISTORY, log};

    fn acks(sequences: &[u64]) -> Vec<Ack> {
        sequences.iter().map(|sequence| Ack { sequence: Position(*sequence), duplicate: false }).collect()
    }

    #[test]
    fn a_window_must_follow_the_end_in_position_history_and_chain() {
        let events = log(FIRST_HISTORY, 1, 5);
        assert!(Tail::START.is_followed_by(&events, FIRST_HISTORY));
        assert!(Tail::at(&events[1]).is_followed_by(&events[2..], FIRST_HISTORY));
        assert!(!Tail::at(&events[1]).is_followed_by(&events[3..], FIRST_HISTORY), "a gap");
        assert!(!Tail::at(&events[1]).is_followed_by(&events[2..], SECOND_HISTORY), "another history");
        let branch = log(FIRST_HISTORY, 2, 5);
        assert!(!Tail::at(&branch[1]).is_followed_by(&events[2..], FIRST_HISTORY), "another predecessor");
    }

    #[test]
    fn the_end_is_known_only_if_each_message_lies_at_its_position_for_the_first_time() {
        let events = log(FIRST_HISTORY, 1, 3);
        let window: Vec<Outgoing> = events.iter().map(|event| message::outgoing(event).unwrap()).collect();
        assert_eq!(tail_after(&window, &acks(&[1, 2, 3])), Some(Tail::at(&events[2])));
        assert_eq!(tail_after(&window, &acks(&[1, 2])), None, "an ack is missing");
        assert_eq!(tail_after(&window, &acks(&[1, 2, 4])), None, "somebody came in between");
        let mut repeated = acks(&[1, 2, 3]);
        repeated[1].duplicate = true;
        assert_eq!(tail_after(&window, &repeated), None, "a duplicate may be there no more");
        assert_eq!(tail_after(&[], &[]), None);
    }

    #[test]
    fn a_message_expects_the_one_before_it() {
        let events = log(FIRST_HISTORY, 1, 2);
        let sent: Vec<_> = events.iter().map(|event| message::outgoing(event).unwrap().expected_last).collect();
        assert_eq!(sent, [Some(Position(0)), Some(Position(1))]);
    }
}
