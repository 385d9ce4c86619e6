use super::{RefoldError, Refolded, refold};
use crate::cache::{Cache, CacheSession};
use crate::projection::DocumentKey;
use crate::projector::testing::{
    Dice, MemoryCache, MemorySource, MemoryStore, Pages, PagesDocument, TestLog, card_key, page_key, post, user,
    wall_key,
};
use crate::projector::{Limits, Projector, Step};
use crate::store::DeadLetter;
use millrace_events::Position;
use std::collections::BTreeMap;

type Store = MemoryStore<PagesDocument>;

/// Servers in memory with one projector, and what an independent fold makes of the whole log.
struct Stage {
    source: MemorySource,
    store: Store,
    cache: MemoryCache,
    projector: Projector<Pages, MemorySource, Store, MemoryCache>,
}

impl Stage {
    fn over(log: &TestLog) -> Self {
        let (source, store, cache) = (MemorySource::of(log), Store::empty::<Pages>(1), MemoryCache::default());
        let limits = Limits { chunk_documents: 2, ..Limits::default() };
        let projector = Projector::new(source.clone(), store.clone(), cache.clone(), limits);
        Self { source, store, cache, projector }
    }

    /// Another projector: what the one before held in memory is forgotten.
    fn restart(&mut self) {
        let limits = Limits { chunk_documents: 2, ..Limits::default() };
        self.projector = Projector::new(self.source.clone(), self.store.clone(), self.cache.clone(), limits);
    }

    async fn drain(&mut self) {
        self.projector.tick();
        while !matches!(self.projector.round(1).await.unwrap().step, Step::Idle) {}
    }

    async fn goes_on(&mut self, log: &TestLog) {
        self.source.replace(log);
        self.drain().await;
    }

    /// As a program would leave it that could not apply the event at this position.
    fn park(&mut self, key: &DocumentKey, at: u64) {
        self.store.look(|inner| {
            match inner.documents.get_mut(key) {
                Some(stored) => stored.broken_since = Some(Position(at)),
                None => drop(inner.parked.insert(key.clone(), Position(at))),
            }
            let (event, reason) = ("post.created".into(), "so".into());
            inner.dead_letters.push(DeadLetter { key: key.clone(), position: Position(at), event, reason });
        });
        self.restart();
    }

    async fn refold(&self, key: &DocumentKey) -> Result<Refolded, RefoldError> {
        refold::<Pages, _, _, _>(&self.source, &self.store, &self.cache, key, 9).await
    }

    fn documents(&self) -> BTreeMap<DocumentKey, PagesDocument> {
        self.store.look(|inner| inner.documents.iter().map(|(key, s)| (key.clone(), s.document.clone())).collect())
    }

    fn is_clean(&self) -> bool {
        self.store.look(|inner| {
            inner.dead_letters.is_empty()
                && inner.parked.is_empty()
                && inner.documents.values().all(|stored| stored.broken_since.is_none())
        })
    }
}

/// What a projector makes of a log to which nothing ever happened.
async fn folded(log: &TestLog) -> BTreeMap<DocumentKey, PagesDocument> {
    let mut stage = Stage::over(log);
    stage.drain().await;
    stage.documents()
}

#[tokio::test]
async fn a_parked_document_is_what_the_log_makes_of_it_again() {
    let mut log = TestLog::new(1);
    log.rename(user(1), "Ada").write(post(1), user(1), "one").like(post(1), user(2));
    let mut stage = Stage::over(&log);
    stage.drain().await;
    stage.park(&page_key(post(1)), 4);
    log.like(post(1), user(3)).like(post(1), user(4)).rename(user(1), "Grace");
    stage.goes_on(&log).await;
    assert_ne!(stage.documents(), folded(&log).await, "it is skipped while it is parked");
    let before = stage.store.look(|inner| inner.checkpoint.clone());

    let refolded = stage.refold(&page_key(post(1))).await.unwrap();
    let after = stage.store.look(|inner| inner.checkpoint.clone());
    assert_eq!(after.revision, before.revision.after_chunk(), "the revision moves as with a chunk");
    assert_eq!((refolded.parked_since, refolded.revision), (Some(Position(4)), Some(after.revision)));
    assert_eq!((stage.documents(), stage.is_clean()), (folded(&log).await, true));
    let change = stage.store.look(|inner| inner.changes.last().cloned()).unwrap();
    assert_eq!((change.seq, change.key, change.event.as_str()), (after.seq, page_key(post(1)), "refold"));
    assert_eq!((after.seq, change.revision), (before.seq + 1, after.revision));
    let head = stage.cache.session().await.unwrap().head().await.unwrap().unwrap();
    assert_eq!((head.seq, head.revision), (after.seq, after.revision), "the cache is brought along");

    let again = stage.refold(&page_key(post(1))).await.unwrap();
    assert_eq!((again.revision, again.parked_since), (None, None), "there is nothing to do any more");
    stage.drain().await;
    assert_eq!(stage.documents(), folded(&log).await, "and the projector goes on");
}

#[tokio::test]
async fn what_still_cannot_be_applied_is_refused_and_nothing_is_written() {
    let mut log = TestLog::new(1);
    log.write(post(1), user(1), "one").write(post(1), user(1), "unfoldable").like(post(1), user(2));
    let mut stage = Stage::over(&log);
    stage.drain().await;
    let commits = stage.store.look(|inner| inner.commits.len());
    let refused = stage.refold(&page_key(post(1))).await.unwrap_err();
    assert!(refused.to_string().contains("post.created at position 2: its title says so"), "{refused}");
    assert_eq!(stage.store.look(|inner| inner.commits.len()), commits);
    let unknown = stage.refold(&page_key(post(7))).await.unwrap_err();
    assert!(matches!(unknown, RefoldError::Unknown(_)), "{unknown}");
}

#[tokio::test]
async fn a_document_that_was_parked_before_it_existed_comes_to_be_or_is_let_go() {
    let mut log = TestLog::new(1);
    log.write(post(1), user(1), "one").write(post(2), user(1), "two").delete(post(2), user(1));
    let mut stage = Stage::over(&log);
    stage.drain().await;
    stage.store.look(|inner| inner.documents.remove(&page_key(post(1))));
    stage.park(&page_key(post(1)), 1);
    stage.park(&page_key(post(2)), 2);
    assert!(stage.refold(&page_key(post(1))).await.unwrap().exists);
    assert!(!stage.refold(&page_key(post(2))).await.unwrap().exists);
    assert_eq!((stage.documents(), stage.is_clean()), (folded(&log).await, true));
}

#[tokio::test]
async fn what_a_parked_document_left_undone_is_done() {
    let mut log = TestLog::new(1);
    log.rename(user(1), "Ada");
    for number in 0..6 {
        log.write(post(number), user(1), "text");
    }
    let mut stage = Stage::over(&log);
    stage.drain().await;
    let (card, wall) = (card_key(user(1)), wall_key(user(1)));
    // The wall of somebody whose pages went, and a name that did not spread, as it was before.
    let was = stage.documents();
    log.delete(post(5), user(1)).delete(post(4), user(1)).rename(user(1), "Grace");
    stage.goes_on(&log).await;
    stage.store.look(|inner| {
        for (key, stored) in &mut inner.documents {
            stored.document = was[key].clone();
        }
    });
    stage.park(&card, 10);
    stage.park(&wall, 8);
    stage.refold(&card).await.unwrap();
    stage.refold(&wall).await.unwrap();
    stage.drain().await;
    assert_eq!((stage.documents(), stage.is_clean()), (folded(&log).await, true));
}

#[tokio::test]
async fn whatever_happened_a_refold_makes_the_document_right() {
    for seed in 0..200 {
        let mut dice = Dice::new(seed);
        let mut log = TestLog::new(1);
        for _ in 0..dice.roll(40) {
            something(&mut log, &mut dice);
        }
        let mut stage = Stage::over(&log);
        stage.drain().await;
        let keys: Vec<DocumentKey> = stage.documents().into_keys().collect();
        if keys.is_empty() {
            continue;
        }
        let key = keys[dice.roll(keys.len() as u64) as usize].clone();
        stage.park(&key, log.events.len() as u64 + 1);
        for _ in 0..dice.roll(20) {
            something(&mut log, &mut dice);
        }
        stage.goes_on(&log).await;
        stage.refold(&key).await.unwrap();
        stage.drain().await;
        // Of this one document: what a refill took over from it while it was parked is not looked for.
        let (found, wanted) = (stage.documents(), folded(&log).await);
        assert_eq!((found.get(&key), stage.is_clean()), (wanted.get(&key), true), "seed {seed}: {key}");
    }
}

fn something(log: &mut TestLog, dice: &mut Dice) {
    let (page, person) = (post(u128::from(dice.roll(6))), user(u128::from(dice.roll(2))));
    let owner = |page: millrace_events::PostId| user(page.0.as_u128() % 2);
    match dice.roll(6) {
        0 | 1 => log.write(page, owner(page), &format!("title {}", dice.roll(9))),
        2 => log.delete(page, owner(page)),
        3 => log.rename(person, &format!("Name {}", dice.roll(9))),
        4 => log.hide(page, owner(page)),
        _ => log.like(page, person),
    };
}
