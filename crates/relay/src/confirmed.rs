//! What a relay has compared already, and what it still has to.

use millrace_events::{Position, rule};

use crate::ports::{Origin, StreamState};

/// Messages that were compared with the log and found the same. It belongs to one stream and one history, and falls with the
/// stream's end: anything else may have been written in their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirmed {
    /// Stream and history.
    pub origin: Origin,
    /// All messages up to here were compared.
    pub compared: Position,
    /// Messages up to here are to be compared next.
    pub target: Position,
}

impl Confirmed {
    /// What still holds after a look at the stream. `tail` is where the relay believed that the stream ends.
    pub fn at_look(before: Option<Self>, origin: Origin, state: &StreamState, tail: Option<Position>) -> Self {
        let kept = before.filter(|before| before.origin == origin && !has_shrunk(before, state, tail));
        let compared = kept.map_or(Position::START, |kept| kept.compared);
        let compared = if rule("compares_since_confirmed") { compared } else { state.last };
        Self { origin, compared, target: state.last }
    }

    /// The position after which the next page begins, if there is something left to compare.
    pub fn next_page(&self) -> Option<Position> {
        (self.compared < self.target).then_some(self.compared)
    }

    /// Takes in a page that was found the same.
    pub fn take_in(&mut self, until: Position) {
        self.compared = self.compared.max(until);
    }
}

fn has_shrunk(before: &Confirmed, state: &StreamState, tail: Option<Position>) -> bool {
    state.last < before.compared.max(before.target) || tail.is_some_and(|tail| state.last < tail)
}

/// A position that goes round and round over all messages, a page at a time, compared or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Audit {
    done: Position,
}

impl Audit {
    /// The position after which the next page begins; from the start again when the end is reached.
    pub fn next_page(&self, last: Position) -> Option<Position> {
        if last == Position::START {
            return None;
        }
        Some(if self.done < last { self.done } else { Position::START })
    }

    /// Takes in a page.
    pub fn take_in(&mut self, until: Position) {
        self.done = until;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{FIRST_HISTORY, SECOND_HISTORY, origin, state};

    /// A relay that has compared up to 50 and believes that the stream ends at 60 looks at a stream.
    fn compared_after(seen: Origin, last: u64) -> u64 {
        let before = Confirmed { origin: origin(1, FIRST_HISTORY), compared: Position(50), target: Position(50) };
        Confirmed::at_look(Some(before), seen, &state(seen, last), Some(Position(60))).compared.0
    }

    #[test]
    fn what_was_compared_holds_while_the_stream_grows() {
        assert_eq!(compared_after(origin(1, FIRST_HISTORY), 60), 50);
        assert_eq!(compared_after(origin(1, FIRST_HISTORY), 90), 50);
    }

    #[test]
    fn another_stream_another_history_or_a_lost_end_is_compared_from_the_start() {
        assert_eq!(compared_after(origin(2, FIRST_HISTORY), 90), 0);
        assert_eq!(compared_after(origin(1, SECOND_HISTORY), 90), 0);
        for last in [0, 49, 59] {
            assert_eq!(compared_after(origin(1, FIRST_HISTORY), last), 0);
        }
    }

    #[test]
    fn the_first_look_compares_everything_up_to_the_end() {
        let seen = origin(1, FIRST_HISTORY);
        let mut confirmed = Confirmed::at_look(None, seen, &state(seen, 3), None);
        assert_eq!(confirmed.next_page(), Some(Position::START));
        confirmed.take_in(Position(2));
        assert_eq!(confirmed.next_page(), Some(Position(2)));
        confirmed.take_in(Position(3));
        assert_eq!(confirmed.next_page(), None);
        assert_eq!(Confirmed::at_look(None, seen, &state(seen, 0), None).next_page(), None);
    }

    #[test]
    fn an_audit_goes_round() {
        let mut audit = Audit::default();
        assert_eq!(audit.next_page(Position::START), None);
        for (begins, ends) in [(0, 500), (500, 1000), (1000, 1200), (0, 500)] {
            assert_eq!(audit.next_page(Position(1200)), Some(Position(begins)));
            audit.take_in(Position(ends));
        }
        assert_eq!(audit.next_page(Position(200)), Some(Position::START));
    }
}
