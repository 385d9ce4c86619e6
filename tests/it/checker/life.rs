//! The events of each thing, and how a document's fields are read out of them: what the checker's folds share.

use millrace_events::{AggregateKind, Personal, Recorded, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Documents by key.
pub type Documents = BTreeMap<String, Value>;

/// All events of one thing.
pub type Life<'a> = Vec<&'a Recorded>;

/// The lives of all things of a kind.
pub fn lives(log: &[Recorded], kind: AggregateKind) -> BTreeMap<Uuid, Life<'_>> {
    let mut lives = BTreeMap::<Uuid, Life>::new();
    for recorded in log.iter().filter(|recorded| recorded.aggregate.kind == kind) {
        let life = lives.entry(recorded.aggregate.id).or_default();
        life.push(recorded);
        assert_eq!(recorded.aggregate.version as usize, life.len(), "versions of {kind:?} follow each other");
    }
    lives
}

pub fn first<'a>(life: &Life<'a>) -> &'a Recorded {
    life.first().expect("an event")
}

pub fn last<'a>(life: &Life<'a>) -> &'a Recorded {
    life.last().expect("an event")
}

pub fn micros(at: Timestamp) -> i128 {
    at.moment().unix_timestamp_nanos() / 1_000
}

/// What an erased person wrote is nothing.
pub fn text<T: Clone + Default>(personal: &Personal<T>) -> T {
    assert!(!matches!(personal, Personal::Sealed { .. }), "still sealed");
    personal.value().cloned().unwrap_or_default()
}

/// The document as one of this kind.
pub fn kind(kind: &str, mut document: Value) -> Value {
    document["kind"] = json!(kind);
    document
}

/// The document with one more field, if that has a value.
pub fn with(mut document: Value, field: &str, value: Option<Value>) -> Value {
    if let Some(value) = value {
        document[field] = value;
    }
    document
}
