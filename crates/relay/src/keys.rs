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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{FIRST_HISTORY, log};
    use millrace_events::PersonKey;

    fn holds(state: &KeyState) -> InBucket {
        InBucket::Key { state: state.clone(), revision: 7 }
    }

    #[test]
    fn a_live_key_is_created_and_a_mark_is_put() {
        let (live, other) = (KeyState::Live(PersonKey::generate()), KeyState::Live(PersonKey::generate()));
        let cases = [
            (InBucket::Absent, &live, KeyStep::Create),
            (InBucket::Unreadable { revision: 3 }, &live, KeyStep::Replace { revision: 3 }),
            (holds(&live), &live, KeyStep::Nothing),
            (holds(&other), &live, KeyStep::Replace { revision: 7 }),
            (holds(&KeyState::Destroyed), &live, KeyStep::WentBack),
            (InBucket::Absent, &KeyState::Destroyed, KeyStep::PutMark),
            (InBucket::Unreadable { revision: 3 }, &KeyState::Destroyed, KeyStep::PutMark),
            (holds(&live), &KeyState::Destroyed, KeyStep::PutMark),
            (holds(&KeyState::Destroyed), &KeyState::Destroyed, KeyStep::Nothing),
        ];
        for (in_bucket, in_log, step) in cases {
            assert_eq!(judge_key(&in_bucket, in_log), step, "{in_bucket:?} {in_log:?}");
        }
    }

    #[test]
    fn an_event_needs_the_keys_of_its_data_and_of_the_person_it_happened_to() {
        let (author, other) = (UserId::generate(), UserId::generate());
        let mut event = log(FIRST_HISTORY, 1, 1).remove(0);
        event.payload = serde_json::json!({ "text": millrace_events::Personal::known(author, "hello") });
        assert_eq!(persons_of(&event), BTreeSet::from([author]));
        assert_eq!(person_changed_by(&event), None);
        event.aggregate.kind = AggregateKind::User;
        event.aggregate.id = other.0;
        assert_eq!(persons_of(&event), BTreeSet::from([author, other]));
        assert_eq!(person_changed_by(&event), Some(other));
    }
}
