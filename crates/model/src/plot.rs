//! What a schedule is about.

use crate::random::Random;

/// What a schedule is about beside the usual: what is rare elsewhere is likely in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plot {
    /// Nothing.
    Usual,
    /// What is written to the cache comes so late that all else has gone on, while the cache forgets.
    Late,
    /// The log goes back while nobody looks, and grows again.
    GoesBack,
    /// Commits get lost again and again, in the time in which another projector commits.
    Doubt,
    /// Whoever has read reads again at once, and Redis cannot be reached now and then.
    Again,
    /// Persons are erased, while the bucket is wiped and relays compare keys all the time. The log never goes back.
    Erasure,
}

impl Plot {
    /// The plot of one schedule.
    pub fn of(random: &mut Random) -> Self {
        use Plot::{Again, Doubt, Erasure, GoesBack, Late, Usual};
        random.pick([Usual, Usual, Usual, Late, GoesBack, Doubt, Again, Erasure])
    }
}
