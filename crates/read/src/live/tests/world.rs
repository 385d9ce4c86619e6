//! A projection of notes, a store of it in memory whose reads can be held, and a writer of changes.

use crate::cache::Ring;
use crate::live::{Cursor, Feed, Item, LiveLimits, Request, Subscription};
use crate::projection::{
    Audience, Change, ChangeKind, DocumentKey, FanOut, Lookup, Projection, Selector, Touches, Unfoldable,
};
use crate::store::{ChangesPage, Checkpoint, Commit, Committed, DocumentStore, Snapshot, StoreError, Stored};
use futures_util::FutureExt;
use millrace_events::viewer::Person;
use millrace_events::{CommandId, History, Position, Recorded, Revision, SessionId, Timestamp, UserId, Viewer};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use uuid::Uuid;

#[derive(Debug)]
pub struct Notes;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Note {
    pub kind: String,
    pub text: u64,
    pub audience: Audience,
}

impl Note {
    pub fn new(text: u64) -> Self {
        Self { kind: "note".into(), text, audience: Audience::Everyone }
    }
}

impl Projection for Notes {
    const NAME: &'static str = "notes";
    const FOLD_VERSION: u32 = 1;
    type Document = Note;

    fn touches(_: &Recorded) -> Touches {
        Touches::default()
    }

    fn apply(_: &Recorded, _: &DocumentKey, _: &mut Option<Note>, _: &dyn Lookup<Note>) -> Result<(), Unfoldable> {
        Ok(())
    }

    fn fan_outs(_: &Recorded, _: &dyn Lookup<Note>) -> Vec<FanOut> {
        vec![]
    }

    fn spread(
        _: &FanOut,
        _: &DocumentKey,
        _: &mut Option<Note>,
        _: &[(DocumentKey, Note)],
        _: &dyn Lookup<Note>,
    ) -> Result<(), Unfoldable> {
        Ok(())
    }

    fn refill_reads(_: &[(DocumentKey, Note)]) -> Vec<DocumentKey> {
        vec![]
    }

    fn topics(key: &DocumentKey, _: &Note) -> BTreeSet<String> {
        BTreeSet::from([key.to_string()])
    }

    fn audience(_: &DocumentKey, document: &Note) -> Audience {
        document.audience
    }

    fn indexes() -> Vec<serde_json::Value> {
        vec![]
    }
}

#[derive(Debug)]
struct Inner {
    checkpoint: Checkpoint,
    documents: HashMap<DocumentKey, Stored<Note>>,
    changes: Vec<Change>,
    is_away: bool,
}

/// The store. While it is held, reads see their moment and then wait to answer.
#[derive(Debug, Clone)]
pub struct MemoryStore {
    inner: Arc<Mutex<Inner>>,
    answers: Arc<Semaphore>,
}

impl MemoryStore {
    pub fn new() -> Self {
        let inner = Inner { checkpoint: checkpoint(1, 1), documents: HashMap::new(), changes: vec![], is_away: false };
        Self { inner: Arc::new(Mutex::new(inner)), answers: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)) }
    }

    pub fn set_away(&self, is_away: bool) {
        self.with(|inner| inner.is_away = is_away);
    }

    /// Reads begun from now on do not answer until [`release`](Self::release).
    pub fn hold(&self) {
        self.answers.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub fn release(&self) {
        self.answers.add_permits(Semaphore::MAX_PERMITS);
    }

    /// One commit of one change of this note.
    pub fn write(&self, note: &str) -> Change {
        self.write_for(note, Audience::Everyone, Audience::Everyone)
    }

    pub fn write_for(&self, note: &str, before: Audience, after: Audience) -> Change {
        self.with(|inner| {
            let (seq, position) = (inner.checkpoint.seq + 1, inner.checkpoint.revision.position.next());
            inner.checkpoint = Checkpoint { seq, revision: Revision::at(position), ..inner.checkpoint.clone() };
            let change = change(note, seq, position, before, after);
            inner.changes.push(change.clone());
            let document = Note { audience: after, ..Note::new(seq) };
            let stored = Stored { revision: change.revision, broken_since: None, document };
            inner.documents.insert(key(note), stored);
            change
        })
    }

    /// Forgets the changes up to this one.
    pub fn trim(&self, seq: u64) {
        self.with(|inner| inner.changes.retain(|change| change.seq > seq));
    }

    /// Another generation is served, with nothing in it.
    pub fn cut_over(&self, generation: u32, history: u128) {
        self.with(|inner| {
            inner.checkpoint = checkpoint(generation, history);
            inner.changes.clear();
            inner.documents.clear();
        });
    }

    /// What is served was folded by a program of this version.
    pub fn folded_by(&self, fold_version: u32) {
        self.with(|inner| inner.checkpoint.fold_version = fold_version);
    }

    pub fn forget_history(&self) {
        self.with(|inner| inner.checkpoint.history = None);
    }

    pub fn learn_history(&self) {
        self.with(|inner| inner.checkpoint.history = Some(history(1)));
    }

    fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        act(&mut self.inner.lock().unwrap())
    }

    async fn answer<T>(&self, read: impl FnOnce(&mut Inner) -> T) -> Result<T, StoreError> {
        let answer = self.with(|inner| if inner.is_away { Err("the store is away".into()) } else { Ok(read(inner)) });
        let _passed = self.answers.acquire().await?;
        answer
    }
}

impl DocumentStore<Note> for MemoryStore {
    async fn checkpoint(&self) -> Result<Checkpoint, StoreError> {
        self.answer(|inner| inner.checkpoint.clone()).await
    }

    async fn read(&self, keys: &[DocumentKey]) -> Result<Snapshot<Note>, StoreError> {
        let found = |inner: &mut Inner| {
            let stored = |key: &DocumentKey| Some((key.clone(), inner.documents.get(key)?.clone()));
            let documents = keys.iter().filter_map(stored).collect();
            Snapshot { checkpoint: inner.checkpoint.clone(), documents, parked: HashMap::new() }
        };
        self.answer(found).await
    }

    async fn select(
        &self,
        _: &Selector,
        _: Option<&DocumentKey>,
        _: usize,
    ) -> Result<Vec<(DocumentKey, Stored<Note>)>, StoreError> {
        Err("nobody live selects".into())
    }

    async fn newest(&self, _: &Selector, _: usize) -> Result<Vec<(DocumentKey, Stored<Note>)>, StoreError> {
        Err("nobody live selects".into())
    }

    async fn commit(&self, _: Revision, _: &Commit<Note>) -> Result<Committed, StoreError> {
        Err("nobody live commits".into())
    }

    async fn changes(&self, after_seq: u64, limit: usize) -> Result<ChangesPage, StoreError> {
        let page = |inner: &mut Inner| {
            let later = inner.changes.iter().filter(|change| change.seq > after_seq).take(limit);
            ChangesPage { checkpoint: inner.checkpoint.clone(), changes: later.cloned().collect() }
        };
        self.answer(page).await
    }
}

pub fn checkpoint(generation: u32, life: u128) -> Checkpoint {
    Checkpoint {
        history: Some(history(life)),
        stream: None,
        generation,
        fold_version: 1,
        revision: Revision::default(),
        seq: 0,
        last_event: None,
        last_at: None,
        open: vec![],
        retired: false,
    }
}

pub fn history(number: u128) -> History {
    History(Uuid::from_u128(number))
}

pub fn key(note: &str) -> DocumentKey {
    DocumentKey::new("note", note)
}

pub fn change(note: &str, seq: u64, position: Position, before: Audience, after: Audience) -> Change {
    Change {
        seq,
        position,
        revision: Revision::at(position),
        key: key(note),
        kind: ChangeKind::Changed,
        event: "note.written".into(),
        command_id: CommandId(Uuid::from_u128(u128::from(seq))),
        at: Timestamp::new(OffsetDateTime::UNIX_EPOCH),
        topics: BTreeSet::from([key(note).to_string(), "all".to_owned()]),
        audience_before: before,
        audience_after: after,
    }
}

pub fn ring(changes: &[Change]) -> Ring {
    Ring::of(1, changes.to_vec())
}

pub fn person(number: u128) -> UserId {
    UserId(Uuid::from_u128(number))
}

pub fn signed_in(number: u128) -> Viewer {
    let moment = Timestamp::new(OffsetDateTime::UNIX_EPOCH);
    let session_id = SessionId(Uuid::nil());
    let roles = BTreeSet::new();
    Viewer::Person(Person { user_id: person(number), session_id, issued_at: moment, expires_at: moment, roles })
}

pub fn topics<const N: usize>(notes: [&str; N]) -> BTreeSet<String> {
    notes.map(|note| key(note).to_string()).into()
}

pub fn request<const N: usize>(notes: [&str; N], after: Option<Cursor>) -> Request {
    let documents = notes.map(key).into();
    Request { topics: topics(notes), documents, after, viewer: Viewer::Anonymous }
}

pub type TestFeed = Arc<Feed<Notes, MemoryStore>>;
pub type TestSubscription = Subscription<Notes, MemoryStore>;

/// A feed of this store that has looked once.
pub async fn feed(store: &MemoryStore) -> TestFeed {
    feed_with(store, LiveLimits::default()).await
}

pub async fn feed_with(store: &MemoryStore, limits: LiveLimits) -> TestFeed {
    let feed = Arc::new(Feed::new(Arc::new(store.clone()), limits));
    feed.tick().await.unwrap();
    feed
}

/// The next item if there is one without waiting.
pub fn ready(subscription: &mut TestSubscription) -> Option<Item<Note>> {
    subscription.next().now_or_never().map(|item| item.expect("the subscription is over"))
}

/// Numbers of all changes that are there without waiting.
pub fn seqs(subscription: &mut TestSubscription) -> Vec<u64> {
    let mut seqs = Vec::new();
    while let Some(item) = ready(subscription) {
        match item {
            Item::Change { change, .. } => seqs.push(change.seq),
            other => panic!("{other:?} after {seqs:?}"),
        }
    }
    seqs
}

/// Takes the snapshot; gives its cursor and what it shows of a note.
pub fn snapshot(subscription: &mut TestSubscription, note: &str) -> (Cursor, Option<u64>) {
    match ready(subscription) {
        Some(Item::Snapshot { cursor, documents, .. }) => {
            (cursor, documents.get(&key(note)).map(|stored| stored.document.text))
        }
        other => panic!("no snapshot but {other:?}"),
    }
}
