use super::{Bench, step};
use crate::cache::Head;
use crate::projector::testing::{TestLog, page_key, post, user, wall_key};
use crate::projector::write_through::{CHANGES_REDONE_MAX, Reached, catch_up};
use crate::projector::{Limits, Step};
use crate::store::to_json;
#[cfg(feature = "mutants")]
use millrace_events::rule::breaks_without;
use millrace_events::{Position, Revision};

fn log() -> TestLog {
    let mut log = TestLog::new(5);
    log.write(post(1), user(1), "one").write(post(2), user(1), "two");
    log
}

async fn drained() -> (TestLog, Bench) {
    let log = log();
    let mut bench = Bench::over(&log);
    bench.drain().await;
    (log, bench)
}

fn fill(bench: &Bench, key: &crate::projection::DocumentKey) {
    let stored = bench.store.look(|inner| inner.documents[key].clone());
    bench.cache.fill(key, stored.revision, Some(&to_json(&stored.document).unwrap()));
}

fn head_is_at(bench: &Bench) -> bool {
    let checkpoint = bench.store.look(|inner| inner.checkpoint.clone());
    let head = bench.cache.look(|inner| inner.head).unwrap();
    (head.generation, head.seq, head.revision) == (checkpoint.generation, checkpoint.seq, checkpoint.revision)
}

async fn like(log: &mut TestLog, bench: &mut Bench) {
    log.like(post(1), user(50 + log.events.len() as u128));
    bench.source.replace(log);
    assert!(matches!(bench.step().await, Step::Folded { .. }));
}

#[tokio::test]
async fn a_commit_is_written_through_and_rung() {
    let (mut log, mut bench) = drained().await;
    fill(&bench, &page_key(post(1)));
    let rings = bench.cache.look(|inner| inner.rings.len());
    like(&mut log, &mut bench).await;
    assert!(head_is_at(&bench));
    let (revision, json) = bench.cache.document(&page_key(post(1))).unwrap();
    assert_eq!(revision, Revision::at(Position(3)));
    assert!(json.unwrap().contains("\"likes\":1"));
    assert!(bench.cache.document(&page_key(post(2))).is_none(), "what nobody read is not filled");
    let rings = bench.cache.look(|inner| inner.rings[rings..].to_vec());
    assert_eq!(rings.len(), 1);
    assert_eq!((rings[0].generation, rings[0].changes.len(), rings[0].changes[0].seq), (1, 1, 5));
}

#[tokio::test]
async fn a_removed_or_parked_document_is_deleted() {
    let (mut log, mut bench) = drained().await;
    fill(&bench, &page_key(post(1)));
    fill(&bench, &page_key(post(2)));
    log.delete(post(1), user(1)).write(post(2), user(1), "unfoldable");
    bench.source.replace(&log);
    bench.drain().await;
    assert!(bench.cache.document(&page_key(post(1))).is_none());
    assert!(bench.cache.document(&page_key(post(2))).is_none());
    assert!(head_is_at(&bench));
}

#[tokio::test]
async fn what_another_projector_committed_is_redone_from_changes() {
    let (mut log, mut bench) = drained().await;
    fill(&bench, &page_key(post(1)));
    let mut other = bench.another(Limits::default());
    bench.cache.look(|inner| inner.is_away = true);
    log.like(post(1), user(9));
    bench.source.replace(&log);
    step(&mut other).await;
    bench.cache.look(|inner| inner.is_away = false);

    log.like(post(2), user(9));
    bench.source.replace(&log);
    bench.projector.tick();
    bench.drain().await;
    assert!(head_is_at(&bench));
    let (_, json) = bench.cache.document(&page_key(post(1))).unwrap();
    assert!(json.unwrap().contains("\"likes\":1"));
}

#[tokio::test]
async fn a_head_that_is_gone_is_begun_anew_in_another_namespace() {
    let (mut log, mut bench) = drained().await;
    fill(&bench, &page_key(post(1)));
    let before = bench.cache.look(|inner| inner.head.take()).unwrap();
    like(&mut log, &mut bench).await;
    bench.drain().await;
    assert!(head_is_at(&bench));
    assert_ne!(bench.cache.look(|inner| inner.head).unwrap().namespace, before.namespace);
    assert!(bench.cache.document(&page_key(post(1))).is_none(), "what lay there is not met again");
}

#[tokio::test]
async fn an_older_head_is_brought_up_or_begun_anew_if_changes_do_not_reach_back() {
    for trimmed in [false, true] {
        let (mut log, mut bench) = drained().await;
        fill(&bench, &page_key(post(1)));
        let older = bench.cache.look(|inner| (inner.head, inner.documents.clone()));
        like(&mut log, &mut bench).await;
        like(&mut log, &mut bench).await;
        bench.cache.look(|inner| {
            (inner.head, inner.documents) = older.clone();
            inner.connection += 1;
        });
        if trimmed {
            bench.store.look(|inner| inner.changes.retain(|change| change.seq > 5));
        }
        bench.projector.tick();
        bench.drain().await;
        assert!(head_is_at(&bench));
        match bench.cache.document(&page_key(post(1))) {
            Some((revision, _)) => assert_eq!((trimmed, revision), (false, Revision::at(Position(4)))),
            None => assert!(trimmed),
        }
    }
}

#[tokio::test]
async fn a_head_too_far_behind_is_begun_anew() {
    let (mut log, mut bench) = drained().await;
    let before = bench.cache.look(|inner| inner.head).unwrap();
    bench.cache.look(|inner| inner.is_away = true);
    for number in 0..=CHANGES_REDONE_MAX {
        log.like(post(1), user(u128::from(number)));
    }
    bench.source.replace(&log);
    bench.drain().await;
    bench.cache.look(|inner| inner.is_away = false);
    bench.projector.tick();
    bench.drain().await;
    assert!(head_is_at(&bench));
    assert_ne!(bench.cache.look(|inner| inner.head).unwrap().namespace, before.namespace);
}

#[tokio::test]
async fn a_cache_that_is_away_never_holds_up_folding_and_is_told_once_per_tick() {
    let (mut log, mut bench) = drained().await;
    bench.cache.look(|inner| inner.is_away = true);
    let mut errors = 0;
    for _ in 0..5 {
        log.like(post(1), user(log.events.len() as u128));
        bench.source.replace(&log);
        let round = bench.projector.round(1).await.unwrap();
        assert!(matches!(round.step, Step::Folded { .. }));
        errors += u32::from(round.cache_error.is_some());
    }
    assert_eq!(errors, 1);
    bench.cache.look(|inner| inner.is_away = false);
    bench.projector.tick();
    bench.drain().await;
    assert!(head_is_at(&bench));
}

#[tokio::test]
async fn a_chunk_without_changes_moves_head_too() {
    let mut log = TestLog::new(5);
    log.rename(user(1), "Ada");
    let mut bench = Bench::over(&log);
    bench.drain().await;
    let revision = bench.store.look(|inner| inner.checkpoint.revision);
    assert_eq!(revision, Revision { position: Position(1), n: 1 });
    assert!(head_is_at(&bench));
}

#[tokio::test]
async fn a_retired_generation_leaves_the_cache_alone() {
    let (mut log, mut bench) = drained().await;
    let (head, rings) = bench.cache.look(|inner| (inner.head, inner.rings.len()));
    bench.store.look(|inner| inner.checkpoint.retired = true);
    log.like(post(1), user(9));
    bench.source.replace(&log);
    bench.projector.tick();
    bench.drain().await;
    assert_eq!(bench.store.look(|inner| inner.checkpoint.revision.position), Position(3));
    assert_eq!(bench.cache.look(|inner| (inner.head, inner.rings.len())), (head, rings));
}

#[tokio::test]
async fn another_generations_head_is_replaced_but_by_one_that_is_superseded() {
    for generation in [0, 2] {
        let (_, mut bench) = drained().await;
        let before = bench.cache.look(|inner| inner.head).unwrap();
        let other = Head { generation, ..before };
        bench.cache.look(|inner| inner.head = Some(other));
        bench.projector.tick();
        bench.drain().await;
        assert!(head_is_at(&bench), "the store was put back to before generation {generation}");
        assert_ne!(bench.cache.look(|inner| inner.head).unwrap().namespace, before.namespace);
        fill(&bench, &wall_key(user(1)));
    }
}

/// A projector that does not know yet that its generation is superseded finds it out before it takes the head back.
#[tokio::test]
async fn who_is_superseded_without_knowing_it_leaves_a_later_generations_head_alone() {
    let (_, bench) = drained().await;
    let known = bench.store.look(|inner| inner.checkpoint.clone());
    let later = Head { generation: 2, ..bench.cache.look(|inner| inner.head).unwrap() };
    bench.cache.look(|inner| inner.head = Some(later));
    bench.store.look(|inner| inner.checkpoint.retired = true);
    let reached = catch_up(&bench.store, &bench.cache, &known, 7).await.unwrap();
    assert_eq!((reached, bench.cache.look(|inner| inner.head)), (Reached::NotServed, Some(later)));
}

#[tokio::test]
async fn a_head_that_another_generation_took_meanwhile_is_not_taken_back() {
    let (mut log, mut bench) = drained().await;
    let mut taken = bench.cache.look(|inner| inner.head).unwrap();
    taken.generation = 2;
    bench.cache.look(|inner| inner.head = Some(taken));
    let rings = bench.cache.look(|inner| inner.rings.len());
    // It commits over the head that it saw last, and does not look before.
    like(&mut log, &mut bench).await;
    assert_eq!(bench.cache.look(|inner| (inner.head, inner.rings.len())), (Some(taken), rings));
}

#[cfg(feature = "mutants")]
#[test]
fn without_the_compare_a_head_is_taken_back() {
    breaks_without("head_moves_by_compare", a_head_that_another_generation_took_meanwhile_is_not_taken_back);
}

#[tokio::test]
async fn a_store_that_was_put_back_begins_the_cache_anew() {
    let (mut log, mut bench) = drained().await;
    let older = bench.store.look(|inner| (inner.checkpoint.clone(), inner.documents.clone(), inner.changes.clone()));
    like(&mut log, &mut bench).await;
    let before = bench.cache.look(|inner| inner.head).unwrap();
    bench.store.look(|inner| (inner.checkpoint, inner.documents, inner.changes) = older);
    bench.source.replace(&self::log());
    bench.projector.tick();
    bench.drain().await;
    assert!(head_is_at(&bench));
    assert_ne!(bench.cache.look(|inner| inner.head).unwrap().namespace, before.namespace);
}
