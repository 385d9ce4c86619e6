//! Whether what was read is as new as what is owed: pure.

use crate::cache::Head;
use crate::live::Progress;
use crate::store::Checkpoint;
use millrace_events::{History, Required, Revision, rule};

/// What a projection must have reached for a request, in this generation. A chunk of fan-out changes documents at an unchanged
/// position, so the whole revision counts.
pub(super) fn owed(required: &Required, generation: u32) -> Revision {
    let revision = required.revision(generation);
    if rule("read_token_has_n") { revision } else { Revision::at(revision.position) }
}

/// True if a checkpoint has not reached what is owed. Before the first event there is no history yet, and position 0 owes nothing.
pub(super) fn is_behind(checkpoint: &Checkpoint, required: Option<Required>) -> bool {
    let Some(required) = required else { return false };
    checkpoint.history.is_some_and(|history| history != required.history)
        || checkpoint.revision < owed(&required, checkpoint.generation)
}

/// True if the token is of a life of the log that is over: waiting for it is in vain.
pub(super) fn is_of_older_history(checkpoint: &Checkpoint, required: Option<Required>) -> bool {
    matches!((checkpoint.history, required), (Some(history), Some(required)) if required.history < history)
}

/// True if everything in a cache with this head is at least as new as what is owed.
pub(super) fn reaches(head: &Head, history: Option<History>, required: Option<Required>) -> bool {
    let Some(required) = required else { return true };
    history == Some(required.history) && head.revision >= owed(&required, head.generation)
}

/// True if a projection that is known to be so far seems to have reached what is owed. No ring tells the history: reading decides.
pub(super) fn seems_reached(progress: &Progress, required: Option<Required>) -> bool {
    progress.generation > 0 && required.is_none_or(|required| progress.revision >= owed(&required, progress.generation))
}

/// True if head is older than the served generation's checkpoint of a while ago: whoever moves it does not reach the cache, so that
/// nothing in it is known to be new.
pub(super) fn is_stuck(head: &Head, generation: u32, floor: Revision) -> bool {
    let is_old = head.generation == generation && head.revision < floor;
    (is_old || head.generation < generation) && rule("head_not_stuck")
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_events::Position;
    use uuid::Uuid;

    fn history(number: u128) -> History {
        History(Uuid::from_u128(number))
    }

    fn checkpoint(of: Option<u128>, position: u64) -> Checkpoint {
        Checkpoint {
            history: of.map(history),
            stream: None,
            generation: 2,
            fold_version: 1,
            revision: Revision::at(Position(position)),
            seq: 0,
            last_event: None,
            last_at: None,
            open: vec![],
            retired: false,
        }
    }

    fn required(of: u128, position: u64) -> Option<Required> {
        Some(Required { history: history(of), position: Position(position), seen: None })
    }

    #[test]
    fn a_token_is_owed_its_position_in_its_history() {
        assert!(!is_behind(&checkpoint(Some(2), 5), None));
        assert!(!is_behind(&checkpoint(Some(2), 5), required(2, 5)));
        assert!(is_behind(&checkpoint(Some(2), 5), required(2, 6)));
        assert!(is_behind(&checkpoint(Some(2), 5), required(3, 1)), "the next history is waited for");
        assert!(is_of_older_history(&checkpoint(Some(2), 5), required(1, 1)));
        assert!(!is_of_older_history(&checkpoint(Some(2), 5), required(3, 1)));
    }

    #[test]
    fn a_token_that_owes_nothing_is_reached_while_the_log_is_empty() {
        assert!(!is_behind(&checkpoint(None, 0), required(2, 0)));
        assert!(is_behind(&checkpoint(None, 0), required(2, 1)));
        assert!(is_behind(&checkpoint(Some(1), 7), required(2, 0)), "what was before the new history is not it");
    }

    #[test]
    fn a_head_behind_the_checkpoint_of_the_tick_before_the_last_is_stuck() {
        let at = |position| Revision::at(Position(position));
        let head = |generation, position| Head { generation, namespace: 1, seq: 0, revision: at(position) };
        assert!(is_stuck(&head(2, 6), 2, at(7)) && !is_stuck(&head(2, 7), 2, at(7)));
        assert!(is_stuck(&head(1, 20), 2, at(7)), "of a generation that is served no more");
        assert!(!is_stuck(&head(3, 1), 2, at(7)), "of a generation that was not heard of yet");
        assert!(!is_stuck(&head(1, 1), 0, at(0)), "nothing is known");
    }

    #[cfg(feature = "mutants")]
    #[test]
    fn without_the_rule_no_head_is_stuck() {
        let test = a_head_behind_the_checkpoint_of_the_tick_before_the_last_is_stuck;
        millrace_events::rule::breaks_without("head_not_stuck", test);
    }
}
