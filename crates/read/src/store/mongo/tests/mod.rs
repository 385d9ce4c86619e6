//! On a real MongoDB, each test in a database of its own.

mod commits;
mod faults;
mod forms;
mod moments;
mod pointer;
mod preparing;
mod superseded;

use super::{MongoStore, ServedPointer};
use crate::projection::{Audience, Change, ChangeKind, DocumentKey};
use crate::projector::testing::{Pages, PagesDocument, page_key, post, user};
use crate::store::{Checkpoint, Commit, Committed, DocumentStore, Stored};
use millrace_events::{CommandId, EventId, Position, Revision, Timestamp};
use millrace_servers::{Shared, unique_name};
use mongodb::options::ClientOptions;
use mongodb::{Client, Database};
use std::collections::BTreeSet;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

pub(super) const KEPT: Duration = Duration::from_secs(3_600);
pub(super) type Store = MongoStore<Pages>;

/// A database of its own, on a connection of its own name, so that a failure can be made for it alone.
pub(crate) async fn database() -> Database {
    let shared = Shared::from_environment().await.unwrap();
    let mut options = ClientOptions::parse(&shared.urls().mongodb).await.unwrap();
    let name = unique_name("read");
    options.app_name = Some(name.clone());
    Client::with_options(options).unwrap().database(&name)
}

pub(super) async fn prepared() -> Store {
    let store = Store::new(database().await, 1);
    store.prepare(KEPT, None).await.unwrap();
    store
}

pub(super) fn pointer(store: &Store) -> ServedPointer<Pages> {
    ServedPointer::new(store.database.clone())
}

pub(super) fn at(position: u64) -> Revision {
    Revision::at(Position(position))
}

pub(super) fn document(likes: u32, title: &str) -> PagesDocument {
    let json = serde_json::json!({
        "kind": "page", "authorId": user(1), "author": {"name": "Ada", "version": 1}, "title": title,
        "likes": likes, "public": true, "createdMicros": 1_700_000_000_000_000_i64 + i64::from(likes),
    });
    serde_json::from_value(json).unwrap()
}

pub(super) fn moment() -> Timestamp {
    Timestamp::new(OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap())
}

/// The commit of one event that writes these documents, a change for each.
pub(super) fn commit(from: &Checkpoint, documents: &[(DocumentKey, PagesDocument)]) -> Commit<PagesDocument> {
    let revision = Revision::at(from.revision.position.next());
    let change = |(index, (key, _)): (usize, &(DocumentKey, PagesDocument))| Change {
        seq: from.seq + 1 + index as u64,
        position: revision.position,
        revision,
        key: key.clone(),
        kind: ChangeKind::Changed,
        event: "post.created".into(),
        command_id: CommandId(Uuid::from_u128(7)),
        at: moment(),
        topics: BTreeSet::from(["a".into(), "b".into()]),
        audience_before: Audience::Nobody,
        audience_after: Audience::Person(user(1)),
    };
    let stored = |(key, document): &(DocumentKey, PagesDocument)| {
        (key.clone(), Some(Stored { revision, broken_since: None, document: document.clone() }))
    };
    Commit {
        checkpoint: Checkpoint {
            revision,
            seq: from.seq + documents.len() as u64,
            last_event: Some(EventId(Uuid::from_u128(u128::from(revision.position.0)))),
            last_at: Some(moment()),
            ..from.clone()
        },
        documents: documents.iter().map(stored).collect(),
        parked: vec![],
        changes: documents.iter().enumerate().map(change).collect(),
        dead_letters: vec![],
        repaired: vec![],
    }
}

/// Commits the page 1 with so many likes, from where the store stands.
pub(super) async fn like(store: &Store, likes: u32) -> Commit<PagesDocument> {
    let from = store.checkpoint().await.unwrap();
    let commit = commit(&from, &[(page_key(post(1)), document(likes, "one"))]);
    assert_eq!(store.commit(from.revision, &commit).await.unwrap(), Committed::Yes);
    commit
}

pub(super) async fn is_unchanged(store: &Store, commit: &Commit<PagesDocument>) {
    assert_eq!(store.checkpoint().await.unwrap(), commit.checkpoint);
    let keys: Vec<_> = commit.documents.iter().map(|(key, _)| key.clone()).collect();
    let snapshot = store.read(&keys).await.unwrap();
    for (key, stored) in &commit.documents {
        assert_eq!(snapshot.documents.get(key), stored.as_ref());
    }
    let changes = store.changes(0, 1_000).await.unwrap().changes;
    assert_eq!(changes.len() as u64, commit.checkpoint.seq);
}
