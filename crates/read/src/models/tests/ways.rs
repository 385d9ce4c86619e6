//! However a log is folded, in whatever batches, how often anything is repeated, lost or begun anew, and by however many projectors at
//! once: the documents are the same. With the projector itself, for every projection, over logs that commands could have written.

use super::checker::{self, as_json};
use super::random::{self, served};
use super::random_shop::{self, Trade};
use super::{Folded, after_erasing_all};
use crate::models::commands::Commands;
use crate::models::content::Content;
use crate::models::people::People;
use crate::models::shop::Shop;
use crate::projection::{DocumentKey, Projection};
use crate::projector::testing::{TestLog, Workshop, check_cache, wildly};
use millrace_events::{Recorded, UserId};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// The documents at the end of a fold in which everything went wrong that can.
fn folded<P: Projection>(events: &[Recorded], erased: &BTreeSet<UserId>, seed: u32) -> Folded<P> {
    let log = TestLog::of(events, erased);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let workshop: Workshop<P> = runtime.block_on(wildly(&log, u64::from(seed)));
    check_cache(&workshop);
    let (documents, parked): (BTreeMap<DocumentKey, P::Document>, usize) = workshop.store.look(|inner| {
        let own = inner.documents.iter().map(|(key, stored)| (key.clone(), stored.document.clone()));
        (own.collect(), inner.parked.len() + inner.dead_letters.len())
    });
    assert_eq!(parked, 0, "nothing here cannot be folded");
    Folded { documents, open: [].into() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn of_the_shop_and_its_commands(steps in vec(random_shop::step(), 1..40), seed in any::<u32>()) {
        let market = Trade::of(&steps).market;
        let today = after_erasing_all(&market.log.events, &market.erased);
        let shop = folded::<Shop>(&market.log.events, &market.erased, seed);
        checker::compare(&as_json(&shop), &checker::shop::documents(&today));
        let commands = folded::<Commands>(&market.log.events, &market.erased, seed);
        checker::compare(&as_json(&commands), &checker::commands::documents(&today));
    }

    #[test]
    fn of_people_and_content(steps in vec(random::step(), 1..25), seed in any::<u32>()) {
        let (events, erased) = random::log_of(&steps);
        let today = after_erasing_all(&events, &erased);
        let people = folded::<People>(&events, &erased, seed);
        prop_assert_eq!(&people.documents, &Folded::<People>::of(&today).documents);
        let content = folded::<Content>(&events, &erased, seed);
        prop_assert_eq!(served(&content), served(&Folded::<Content>::of(&today)));
    }
}
