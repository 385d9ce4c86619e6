use super::{commit, document, prepared};
use crate::projector::testing::{page_key, post};
use crate::store::{Committed, DocumentStore};
use mongodb::bson::{Document, doc};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const PAGES: u128 = 20;
const COMMITS: u32 = 150;

/// Writes all pages alike in each commit, while readers look.
#[tokio::test(flavor = "multi_thread")]
async fn each_read_is_one_moment() {
    let store = prepared().await;
    let is_done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..3).map(|_| tokio::spawn(look(store.clone(), is_done.clone()))).collect();
    for round in 0..COMMITS {
        let from = store.checkpoint().await.unwrap();
        let pages: Vec<_> = (0..PAGES).map(|n| (page_key(post(n)), document(round, "all"))).collect();
        assert_eq!(store.commit(from.revision, &commit(&from, &pages)).await.unwrap(), Committed::Yes);
    }
    is_done.store(true, Ordering::Relaxed);
    let mut looks = 0;
    for reader in readers {
        looks += reader.await.unwrap();
    }
    assert!(looks > 50, "only {looks} looks");
}

async fn look(store: super::Store, is_done: Arc<AtomicBool>) -> u32 {
    let keys: Vec<_> = (0..PAGES).map(|n| page_key(post(n))).collect();
    let (mut looks, mut seen) = (0, 0);
    while !is_done.load(Ordering::Relaxed) {
        let snapshot = store.read(&keys).await.unwrap();
        let position = snapshot.checkpoint.revision.position.0;
        if position > 0 {
            let likes = u32::try_from(position).unwrap() - 1;
            assert_eq!(snapshot.documents.len() as u128, PAGES);
            assert!(snapshot.documents.values().all(|stored| stored.document == document(likes, "all")));
        }
        let page = store.changes(seen, 10_000).await.unwrap();
        assert_eq!(page.changes.len() as u64, page.checkpoint.seq - seen, "changes and checkpoint are of one moment");
        assert!(page.changes.iter().zip(seen + 1..).all(|(change, seq)| change.seq == seq));
        seen = page.checkpoint.seq - page.checkpoint.seq % 100;
        looks += 1;
    }
    looks
}

#[tokio::test]
async fn a_page_of_changes_ends_at_its_limit_and_shows_what_is_trimmed() {
    let store = prepared().await;
    for likes in 0..5 {
        super::like(&store, likes).await;
    }
    let seqs = |page: crate::store::ChangesPage| page.changes.iter().map(|change| change.seq).collect::<Vec<_>>();
    assert_eq!(seqs(store.changes(1, 2).await.unwrap()), [2, 3]);
    assert_eq!(seqs(store.changes(9, 2).await.unwrap()), [0_u64; 0]);
    let changes = store.database.collection::<Document>("pages_1_changes");
    changes.delete_many(doc! { "_id": { "$lte": 3 } }).await.unwrap();
    assert_eq!(seqs(store.changes(1, 9).await.unwrap()), [4, 5]);
}
