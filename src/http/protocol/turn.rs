//! Whose a message is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// One use of an id. A client may use an id again before the operation that had it knows of its end, and before what that said is sent:
/// so whatever an operation does it does in the name of its turn. Clones are the same turn.
#[derive(Debug, Clone, Default)]
pub struct Turn(Arc<AtomicBool>);

impl Turn {
    /// True if the client has ended the operation: it wants nothing more of it, not even what waits to be sent.
    pub fn is_withdrawn(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    pub(super) fn withdraw(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// True as long as the operation, or a message of it, is somewhere.
    pub(super) fn has_messages(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}
