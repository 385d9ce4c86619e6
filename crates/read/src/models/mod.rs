//! Read models: each projection with its documents and its fold in one place.
//!
//! A new one is a file here and a line in the list at the end of this one.

#![deny(clippy::wildcard_enum_match_arm)]

pub mod commands;
pub mod content;
pub mod fields;
pub mod people;
pub mod shop;

#[cfg(test)]
pub(crate) mod tests;

use crate::projection::{DocumentKey, Projection};
use millrace_events::UserId;
use serde_json::Value;

/// A projection of the list.
pub trait Registered: Projection {
    /// This projection's own out of one value for each.
    fn of<F: Family>(each: &ForEach<F>) -> &F::Of<Self>
    where
        Self: Sized;

    /// Reads a document's JSON. The key tells the kind, which is quicker than looking for it in the JSON.
    fn decode(key: &DocumentKey, json: &str) -> serde_json::Result<Self::Document>;

    /// Questions to documents, as filters of the store, that none answers once this person is erased.
    fn left_of(person: UserId) -> Vec<Value>;

    /// What a list sorted by this field is sorted by; none for a document that stands in no such list.
    fn sort_value(document: &Self::Document, field: &str) -> Option<i64>;
}

/// A type for each projection, such as its reader.
pub trait Family {
    /// The type for this projection.
    type Of<P: Registered>;
}

/// Is shown each projection in turn.
pub trait Visitor {
    /// One projection.
    fn visit<P: Registered>(&mut self);
}

/// Makes a value for each projection.
pub trait Maker<F: Family> {
    /// Why one could not be made.
    type Error;

    /// Makes the value for one projection.
    fn make<P: Registered>(&mut self) -> Result<F::Of<P>, Self::Error>;
}

macro_rules! projections {
    ($( $field:ident: $projection:ty ),+ $(,)?) => {
        /// The projections' names.
        pub const NAMES: &[&str] = &[$( <$projection as Projection>::NAME ),+];

        /// One value for each projection.
        pub struct ForEach<F: Family> {
            $(
                #[doc = concat!("That of [`", stringify!($projection), "`].")]
                pub $field: F::Of<$projection>
            ),+
        }

        impl<F: Family> ForEach<F> {
            /// Makes the values one after another; the first that fails ends it.
            pub fn make<M: Maker<F>>(maker: &mut M) -> Result<Self, M::Error> {
                Ok(Self { $( $field: maker.make::<$projection>()? ),+ })
            }
        }

        $(
            impl Registered for $projection {
                fn of<F: Family>(each: &ForEach<F>) -> &F::Of<Self> {
                    &each.$field
                }

                fn decode(key: &DocumentKey, json: &str) -> serde_json::Result<Self::Document> {
                    <$projection>::read(key, json)
                }

                fn left_of(person: UserId) -> Vec<Value> {
                    <$projection>::left_of(person)
                }

                fn sort_value(document: &Self::Document, field: &str) -> Option<i64> {
                    document.sort_value(field)
                }
            }
        )+

        /// Shows each projection to a visitor.
        pub fn visit(visitor: &mut impl Visitor) {
            $( visitor.visit::<$projection>(); )+
        }
    };
}

projections! {
    people: people::People,
    content: content::Content,
    shop: shop::Shop,
    commands: commands::Commands,
}
