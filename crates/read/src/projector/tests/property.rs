//! Any split, repetition, reordering, loss, restart, lost answer and any number of projectors fold a log to the same documents.

use super::{Bench, Tested};
use crate::projection::DocumentKey;
use crate::projector::testing::{Dice, PagesDocument, TestLog, post, user};
use crate::projector::{Limits, Step};
use crate::store::to_json;
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

/// One event at a time, nothing goes wrong, each fan-out done before the next event.
async fn calmly(log: &TestLog) -> Bench {
    let limits = Limits { batch_events: 1, open_fan_outs: 1, ..Limits::default() };
    let mut bench = Bench::with(log, limits);
    bench.drain().await;
    bench
}

fn limits(dice: &mut Dice) -> Limits {
    Limits {
        batch_events: 1 + dice.roll(9) as usize,
        batch_bytes: 200 + dice.roll(5_000) as usize,
        chunk_documents: 1 + dice.roll(4) as usize,
        open_fan_outs: 1 + dice.roll(4) as usize,
        kept_documents: dice.roll(12) as usize,
        kept_bytes: 1 << 20,
    }
}

/// Everything goes wrong, until all is folded.
async fn wildly(log: &TestLog, seed: u64) -> Bench {
    let mut dice = Dice::new(seed);
    let mut bench = Bench::with(log, limits(&mut dice));
    bench.source.misbehave(Dice::new(seed + 1));
    bench.store.look(|inner| inner.dice = Some(Dice::new(seed + 2)));
    bench.cache.look(|inner| inner.dice = Some(Dice::new(seed + 3)));
    let mut projectors: Vec<Tested> = (0..1 + dice.roll(3)).map(|_| bench.another(limits(&mut dice))).collect();
    for round in 0..20_000 {
        let one = dice.roll(projectors.len() as u64) as usize;
        if dice.one_in(30) {
            projectors[one] = bench.another(limits(&mut dice));
        }
        if dice.one_in(6) {
            projectors[one].tick();
        }
        if let Err(error) = projectors[one].round(round + 1).await {
            assert!(!matches!(error, crate::projector::RoundError::Alarm(_)), "{error:?}");
        }
        if dice.one_in(20) {
            fill_something(&bench, &mut dice);
        }
        if is_done(&bench, log) && dice.one_in(4) {
            break;
        }
    }
    bench.source.replace(log);
    calm_down(&mut bench).await;
    bench
}

fn is_done(bench: &Bench, log: &TestLog) -> bool {
    let end = log.events.len() as u64;
    bench.store.look(|inner| inner.checkpoint.revision.position.0 == end && inner.checkpoint.open.is_empty())
}

/// What a reader does on a miss: a document of now, or its absence.
fn fill_something(bench: &Bench, dice: &mut Dice) {
    if bench.cache.look(|inner| inner.head).is_none() {
        return;
    }
    let now = bench.store.look(|inner| {
        let nth = dice.roll(inner.documents.len() as u64) as usize;
        inner.documents.iter().nth(nth).map(|(key, stored)| (key.clone(), stored.clone()))
    });
    if let Some((key, stored)) = now.filter(|(_, stored)| stored.is_cacheable()) {
        bench.cache.fill(&key, stored.revision, Some(&to_json(&stored.document).unwrap()));
    }
}

async fn calm_down(bench: &mut Bench) {
    bench.store.look(|inner| inner.dice = None);
    bench.cache.look(|inner| inner.dice = None);
    bench.source.behave();
    bench.projector.tick();
    bench.drain().await;
    bench.projector.tick();
    assert!(matches!(bench.step().await, Step::Idle));
}

fn check_cache(bench: &Bench) {
    let checkpoint = bench.store.look(|inner| inner.checkpoint.clone());
    let head = bench.cache.look(|inner| inner.head).unwrap();
    assert_eq!((head.seq, head.revision), (checkpoint.seq, checkpoint.revision));
    let cached = bench.cache.look(|inner| inner.documents.clone());
    for ((generation, namespace, key), (_, json)) in cached {
        if (generation, namespace) == (head.generation, head.namespace) {
            let stored = bench.store.look(|inner| inner.documents.get(&key).cloned());
            let stored = stored.filter(|stored| stored.is_cacheable());
            let now = stored.map(|stored| to_json(&stored.document).unwrap());
            assert_eq!(json, now, "{key} stays stale in the cache");
        }
    }
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
