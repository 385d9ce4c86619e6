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
