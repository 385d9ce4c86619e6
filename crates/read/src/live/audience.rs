//! What a viewer is shown of a change: pure.

use crate::projection::{Audience, Change};
use millrace_events::{Viewer, rule};

/// What a viewer is shown of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Showing {
    /// The document, as it is now.
    Changed,
    /// That it is gone for them: it was removed, or hidden from them.
    Gone,
}

/// Whether a viewer belongs to an audience.
pub fn may_see(viewer: &Viewer, audience: Audience) -> bool {
    match audience {
        Audience::Everyone => true,
        Audience::Person(person) => viewer.is(person) || viewer.is_staff() || !rule("audience_counts"),
        Audience::Nobody => false,
    }
}

/// What a viewer is shown of a change; nothing of one that they may see neither before nor after.
pub fn showing(viewer: &Viewer, change: &Change) -> Option<Showing> {
    let (before, after) = (may_see(viewer, change.audience_before), may_see(viewer, change.audience_after));
    match (before, after) {
        (_, true) => Some(Showing::Changed),
        (true, false) if rule("gone_is_told") => Some(Showing::Gone),
        (true | false, false) => None,
    }
}
