use crate::projection::DocumentKey;
use crate::projector::Limits;
use crate::projector::kept::Kept;
use crate::projector::state::{State, States};
use millrace_events::{Position, Revision};
use std::sync::Arc;

fn at(position: u64) -> Revision {
    Revision::at(Position(position))
}

fn key(number: usize) -> DocumentKey {
    DocumentKey::new("d", number)
}

fn states(numbers: impl IntoIterator<Item = usize>, text: &str) -> States<String> {
    let mut states = States::default();
    for number in numbers {
        let document = Some(text.to_owned());
        states.set(key(number), Arc::new(State { revision: at(1), broken_since: None, document }));
    }
    states
}

fn missing(kept: &mut Kept<String>, numbers: std::ops::Range<usize>) -> usize {
    kept.gather(&numbers.map(key).collect::<Vec<_>>()).1.len()
}

#[test]
fn kept_documents_belong_to_one_revision() {
    let mut kept = Kept::new(&Limits::default());
    kept.belong_to(at(1));
    kept.keep(&states(0..3, "x"));
    kept.belong_to(at(1));
    assert_eq!(missing(&mut kept, 0..4), 1);
    kept.belong_to(at(1).after_chunk());
    assert_eq!(missing(&mut kept, 0..4), 4);
}

#[test]
fn after_a_commit_they_belong_to_its_revision() {
    let mut kept = Kept::new(&Limits::default());
    kept.belong_to(at(1));
    kept.keep(&states(0..2, "old"));
    kept.advance(at(2), &states(0..1, "new"));
    kept.belong_to(at(2));
    let (found, missing) = kept.gather(&[key(0), key(1)]);
    let text = |number| found.state(&key(number)).unwrap().document.clone().unwrap();
    assert_eq!((text(0).as_str(), text(1).as_str(), missing.len()), ("new", "old", 0));
}

#[test]
fn memory_is_bounded_by_count_and_bytes_and_what_is_used_stays() {
    let limits = Limits { kept_documents: 100, kept_bytes: 10_000, ..Limits::default() };
    let mut kept = Kept::new(&limits);
    kept.belong_to(at(1));
    for round in 0..50 {
        kept.keep(&states(round * 10..round * 10 + 10, "x"));
        assert_eq!(missing(&mut kept, 0..1), 0, "the busy one stays");
    }
    assert!(500 - missing(&mut kept, 0..500) <= 110);

    let mut heavy = Kept::new(&limits);
    heavy.belong_to(at(1));
    let text = "y".repeat(1_000);
    (0..50).for_each(|number| heavy.keep(&states([number], &text)));
    let left = 50 - missing(&mut heavy, 0..50);
    assert!((1..=12).contains(&left), "{left} of 1 KB are kept in 10 KB");
}
