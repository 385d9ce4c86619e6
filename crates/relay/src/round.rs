//! What a round is asked for, and what it tells.

use crate::judge::{Damage, Verdict, WentBack};

/// What is due in a round besides publishing. Who calls has the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Duties {
    /// Sequence for processes that died between their commit and their own sequencing.
    pub sequence: bool,
    /// Look at the stream's and the bucket's state, then compare what was not compared yet.
    pub look: bool,
    /// Compare the next page of all messages and of all keys.
    pub audit: bool,
}

/// What a round did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round {
    /// What happened.
    pub happened: Happened,
    /// True if there is more to do at once.
    pub again: bool,
}

impl Round {
    /// There is more to do at once.
    pub(crate) fn again(happened: Happened) -> Self {
        Self { happened, again: true }
    }
}

/// What happened in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// Nothing was to be published.
    Idle,
    /// Events were published, and each ack says so.
    Published {
        /// How many.
        events: usize,
    },
    /// Another relay, a stranger or a fault came in between: the next round looks what is there.
    OddAnswer,
    /// There was no stream, and one was made.
    Created,
    /// The stream seems to be damaged, and all of it is compared before anything is done.
    Verifying(Damage),
    /// The damage was not found again.
    FoundSound,
    /// The stream was not sound and is made anew.
    Recreated(Verdict),
    /// The log went back: nothing is published until it has a new history.
    Stopped(WentBack),
}
