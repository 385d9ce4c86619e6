//! One chunk of an open fan-out: pure. Wide work is bounded, and the revision moves with each chunk, so that two projectors cannot both do it.

use super::draft::{Cause, Draft, Drafted};
use super::state::States;
use crate::projection::{DocumentKey, FanOut, FanOutWork, Projection};
use crate::store::Checkpoint;
use millrace_events::{Revision, rule};

/// Changes the next selected documents, in key order; `finished` says that these are the last.
pub fn spread_each<P: Projection>(
    from: &Checkpoint,
    fan_out: &FanOut,
    keys: &[DocumentKey],
    finished: bool,
    states: States<P::Document>,
) -> Drafted<P::Document> {
    let mut draft = Draft::<P>::begin(from, next_revision(from), states);
    let cause = Cause::fan_out(fan_out);
    for key in keys {
        draft.change(&cause, key, |document, others| P::spread(fan_out, key, document, &[], others));
    }
    let left = if finished { None } else { keys.last().and_then(|last| done_up_to(fan_out, last)) };
    draft.finish(Checkpoint { open: turned(from, fan_out, left), ..from.clone() })
}

/// Brings the newest selected documents into the one that takes them in.
pub fn spread_refill<P: Projection>(
    from: &Checkpoint,
    fan_out: &FanOut,
    document: &DocumentKey,
    selected: &[(DocumentKey, P::Document)],
    states: States<P::Document>,
) -> Drafted<P::Document> {
    let mut draft = Draft::<P>::begin(from, next_revision(from), states);
    draft.change(&Cause::fan_out(fan_out), document, |state, others| {
        P::spread(fan_out, document, state, selected, others)
    });
    draft.finish(Checkpoint { open: turned(from, fan_out, None), ..from.clone() })
}

fn next_revision(from: &Checkpoint) -> Revision {
    if rule("chunk_moves_revision") { from.revision.after_chunk() } else { from.revision }
}

fn done_up_to(fan_out: &FanOut, last: &DocumentKey) -> Option<FanOut> {
    match &fan_out.work {
        FanOutWork::Each { selector, .. } => {
            let work = FanOutWork::Each { selector: selector.clone(), done: Some(last.clone()) };
            Some(FanOut { work, ..fan_out.clone() })
        }
        FanOutWork::Refill { .. } => None,
    }
}

/// The fan-out that had its turn goes to the end, so that a long one does not keep the others waiting.
fn turned(from: &Checkpoint, fan_out: &FanOut, left: Option<FanOut>) -> Vec<FanOut> {
    let others = from.open.iter().filter(|open| *open != fan_out);
    others.cloned().chain(left).collect()
}
