//! One chunk of an open fan-out: pure. Wide work is bounded, and the revision moves with each chunk, so that two projectors cannot both do it.

use super::draft::{Cause, Draft, Drafted};
use super::state::States;
use super::sweep;
use crate::projection::{DocumentKey, FanOut, FanOutWork, Projection};
use crate::store::Checkpoint;
use millrace_events::{Revision, rule};

/// Changes the next selected documents, in key order: all that there are, or `limit` of them.
pub fn spread_each<P: Projection>(
    from: &Checkpoint,
    fan_out: &FanOut,
    selected: &[DocumentKey],
    limit: usize,
    states: States<P::Document>,
) -> Drafted<P::Document> {
    let mut draft = Draft::<P>::begin(from, next_revision(from), states);
    let cause = Cause::fan_out(fan_out);
    let keys = match &fan_out.work {
        FanOutWork::Each { end, .. } => sweep::part(end, selected),
        FanOutWork::Refill { .. } => selected,
    };
    for key in keys {
        draft.change(&cause, key, |document, others| P::spread(fan_out, key, document, &[], others));
    }
    let left = sweep::left(fan_out, selected, limit);
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

/// The fan-out that had its turn goes to the end, so that a long one does not keep the others waiting.
fn turned(from: &Checkpoint, fan_out: &FanOut, left: Option<FanOut>) -> Vec<FanOut> {
    let others = from.open.iter().filter(|open| *open != fan_out);
    others.cloned().chain(left).collect()
}
