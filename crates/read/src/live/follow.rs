//! Whether changes follow: pure. Their numbers have no gap, so that any that is missing shows.

use crate::projection::Change;
use crate::store::{ChangesPage, Checkpoint};
use millrace_events::{History, rule};

/// Whose changes are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Life {
    /// The log's life; none before the first event.
    pub history: Option<History>,
    /// The build of the projection.
    pub generation: u32,
}

impl Life {
    pub fn of(checkpoint: &Checkpoint) -> Self {
        Self { history: checkpoint.history, generation: checkpoint.generation }
    }

    /// A generation has one history, but none before its first event.
    pub fn goes_on_as(self, other: Self) -> bool {
        self.generation == other.generation && (self.history == other.history || self.history.is_none())
    }
}

/// What a page of changes after some `seq` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Followed {
    /// It follows, and reaches the checkpoint.
    ToTheEnd,
    /// It follows, and there is more.
    MoreToCome,
    /// What came next is no longer kept, or never was.
    Gone,
}

/// Judges a page that was asked for with this limit.
pub(super) fn judge(after_seq: u64, limit: usize, page: &ChangesPage) -> Followed {
    if !rule("page_follows") {
        return if page.changes.len() < limit { Followed::ToTheEnd } else { Followed::MoreToCome };
    }
    let end = after_seq + page.changes.len() as u64;
    if !follows(after_seq, &page.changes) || page.checkpoint.seq < after_seq {
        return Followed::Gone;
    }
    match page.checkpoint.seq {
        seq if seq <= end => Followed::ToTheEnd,
        _ if page.changes.len() < limit => Followed::Gone,
        _ => Followed::MoreToCome,
    }
}

/// True if these are the very next changes.
fn follows<'a>(after_seq: u64, changes: impl IntoIterator<Item = &'a Change>) -> bool {
    changes.into_iter().zip(after_seq + 1..).all(|(change, due)| change.seq == due)
}
