//! Sweeps: fan-outs over each selected document, in key order. Pure.
//!
//! A sweep brings documents to what is newest when it passes them. So if a later event asks for the same sweep while one is under
//! way, that one goes on from where it is, and once around: nothing is done twice, however often somebody changes their name, and
//! no document waits for ever, as it would if the sweep began anew each time.

use crate::projection::{DocumentKey, FanOut, FanOutWork, SweepEnd};

/// Opens a fan-out.
pub fn open(open: &mut Vec<FanOut>, fan_out: FanOut) {
    match open.iter_mut().find(|other| does_the_same(other, &fan_out)) {
        Some(same) => *same = FanOut { work: around(&same.work), since: Some(same.first()), ..fan_out },
        None => open.push(fan_out),
    }
}

/// Of the documents that were selected, at most `limit`, those that belong to the sweep.
pub fn part<'a>(end: &SweepEnd, selected: &'a [DocumentKey]) -> &'a [DocumentKey] {
    match end {
        SweepEnd::Last | SweepEnd::Around(_) => selected,
        SweepEnd::At(last) => &selected[..selected.partition_point(|key| key <= last)],
    }
}

/// What is left of a fan-out once the selected documents, at most `limit`, are done.
pub fn left(fan_out: &FanOut, selected: &[DocumentKey], limit: usize) -> Option<FanOut> {
    let FanOutWork::Each { selector, end, .. } = &fan_out.work else { return None };
    let is_at_last = selected.len() < limit;
    let (done, end) = match end {
        SweepEnd::Around(last) if is_at_last => (None, SweepEnd::At(last.clone())),
        SweepEnd::At(last) if is_at_last || selected.last() >= Some(last) => return None,
        SweepEnd::Last if is_at_last => return None,
        end => (selected.last().cloned(), end.clone()),
    };
    Some(FanOut { work: FanOutWork::Each { selector: selector.clone(), done, end }, ..fan_out.clone() })
}

/// The same for the same documents by what is looked at: only what is newest there counts.
fn does_the_same(one: &FanOut, other: &FanOut) -> bool {
    let (FanOutWork::Each { selector, .. }, FanOutWork::Each { selector: of_other, .. }) = (&one.work, &other.work)
    else {
        return false;
    };
    selector == of_other && one.task == other.task && one.reads == other.reads
}

fn around(work: &FanOutWork) -> FanOutWork {
    match work {
        FanOutWork::Each { selector, done, .. } => {
            let end = done.clone().map_or(SweepEnd::Last, SweepEnd::Around);
            FanOutWork::Each { selector: selector.clone(), done: done.clone(), end }
        }
        refill @ FanOutWork::Refill { .. } => refill.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::projection::Selector;
    use millrace_events::{CommandId, EventId, Position, Timestamp};
    use proptest::prelude::*;
    use time::OffsetDateTime;
    use uuid::Uuid;

    const DOCUMENTS: usize = 7;

    fn keys() -> Vec<DocumentKey> {
        (0..DOCUMENTS).map(|n| DocumentKey::new("post", n)).collect()
    }

    fn sweep(position: u64, author: &str) -> FanOut {
        let selector = Selector { kind: "post".into(), field: "authorId".into(), value: author.into() };
        FanOut {
            position: Position(position),
            since: None,
            event_id: EventId(Uuid::nil()),
            command_id: CommandId(Uuid::nil()),
            at: Timestamp::new(OffsetDateTime::UNIX_EPOCH),
            task: "card".into(),
            work: FanOutWork::each(selector),
            reads: vec![],
        }
    }

    /// Does a chunk of the first fan-out: each of its documents takes what is newest.
    fn chunk(opened: &mut Vec<FanOut>, limit: usize, newest: u64, documents: &mut [u64; DOCUMENTS]) {
        let fan_out = opened.remove(0);
        let FanOutWork::Each { done, end, .. } = &fan_out.work else { panic!("a sweep") };
        let selected: Vec<_> = keys().into_iter().filter(|key| Some(key) > done.as_ref()).take(limit).collect();
        for key in part(end, &selected) {
            documents[keys().iter().position(|other| other == key).unwrap()] = newest;
        }
        opened.extend(left(&fan_out, &selected, limit));
    }

    #[test]
    fn only_the_same_work_is_done_as_one() {
        let mut opened = vec![];
        open(&mut opened, sweep(1, "ada"));
        open(&mut opened, sweep(2, "ben"));
        open(&mut opened, FanOut { task: "removal".into(), ..sweep(3, "ada") });
        open(&mut opened, FanOut { reads: vec![DocumentKey::new("author", 1)], ..sweep(4, "ada") });
        open(&mut opened, sweep(5, "ada"));
        let positions: Vec<_> = opened.iter().map(|fan_out| fan_out.position.0).collect();
        assert_eq!(positions, [5, 2, 3, 4], "the later event stands for both");
        open(&mut opened, sweep(6, "ada"));
        let since: Vec<_> = opened.iter().map(|fan_out| fan_out.since).collect();
        assert_eq!(since, [Some(Position(1)), None, None, None], "and for all that asked before");
    }

    #[test]
    fn a_sweep_that_is_asked_for_again_and_again_ends_a_round_after_the_last_time() {
        let (mut opened, mut documents) = (vec![], [0; DOCUMENTS]);
        for newest in 1..=50 {
            open(&mut opened, sweep(newest, "ada"));
            chunk(&mut opened, 2, newest, &mut documents);
        }
        assert!(documents.iter().all(|document| *document >= 45), "each had its turn meanwhile: {documents:?}");
        let mut chunks = 0;
        while !opened.is_empty() {
            chunk(&mut opened, 2, 50, &mut documents);
            chunks += 1;
        }
        assert_eq!(documents, [50; DOCUMENTS]);
        assert!(chunks <= DOCUMENTS / 2 + 2, "{chunks} chunks");
    }

    proptest! {
        #[test]
        fn at_its_end_every_document_shows_what_is_newest(steps in prop::collection::vec((0..3_u8, 1..4_usize), 0..40)) {
            let (mut opened, mut documents, mut newest) = (vec![], [0; DOCUMENTS], 0);
            for (what, limit) in steps {
                if what == 0 {
                    newest += 1;
                    open(&mut opened, sweep(newest, "ada"));
                } else if !opened.is_empty() {
                    chunk(&mut opened, limit, newest, &mut documents);
                }
                prop_assert!(opened.len() <= 1);
            }
            while !opened.is_empty() {
                chunk(&mut opened, 2, newest, &mut documents);
            }
            prop_assert_eq!(documents, [newest; DOCUMENTS]);
        }
    }
}
