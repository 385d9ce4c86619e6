//! Folds as data: given these events, then these documents; and any log against a second, naive fold.

mod checker;
mod fold;
mod log;
mod market;
mod naive;
mod random;
mod random_shop;
mod ways;

pub use fold::Folded;
pub use log::{ISSUER, Log, OAK, REASON, after_erasing, after_erasing_all, at, eur, id};

use super::{ForEach, Maker, NAMES, Registered, Visitor, visit};
use crate::projection::Projection;
use std::convert::Infallible;

#[test]
fn each_projection_has_a_name_of_its_own_that_fits_a_token() {
    let distinct: std::collections::BTreeSet<_> = NAMES.iter().collect();
    assert_eq!(distinct.len(), NAMES.len());
    assert!(NAMES.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase())), "{NAMES:?}");
}

struct Name;

impl super::Family for Name {
    type Of<P: Registered> = &'static str;
}

struct Namer(Vec<&'static str>);

impl Visitor for Namer {
    fn visit<P: Registered>(&mut self) {
        self.0.push(P::NAME);
    }
}

impl Maker<Name> for Namer {
    type Error = Infallible;

    fn make<P: Registered>(&mut self) -> Result<&'static str, Infallible> {
        Ok(P::NAME)
    }
}

#[test]
fn what_is_made_for_each_is_found_by_its_type() {
    let mut namer = Namer(vec![]);
    visit(&mut namer);
    assert_eq!(namer.0, NAMES);
    let each = ForEach::<Name>::make(&mut namer).unwrap();
    assert_eq!(super::content::Content::of(&each), &super::content::Content::NAME);
    assert_eq!(super::commands::Commands::of(&each), &each.commands);
}

struct IndexCheck;

impl Visitor for IndexCheck {
    /// The order of an index's fields decides what it can serve, and JSON objects keep theirs only by a feature of `serde_json`.
    fn visit<P: Registered>(&mut self) {
        for index in P::indexes() {
            let name = index["name"].as_str().unwrap();
            let fields: Vec<_> = index["key"].as_object().unwrap().keys().map(String::as_str).collect();
            let ends_with_id =
                fields.iter().position(|field| *field == "_id").is_none_or(|place| place == fields.len() - 1);
            assert!(ends_with_id, "{} {name}: {fields:?}", P::NAME);
        }
    }
}

#[test]
fn the_fields_of_an_index_keep_their_order() {
    visit(&mut IndexCheck);
}
