use super::Bench;
use crate::projection::{Audience, ChangeKind, DocumentKey};
use crate::projector::Limits;
use crate::projector::testing::{TestLog, card_key, page_key, post, user, wall_key};
use crate::store::to_json;
use millrace_events::Position;
use std::collections::BTreeSet;

fn json(bench: &Bench, key: &DocumentKey) -> serde_json::Value {
    let stored = bench.store.look(|inner| inner.documents.get(key).cloned()).unwrap();
    serde_json::from_str(&to_json(&stored.document).unwrap()).unwrap()
}

#[tokio::test]
async fn each_event_makes_its_own_changes_and_each_document_is_written_once() {
    let mut log = TestLog::new(1);
    log.write_and_like(post(1), user(1), "one").hide(post(1), user(1)).follow(user(1), user(2));
    let mut bench = Bench::over(&log);
    bench.step().await;

    let (changes, commits, revision) =
        bench.store.look(|inner| (inner.changes.clone(), inner.commits.len(), inner.checkpoint.revision));
    assert_eq!((commits, revision.position), (1, Position(4)));
    let told: Vec<_> = changes.iter().map(|c| (c.seq, c.position.0, c.key.clone(), c.kind, c.event.as_str())).collect();
    let (page, wall) = (page_key(post(1)), wall_key(user(1)));
    assert_eq!(
        told,
        [
            (1, 1, page.clone(), ChangeKind::Created, "post.created"),
            (2, 1, wall, ChangeKind::Created, "post.created"),
            (3, 2, page.clone(), ChangeKind::Changed, "like.added"),
            (4, 3, page.clone(), ChangeKind::Changed, "post.unpublished"),
        ]
    );
    assert_eq!(changes[0].command_id, changes[2].command_id);
    let audience = |index: usize| (changes[index].audience_before, changes[index].audience_after);
    assert_eq!(audience(0), (Audience::Nobody, Audience::Everyone));
    assert_eq!(audience(3), (Audience::Everyone, Audience::Person(user(1))));
    let topics = BTreeSet::from([page.to_string(), format!("{}/pages", card_key(user(1)))]);
    assert_eq!(changes[0].topics, topics);
    assert!(changes.iter().all(|change| change.revision == revision));
    assert_eq!(json(&bench, &page)["likes"], 1);
}

#[tokio::test]
async fn topics_are_those_before_and_after() {
    let mut log = TestLog::new(1);
    log.write(post(1), user(1), "one").delete(post(1), user(1));
    let mut bench = Bench::over(&log);
    bench.drain().await;
    let removed = bench.store.look(|inner| inner.changes[2].clone());
    assert_eq!((removed.kind, removed.audience_after), (ChangeKind::Removed, Audience::Nobody));
    assert!(removed.topics.contains(&format!("{}/pages", card_key(user(1)))));
    assert!(bench.store.look(|inner| !inner.documents.contains_key(&page_key(post(1)))));
}

#[tokio::test]
async fn what_changes_nothing_tells_nothing() {
    let mut log = TestLog::new(1);
    log.like(post(9), user(1)).delete(post(9), user(1)).follow(user(1), user(2));
    let mut bench = Bench::over(&log);
    bench.drain().await;
    assert!(bench.store.look(|inner| inner.changes.is_empty() && inner.documents.is_empty()));
    assert_eq!(bench.store.look(|inner| inner.checkpoint.revision.position), Position(3));
}

#[tokio::test]
async fn an_event_that_cannot_be_applied_parks_its_document_only() {
    let mut log = TestLog::new(1);
    log.write(post(1), user(1), "one").write(post(2), user(1), "two");
    log.write(post(1), user(1), "unfoldable").like(post(1), user(2)).like(post(2), user(2));
    let mut bench = Bench::over(&log);
    bench.drain().await;

    let parked = bench.store.look(|inner| inner.documents[&page_key(post(1))].clone());
    assert_eq!(parked.broken_since, Some(Position(3)));
    assert_eq!(json(&bench, &page_key(post(1)))["likes"], 0, "later events skip it");
    assert_eq!(json(&bench, &page_key(post(1)))["title"], "one", "it keeps its last good state");
    assert_eq!(json(&bench, &page_key(post(2)))["likes"], 1);
    let letters = bench.store.look(|inner| inner.dead_letters.clone());
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].position, letters[0].event.as_str()), (Position(3), "post.created"));
    let told = bench.store.look(|inner| inner.changes.iter().filter(|c| c.position == Position(3)).count());
    assert_eq!(told, 1, "that it is stale is a change");
}

#[tokio::test]
async fn a_document_parked_before_it_exists_stays_parked() {
    let mut log = TestLog::new(1);
    log.write(post(1), user(1), "unfoldable").write(post(1), user(1), "one");
    for limits in [Limits::default(), Limits { batch_events: 1, kept_documents: 0, ..Limits::default() }] {
        let mut bench = Bench::with(&log, limits);
        bench.drain().await;
        let (parked, exists) =
            bench.store.look(|inner| (inner.parked.clone(), inner.documents.contains_key(&page_key(post(1)))));
        assert_eq!((parked.get(&page_key(post(1))), exists), (Some(&Position(1)), false));
    }
}

#[tokio::test]
async fn a_rename_spreads_in_chunks_between_new_events() {
    let mut log = TestLog::new(1);
    log.rename(user(1), "Ada");
    for number in 0..10 {
        log.write(post(number), user(1), "text");
    }
    let mut bench = Bench::with(&log, Limits { chunk_documents: 3, ..Limits::default() });
    bench.drain().await;
    log.rename(user(1), "Grace").like(post(9), user(2));
    bench.source.replace(&log);
    let before = bench.store.look(|inner| inner.commits.len());
    bench.projector.tick();
    bench.drain().await;

    let commits = bench.store.look(|inner| inner.commits[before..].to_vec());
    let revisions: Vec<_> = commits.iter().map(|c| (c.revision.position.0, c.revision.n, c.open.len())).collect();
    assert_eq!(revisions, [(13, 0, 1), (13, 1, 1), (13, 2, 1), (13, 3, 1), (13, 4, 0)]);
    for number in 0..10 {
        assert_eq!(json(&bench, &page_key(post(number)))["author"]["name"], "Grace");
    }
    let spread = bench.store.look(|inner| inner.changes.iter().filter(|c| c.event == "page.author").count());
    assert_eq!(spread, 10, "and the first rename's chunk found nothing to change");
}

#[tokio::test]
async fn a_short_window_is_refilled() {
    let mut log = TestLog::new(1);
    for number in 0..6 {
        log.write(post(number), user(1), "text");
    }
    log.delete(post(5), user(1)).delete(post(4), user(1));
    let mut bench = Bench::over(&log);
    bench.drain().await;
    let wall = json(&bench, &wall_key(user(1)));
    let newest: Vec<String> = [3, 2, 1].iter().map(|number| page_key(post(*number)).to_string()).collect();
    assert_eq!((wall["pages"].clone(), wall["count"].clone()), (serde_json::json!(newest), 4.into()));
    assert!(bench.store.look(|inner| inner.checkpoint.open.is_empty()));
}
