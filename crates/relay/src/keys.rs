//! Keys of persons: which ones a window needs, and what the bucket lacks.

use std::collections::BTreeSet;

use millrace_events::{AggregateKind, Envelope, KeyState, UserId, seal};

use crate::ports::InBucket;

/// What makes the bucket hold what PostgreSQL holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStep {
    /// It does already.
    Nothing,
    /// Write a live key where nothing is.
    Create,
    /// Write a live key over something else, if that is still there.
    Replace {
        /// What is written over.
        revision: u64,
    },
    /// Write the mark of a destroyed key over whatever is there.
    PutMark,
    /// Nothing may be written: PostgreSQL has forgotten that the key was destroyed.
    WentBack,
}

/// Judges one person. The bucket must have been read before PostgreSQL: a mark is final, so PostgreSQL has it first.
pub fn judge_key(in_bucket: &InBucket, in_log: &KeyState) -> KeyStep {
    match (in_log, in_bucket) {
        (state, InBucket::Key { state: there, .. }) if state == there => KeyStep::Nothing,
        (KeyState::Destroyed, _) => KeyStep::PutMark,
        (KeyState::Live(_), InBucket::Key { state: KeyState::Destroyed, .. }) => KeyStep::WentBack,
        (KeyState::Live(_), InBucket::Absent) => KeyStep::Create,
        (KeyState::Live(_), InBucket::Key { revision, .. } | InBucket::Unreadable { revision }) => {
            KeyStep::Replace { revision: *revision }
        }
    }
}

/// The persons whose keys a reader of this event may need.
pub fn persons_of(event: &Envelope) -> BTreeSet<UserId> {
    let mut persons = seal::persons(&event.payload);
    persons.extend(person_changed_by(event));
    persons
}

/// The person whose key this event may have made or destroyed.
pub fn person_changed_by(event: &Envelope) -> Option<UserId> {
    (event.aggregate.kind == AggregateKind::User).then_some(UserId(event.aggregate.id))
}
