//! Any split, repetition, reordering, loss, restart, lost answer and any number of projectors fold a log to the same documents.

use super::Bench;
use crate::projection::DocumentKey;
use crate::projector::testing::{PagesDocument, TestLog, calmly, check_cache, post, user, wildly};
use proptest::prelude::*;
use std::collections::BTreeMap;

type Documents = BTreeMap<DocumentKey, PagesDocument>;

#[derive(Debug, Clone)]
enum Deed {
    Rename(u128),
    Write(u128, u128, bool),
    WriteAndLike(u128, u128),
    Like(u128, u128),
    Hide(u128),
    Delete(u128),
    Follow(u128, u128),
}

fn deed() -> impl Strategy<Value = Deed> {
    let (person, page) = (0..3u128, 0..8u128);
    prop_oneof![
        2 => person.clone().prop_map(Deed::Rename),
        6 => (page.clone(), person.clone(), prop::bool::weighted(0.05)).prop_map(|(p, u, bad)| Deed::Write(p, u, bad)),
        2 => (page.clone(), person.clone()).prop_map(|(p, u)| Deed::WriteAndLike(p, u)),
        3 => (page.clone(), person.clone()).prop_map(|(p, u)| Deed::Like(p, u)),
        1 => page.clone().prop_map(Deed::Hide),
        3 => page.prop_map(Deed::Delete),
        1 => (person.clone(), person).prop_map(|(a, b)| Deed::Follow(a, b)),
    ]
}

/// A page belongs to one author and is written once, as in the real log.
fn log(deeds: &[Deed]) -> TestLog {
    let mut log = TestLog::new(3);
    let mut fresh = 0;
    let mut authors: BTreeMap<u128, (u128, u128)> = BTreeMap::new();
    for (step, deed) in deeds.iter().enumerate() {
        match *deed {
            Deed::Rename(person) => {
                log.rename(user(person), &format!("name {step}"));
            }
            Deed::Write(page, person, _) | Deed::WriteAndLike(page, person) => {
                fresh += 1;
                authors.insert(page, (fresh, person));
                match deed {
                    Deed::Write(_, _, true) => {
                        log.write(post(fresh), user(person), "unfoldable");
                    }
                    Deed::Write(..) => {
                        log.write(post(fresh), user(person), "text");
                    }
                    _ => {
                        log.write_and_like(post(fresh), user(person), "text");
                    }
                }
            }
            Deed::Like(page, person) => {
                if let Some((id, _)) = authors.get(&page) {
                    log.like(post(*id), user(person));
                }
            }
            Deed::Hide(page) => {
                if let Some((id, author)) = authors.get(&page) {
                    log.hide(post(*id), user(*author));
                }
            }
            Deed::Delete(page) => {
                if let Some((id, author)) = authors.remove(&page) {
                    log.delete(post(id), user(author));
                }
            }
            Deed::Follow(a, b) => {
                log.follow(user(a), user(b));
            }
        }
    }
    log
}

fn documents(bench: &Bench) -> Documents {
    bench.store.look(|inner| inner.documents.iter().map(|(k, d)| (k.clone(), d.document.clone())).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_way_of_folding_a_log_ends_in_the_same_documents(
        deeds in prop::collection::vec(deed(), 1..60),
        seed in any::<u32>(),
    ) {
        let log = log(&deeds);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (calm, wild) = runtime.block_on(async { (calmly(&log).await, wildly(&log, u64::from(seed)).await) });
        prop_assert_eq!(documents(&wild), documents(&calm));
        prop_assert_eq!(wild.store.look(|inner| inner.parked.clone()), calm.store.look(|inner| inner.parked.clone()));
        let letters = |bench: &Bench| bench.store.look(|inner| {
            let mut letters = inner.dead_letters.clone();
            letters.sort_by_key(|letter| letter.position);
            letters
        });
        prop_assert_eq!(letters(&wild), letters(&calm));
        let of_events = |bench: &Bench| bench.store.look(|inner| {
            let own = inner.changes.iter().filter(|change| change.event.contains('.') && !change.event.ends_with("refill"));
            own.filter(|change| change.event != "page.author").map(|c| (c.position, c.key.clone(), c.kind)).collect::<Vec<_>>()
        });
        prop_assert_eq!(of_events(&wild), of_events(&calm));
        check_cache(&wild);
    }
}
