//! The folds of the checker in `tests/it`, in the very same files: they know nothing of the projections that they are compared with.

#[path = "../../../../../tests/it/checker/commands.rs"]
pub mod commands;
#[path = "../../../../../tests/it/checker/life.rs"]
mod life;
#[path = "../../../../../tests/it/checker/shop.rs"]
#[expect(clippy::wildcard_enum_match_arm, reason = "a fold of some events says nothing of the others")]
pub mod shop;

pub use life::Documents;

use super::Folded;
use crate::projection::Projection;
use std::collections::BTreeMap;

/// Documents as the checker has them.
pub fn as_json<P: Projection>(folded: &Folded<P>) -> Documents {
    let json = |document: &P::Document| serde_json::to_value(document).unwrap();
    folded.documents.iter().map(|(key, document)| (key.to_string(), json(document))).collect()
}

/// Both are the same; fails with the first document that differs.
pub fn compare(found: &Documents, expected: &Documents) {
    for (key, document) in expected {
        assert_eq!(found.get(key), Some(document), "{key}: found, expected");
    }
    let more: BTreeMap<_, _> = found.iter().filter(|(key, _)| !expected.contains_key(*key)).collect();
    assert!(more.is_empty(), "more than the log says: {more:?}");
}
