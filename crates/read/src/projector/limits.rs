//! How much a projector takes on at once.

use super::source::Wanted;

/// Bounds of one projector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most events of one commit.
    pub batch_events: usize,
    /// Most bytes of events of one commit.
    pub batch_bytes: usize,
    /// Most documents of one chunk of a fan-out.
    pub chunk_documents: usize,
    /// While so many fan-outs are open, no further events are folded. They lie in the checkpoint, which every commit writes and every
    /// read takes along: a thousand of them made a commit ten times as slow.
    pub open_fan_outs: usize,
    /// Most documents kept in memory between commits.
    pub kept_documents: usize,
    /// Most bytes (as JSON) of documents kept in memory between commits.
    pub kept_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch_events: 1_000,
            batch_bytes: 4 << 20,
            chunk_documents: 200,
            open_fan_outs: 256,
            kept_documents: 20_000,
            kept_bytes: 64 << 20,
        }
    }
}

/// What a projector takes at once right now: less after a commit that was too large, more again after each that was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Portion {
    full: Limits,
    pub events: usize,
    pub documents: usize,
}

impl Portion {
    pub fn full(limits: Limits) -> Self {
        Self { full: limits, events: limits.batch_events, documents: limits.chunk_documents }
    }

    pub fn wanted(&self, wait: bool) -> Wanted {
        Wanted { messages: self.events, bytes: self.full.batch_bytes, wait }
    }

    /// Half as many as were too many.
    pub fn halve_events(&mut self, too_many: usize) {
        self.events = (too_many / 2).max(1);
    }

    /// Half as many as were too many.
    pub fn halve_documents(&mut self, too_many: usize) {
        self.documents = (too_many / 2).max(1);
    }

    pub fn grow(&mut self) {
        self.events = self.events.saturating_mul(2).min(self.full.batch_events);
        self.documents = self.documents.saturating_mul(2).min(self.full.chunk_documents);
    }
}
