//! Aggregates: what a command decides on, locks, and counts versions of.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The kinds of aggregates. Their order here is the order in which rows are locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AggregateKind {
    /// A person's account.
    User,
    /// One person following another (a pair).
    Follow,
    /// A post.
    Post,
    /// A comment.
    Comment,
    /// One person liking a post (a pair).
    Like,
    /// A product.
    Product,
    /// An order.
    Order,
    /// One person's money in one currency.
    Wallet,
}

impl AggregateKind {
    /// The name in the log, in subjects and in envelopes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Follow => "follow",
            Self::Post => "post",
            Self::Comment => "comment",
            Self::Like => "like",
            Self::Product => "product",
            Self::Order => "order",
            Self::Wallet => "wallet",
        }
    }
}

/// One aggregate at one version (1, 2, 3…).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Aggregate {
    /// What kind of thing it is.
    pub kind: AggregateKind,
    /// Its id; a pair has an id derived from its two ends, see [`pair_id`].
    pub id: Uuid,
    /// The version that the event brought it to.
    pub version: u32,
}

/// The id of a pair: derived from its ends, so that both sides know it without asking.
///
/// Custom data in a UUID v8 (RFC 9562, 5.8). Both ends are v7 ids, whose random bits are mixed here; the unique key of the pair's
/// row is the pair itself, so a clash of two derived ids would be refused by PostgreSQL, not merged.
pub fn pair_id(first: Uuid, second: Uuid) -> Uuid {
    let (a, b) = (first.as_u128(), second.as_u128());
    let mixed = mix(a).wrapping_add(mix(b).rotate_left(29)) ^ a.rotate_left(64) ^ b.rotate_left(17);
    uuid::Builder::from_custom_bytes(mixed.to_be_bytes()).into_uuid()
}

/// One round of multiply and fold, with the 128-bit golden ratio as the odd multiplier.
fn mix(value: u128) -> u128 {
    let product = value.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
    product ^ (product >> 61)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn pairs_have_direction_and_no_clash_among_many() {
        let people: Vec<Uuid> = (0..300).map(|_| Uuid::now_v7()).collect();
        let mut seen = HashSet::new();
        for a in &people {
            for b in &people {
                assert!(seen.insert(pair_id(*a, *b)), "two pairs share an id");
            }
        }
    }
}
