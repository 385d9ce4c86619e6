use super::{Store, at, commit, document, is_unchanged, like, prepared};
use crate::projector::testing::{PagesDocument, page_key, post};
use crate::store::mongo::MongoError;
use crate::store::{Commit, Committed, DocumentStore};
use mongodb::bson::{Document, doc};
use std::time::Duration;

/// Makes commands of this test's connection fail.
async fn fail(store: &Store, mode: Document, what: Document) {
    let mut data = doc! { "appName": store.database.name() };
    data.extend(what);
    let command = doc! { "configureFailPoint": "failCommand", "mode": mode, "data": data };
    store.database.client().database("admin").run_command(command).await.unwrap();
}

async fn stop_failing(store: &Store) {
    let command = doc! { "configureFailPoint": "failCommand", "mode": "off" };
    store.database.client().database("admin").run_command(command).await.unwrap();
}

// `failCommand` is one for the whole server, so these run one after the other in one test.
#[tokio::test]
async fn answers_that_are_lost_or_bad() {
    let store = prepared().await;
    let last = like(&store, 1).await;
    let next = commit(&last.checkpoint, &[(page_key(post(1)), document(2, "one"))]);

    // The connection breaks before COMMIT is carried out, three times: the driver doubles each of ours.
    fail(&store, doc! { "times": 3 }, doc! { "failCommands": ["commitTransaction"], "closeConnection": true }).await;
    assert_eq!(store.commit(at(1), &next).await.unwrap(), Committed::Yes);
    is_unchanged(&store, &next).await;

    // COMMIT is carried out, but the answer says that its result is not known.
    let unknown =
        doc! { "failCommands": ["commitTransaction"], "writeConcernError": { "code": 64, "errmsg": "timed out" } };
    let third = commit(&next.checkpoint, &[(page_key(post(1)), document(3, "one"))]);
    fail(&store, doc! { "times": 2 }, unknown.clone()).await;
    assert_eq!(store.commit(at(2), &third).await.unwrap(), Committed::Yes);
    is_unchanged(&store, &third).await;

    // And goes on saying so: the caller is told nothing, and reads the checkpoint.
    let fourth = commit(&third.checkpoint, &[(page_key(post(1)), document(4, "one"))]);
    fail(&store, doc! { "times": 6 }, unknown).await;
    assert!(matches!(store.write(at(3), &fourth).await, Err(MongoError::Driver { .. })));
    stop_failing(&store).await;
    assert_eq!(store.commit(at(3), &fourth).await.unwrap(), Committed::CompareLost, "done once, never twice");
    // Nobody waited for the majority, so reads may be a moment behind.
    while store.checkpoint().await.unwrap() == third.checkpoint {}
    is_unchanged(&store, &fourth).await;

    // More than MongoDB's cache holds.
    let fifth = commit(&fourth.checkpoint, &[(page_key(post(1)), document(5, "one"))]);
    let too_large = |command: &str| doc! { "failCommands": [command], "errorCode": 388 };
    for command in ["update", "insert"] {
        fail(&store, doc! { "times": 1 }, too_large(command)).await;
        assert_eq!(store.commit(at(4), &fifth).await.unwrap(), Committed::TooLarge, "{command}");
    }
    // Another error of a command is nothing but an error.
    fail(&store, doc! { "times": 1 }, doc! { "failCommands": ["insert"], "errorCode": 13 }).await;
    assert!(store.commit(at(4), &fifth).await.is_err());
    fail(&store, doc! { "times": 1 }, too_large("commitTransaction")).await;
    assert_eq!(once_free(&store, &fifth).await, Committed::TooLarge);
    stop_failing(&store).await;
    is_unchanged(&store, &fourth).await;
    // The fail point kept COMMIT from being carried out, and the driver sends no abort after a COMMIT: until the session is used
    // again, or the server ends it, that transaction holds the checkpoint.
    assert_eq!(once_free(&store, &fifth).await, Committed::Yes);
    is_unchanged(&store, &fifth).await;
}

/// What the commit answers as soon as no transaction that failed before holds the checkpoint any more.
async fn once_free(store: &Store, fifth: &Commit<PagesDocument>) -> Committed {
    loop {
        match store.commit(at(4), fifth).await.unwrap() {
            Committed::CompareLost => {}
            other => return other,
        }
    }
}

const ROUNDS: u64 = 60;
const ROUNDS_MAX: u64 = 150;

#[tokio::test]
async fn a_commit_that_is_dropped_anywhere_is_done_or_not() {
    let store = prepared().await;
    let mut last = like(&store, 1).await;
    let (mut done, mut lost, mut round) = (0, 0, 0_u64);
    // A busy machine takes longer for the same, so that the times grow until both have happened.
    while round < ROUNDS || (round < ROUNDS_MAX && (done == 0 || lost == 0)) {
        let documents: Vec<_> = (0..5).map(|n| (page_key(post(n)), document(round as u32, "all"))).collect();
        let next = commit(&last.checkpoint, &documents);
        let patience = Duration::from_micros(150 * round) * if round < ROUNDS { 1 } else { 20 };
        let _ = tokio::time::timeout(patience, store.commit(last.checkpoint.revision, &next)).await;
        // Until what was dropped is carried out or aborted, both are possible; the next commit settles it.
        let settled = loop {
            match store.commit(last.checkpoint.revision, &next).await.unwrap() {
                Committed::Yes => break false,
                _ if store.checkpoint().await.unwrap().revision == next.checkpoint.revision => break true,
                _ => {}
            }
        };
        (done, lost) = if settled { (done + 1, lost) } else { (done, lost + 1) };
        is_unchanged(&store, &next).await;
        (last, round) = (next, round + 1);
    }
    assert!(done > 0 && lost > 0, "done {done}, lost {lost}: the times do not reach both");
}
