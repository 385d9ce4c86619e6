use super::{at, commit, document, is_unchanged, like, prepared};
use crate::projection::{ChangeKind, DocumentKey};
use crate::projector::testing::{page_key, post};
use crate::store::mongo::MongoError;
use crate::store::mongo::names::Names;
use crate::store::mongo::statements::{INSERTED_APART_MIN, Statements};
use crate::store::{Committed, DocumentStore};
use millrace_events::Revision;
use mongodb::bson::{Document, doc};

#[tokio::test]
async fn a_commit_is_seen_by_the_next_read() {
    let store = prepared().await;
    for likes in 1..=100 {
        let commit = like(&store, likes).await;
        let snapshot = store.read(&[page_key(post(1))]).await.unwrap();
        assert_eq!(snapshot.checkpoint.revision, commit.checkpoint.revision);
        assert_eq!(snapshot.documents[&page_key(post(1))].document, document(likes, "one"));
        assert_eq!(store.changes(0, 1_000).await.unwrap().changes.len() as u32, likes);
    }
}

#[tokio::test]
async fn a_commit_from_another_revision_loses_and_writes_nothing() {
    let store = prepared().await;
    let start = store.checkpoint().await.unwrap();
    let stale = commit(&start, &[(page_key(post(1)), document(9, "stale")), (page_key(post(2)), document(9, "x"))]);
    let last = like(&store, 1).await;
    for from in [at(0), at(1).after_chunk(), at(2), Revision { n: 1, ..at(0) }] {
        assert_eq!(store.commit(from, &stale).await.unwrap(), Committed::CompareLost, "from {from}");
    }
    is_unchanged(&store, &last).await;
    assert!(store.read(&[page_key(post(2))]).await.unwrap().documents.is_empty());
}

#[tokio::test]
async fn of_many_at_once_exactly_one_wins() {
    let store = prepared().await;
    for round in 1..=20 {
        let from = store.checkpoint().await.unwrap();
        let tries = (0..6).map(|number| {
            let commit = commit(&from, &[(page_key(post(1)), document(number, "one"))]);
            let store = store.clone();
            tokio::spawn(async move { store.commit(commit_from(&commit), &commit).await.unwrap() })
        });
        let mut won = 0;
        for answer in futures_util::future::join_all(tries).await {
            won += u32::from(answer.unwrap() == Committed::Yes);
        }
        let checkpoint = store.checkpoint().await.unwrap();
        assert_eq!((won, checkpoint.revision, checkpoint.seq), (1, at(round), round));
    }
    let changes = store.changes(0, 100).await.unwrap().changes;
    assert!(changes.iter().zip(1..).all(|(change, seq)| change.seq == seq));
}

fn commit_from<D>(commit: &crate::store::Commit<D>) -> Revision {
    at(commit.checkpoint.revision.position.0 - 1)
}

#[tokio::test]
async fn a_checkpoint_that_another_transaction_holds_is_lost_at_once() {
    let store = prepared().await;
    let last = like(&store, 1).await;
    let mut holder = store.database.client().start_session().await.unwrap();
    holder.start_transaction().await.unwrap();
    let checkpoints = store.database.collection::<Document>("pages_1");
    let hold = checkpoints.update_one(doc! { "_id": "checkpoint" }, doc! { "$set": { "seq": 99_i64 } });
    hold.session(&mut holder).await.unwrap();

    let next = commit(&last.checkpoint, &[(page_key(post(1)), document(2, "one"))]);
    assert_eq!(store.commit(at(1), &next).await.unwrap(), Committed::CompareLost);
    drop(holder);
    is_unchanged(&store, &last).await;
    // The dropped transaction is aborted in the background, in about 40 ms.
    let mut tries = 0;
    while store.commit(at(1), &next).await.unwrap() == Committed::CompareLost {
        tries += 1;
        assert!(tries < 1_000, "the dropped transaction holds the checkpoint for ever");
    }
    is_unchanged(&store, &next).await;
}

#[tokio::test]
async fn a_missing_checkpoint_is_never_made_by_a_commit() {
    let store = prepared().await;
    let last = like(&store, 1).await;
    store.documents().delete_many(doc! {}).await.unwrap();
    let next = commit(&last.checkpoint, &[(page_key(post(1)), document(2, "one"))]);
    let error = store.write(at(1), &next).await.unwrap_err();
    assert!(matches!(error, MongoError::CheckpointMissing), "{error}");
    assert_eq!(store.documents().count_documents(doc! {}).await.unwrap(), 0);
}

#[tokio::test]
async fn a_checkpoint_moves_alone_once_and_only_from_where_it_is() {
    let store = prepared().await;
    let last = like(&store, 1).await;
    let next = commit(&last.checkpoint, &[]);
    assert!(next.moves_checkpoint_alone());
    for from in [at(0), at(1).after_chunk(), at(2)] {
        assert_eq!(store.commit(from, &next).await.unwrap(), Committed::CompareLost, "from {from}");
    }
    assert_eq!(store.checkpoint().await.unwrap(), last.checkpoint);
    assert_eq!(store.commit(at(1), &next).await.unwrap(), Committed::Yes);
    assert_eq!(store.checkpoint().await.unwrap(), next.checkpoint);
    assert_eq!(store.commit(at(1), &next).await.unwrap(), Committed::CompareLost);

    let tries = (0..6).map(|_| {
        let (store, from) = (store.clone(), next.checkpoint.clone());
        tokio::spawn(async move { store.commit(at(2), &commit(&from, &[])).await.unwrap() })
    });
    let answers = futures_util::future::join_all(tries).await;
    assert_eq!(answers.into_iter().filter(|answer| *answer.as_ref().unwrap() == Committed::Yes).count(), 1);
    assert_eq!(store.checkpoint().await.unwrap().revision, at(3));

    store.documents().delete_many(doc! {}).await.unwrap();
    assert_eq!(store.commit(at(3), &commit(&next.checkpoint, &[])).await.unwrap(), Committed::CompareLost);
    assert_eq!(store.documents().count_documents(doc! {}).await.unwrap(), 0);
}

/// Whoever gave up on a checkpoint that moves alone may count on it: it does not move later.
#[tokio::test]
async fn a_held_checkpoint_does_not_move_alone_and_not_afterwards_either() {
    let store = prepared().await;
    let last = like(&store, 1).await;
    let mut holder = store.database.client().start_session().await.unwrap();
    holder.start_transaction().await.unwrap();
    let checkpoints = store.database.collection::<Document>("pages_1");
    let hold = checkpoints.update_one(doc! { "_id": "checkpoint" }, doc! { "$set": { "seq": 99_i64 } });
    hold.session(&mut holder).await.unwrap();
    store.commit(at(1), &commit(&last.checkpoint, &[])).await.unwrap_err();
    holder.abort_transaction().await.unwrap();
    assert_eq!(store.checkpoint().await.unwrap(), last.checkpoint);
}

#[tokio::test]
async fn a_commit_is_split_by_bytes_and_refused_above_what_a_transaction_holds() {
    let store = prepared().await;
    let from = store.checkpoint().await.unwrap();
    let large = |count: u128| -> Vec<(DocumentKey, _)> {
        (0..count).map(|number| (page_key(post(number)), document(1, &"x".repeat(1 << 20)))).collect()
    };
    let fits = commit(&from, &large(12));
    assert_eq!(store.commit(at(0), &fits).await.unwrap(), Committed::Yes);
    is_unchanged(&store, &fits).await;
    let too_large = commit(&fits.checkpoint, &large(17));
    assert_eq!(store.commit(at(1), &too_large).await.unwrap(), Committed::TooLarge);
    is_unchanged(&store, &fits).await;
    let one_giant = commit(&fits.checkpoint, &[(page_key(post(1)), document(1, &"x".repeat(15 << 20)))]);
    assert_eq!(store.commit(at(1), &one_giant).await.unwrap(), Committed::Yes);
}

/// A commit that creates so many pages, beside one that exists and changes.
async fn with_new_pages(
    store: &super::Store,
    new: usize,
) -> crate::store::Commit<crate::projector::testing::PagesDocument> {
    let from = store.checkpoint().await.unwrap();
    let number = |number: usize| u128::from(from.seq) * 1_000 + number as u128;
    let pages = (1..=new).map(|page| (page_key(post(number(page))), document(7, "new")));
    let documents: Vec<_> = [(page_key(post(1)), document(new as u32, "one"))].into_iter().chain(pages).collect();
    let mut commit = commit(&from, &documents);
    commit.changes.iter_mut().skip(1).for_each(|change| change.kind = ChangeKind::Created);
    commit
}

#[tokio::test]
async fn many_new_documents_are_inserted_beside_what_changes() {
    let store = prepared().await;
    like(&store, 1).await;
    for (new, commands) in [(INSERTED_APART_MIN - 1, 2), (INSERTED_APART_MIN, 3), (500, 3)] {
        let from = store.checkpoint().await.unwrap().revision;
        let commit = with_new_pages(&store, new).await;
        let statements = Statements::of(&Names::of("pages", 1), from, &commit).unwrap();
        assert_eq!(statements.commands.len(), commands, "{new} new documents");
        assert_eq!(store.commit(from, &commit).await.unwrap(), Committed::Yes);
        is_unchanged(&store, &commit).await;
        assert_eq!(store.commit(from, &commit).await.unwrap(), Committed::CompareLost, "the same again");
        is_unchanged(&store, &commit).await;
    }
}
