//! Sequencing until nothing is left: the rule around the single calls.

use std::future::Future;

use millrace_events::rule;

use crate::LogHead;

/// What one call did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// The head afterwards.
    pub head: LogHead,
    /// True if events that the call saw may still be without a position.
    pub left: bool,
}

/// One call that moves some whole committed commands into the log.
pub trait Call {
    /// Why it failed; it may have taken effect all the same.
    type Error;

    /// Moves the oldest ones.
    fn call(&self) -> impl Future<Output = Result<Moved, Self::Error>> + Send;
}

/// Calls until nothing is left of what was there. A head that a limited call leaves may lie below the caller's own events.
pub async fn sequence_backlog<C: Call>(calls: &C) -> Result<LogHead, C::Error> {
    loop {
        let moved = calls.call().await?;
        if !moved.left || !rule("whole_backlog") {
            return Ok(moved.head);
        }
    }
}
