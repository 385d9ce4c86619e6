//! Ways of folding a log: calm, and with everything going wrong that can.

use super::{Dice, TestLog, Workshop};
use crate::projection::Projection;
use crate::projector::{Limits, RoundError, Step};
use crate::store::to_json;

/// One event at a time, nothing goes wrong, each fan-out done before the next event.
pub async fn calmly<P: Projection>(log: &TestLog) -> Workshop<P> {
    let limits = Limits { batch_events: 1, open_fan_outs: 1, ..Limits::default() };
    let mut bench = Workshop::with(log, limits);
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
pub async fn wildly<P: Projection>(log: &TestLog, seed: u64) -> Workshop<P> {
    let mut dice = Dice::new(seed);
    let mut bench = Workshop::with(log, limits(&mut dice));
    bench.source.misbehave(Dice::new(seed + 1));
    bench.store.look(|inner| inner.dice = Some(Dice::new(seed + 2)));
    bench.cache.look(|inner| inner.dice = Some(Dice::new(seed + 3)));
    let mut projectors: Vec<_> = (0..1 + dice.roll(3)).map(|_| bench.another(limits(&mut dice))).collect();
    for round in 0..20_000 {
        let one = dice.roll(projectors.len() as u64) as usize;
        if dice.one_in(30) {
            projectors[one] = bench.another(limits(&mut dice));
        }
        if dice.one_in(6) {
            projectors[one].tick();
        }
        if let Err(error) = projectors[one].round(round + 1).await {
            assert!(!matches!(error, RoundError::Alarm(_)), "{error:?}");
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

fn is_done<P: Projection>(bench: &Workshop<P>, log: &TestLog) -> bool {
    let end = log.events.len() as u64;
    bench.store.look(|inner| inner.checkpoint.revision.position.0 == end && inner.checkpoint.open.is_empty())
}

/// What a reader does on a miss: a document of now, or its absence.
fn fill_something<P: Projection>(bench: &Workshop<P>, dice: &mut Dice) {
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

async fn calm_down<P: Projection>(bench: &mut Workshop<P>) {
    bench.store.look(|inner| inner.dice = None);
    bench.cache.look(|inner| inner.dice = None);
    bench.source.behave();
    bench.projector.tick();
    bench.drain().await;
    bench.projector.tick();
    assert!(matches!(bench.step().await, Step::Idle));
}

/// Every document in the cache is the store's.
pub fn check_cache<P: Projection>(bench: &Workshop<P>) {
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
