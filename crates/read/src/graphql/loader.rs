//! Reads of one request that are asked for at the same moment become one: the first that is polled again takes the others along.
//!
//! async-graphql's own DataLoader waits a millisecond on a timer and runs in a task of its own, which is more than a cached read takes.

use super::error::Refusal;
use super::read_side::{Documents, Found};
use crate::models::{Family, Registered};
use crate::projection::DocumentKey;
use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OnceCell;

type Read<P> = Result<Documents<<P as crate::projection::Projection>::Document>, Refusal>;
type Known<P> = HashMap<DocumentKey, Option<Found<<P as crate::projection::Projection>::Document>>>;

/// Reads that will go together.
struct Batch<P: Registered> {
    keys: Mutex<HashSet<DocumentKey>>,
    read: OnceCell<Read<P>>,
}

/// The documents of one projection for one request.
pub struct Loader<P: Registered> {
    /// The batch that still takes keys: begun by the first read, closed by whoever runs it.
    open: Mutex<Option<Arc<Batch<P>>>>,
    /// What the request has read since it was owed something last; none for a request that lives on, such as a subscription.
    known: Option<Mutex<Known<P>>>,
}

/// A loader for each projection.
pub struct Loaders;

impl Family for Loaders {
    type Of<P: Registered> = Loader<P>;
}

impl<P: Registered> Loader<P> {
    /// A loader that answers a key once read with the same document, if it `remembers`.
    pub fn new(remembers: bool) -> Self {
        Self { open: Mutex::default(), known: remembers.then(Mutex::default) }
    }

    /// The document, read by `read` together with all that are asked for meanwhile.
    pub async fn load<F: Future<Output = Read<P>>>(
        &self,
        key: &DocumentKey,
        read: impl FnOnce(Vec<DocumentKey>) -> F,
    ) -> Result<Option<Found<P::Document>>, Refusal> {
        if let Some(known) = self.recall(key) {
            return Ok(known);
        }
        let batch = self.join(key);
        tokio::task::yield_now().await;
        let answer = batch.read.get_or_init(|| async { self.run(&batch, read).await }).await;
        answer.as_ref().map(|documents| documents.get(key).cloned()).map_err(Clone::clone)
    }

    /// Forgets what the request has read: something has happened since.
    pub fn forget(&self) {
        if let Some(known) = &self.known {
            lock(known).clear();
        }
    }

    fn recall(&self, key: &DocumentKey) -> Option<Option<Found<P::Document>>> {
        self.known.as_ref().and_then(|known| lock(known).get(key).cloned())
    }

    fn join(&self, key: &DocumentKey) -> Arc<Batch<P>> {
        let mut open = lock(&self.open);
        let fresh = || Arc::new(Batch { keys: Mutex::default(), read: OnceCell::new() });
        let batch = open.get_or_insert_with(fresh);
        lock(&batch.keys).insert(key.clone());
        Arc::clone(batch)
    }

    /// A caller that goes away half-way leaves the batch as it is, and the next that waits for it runs it.
    async fn run<F: Future<Output = Read<P>>>(
        &self,
        batch: &Arc<Batch<P>>,
        read: impl FnOnce(Vec<DocumentKey>) -> F,
    ) -> Read<P> {
        lock(&self.open).take_if(|open| Arc::ptr_eq(open, batch));
        let keys: Vec<_> = lock(&batch.keys).iter().cloned().collect();
        let documents = read(keys.clone()).await?;
        if let Some(known) = &self.known {
            lock(known).extend(keys.into_iter().map(|key| {
                let found = documents.get(&key).cloned();
                (key, found)
            }));
        }
        Ok(documents)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::commands::{Command, Commands, CommandsDocument};
    use futures_util::future::join_all;
    use millrace_events::{Aggregate, AggregateKind, Position, Revision, Timestamp};
    use std::cell::RefCell;
    use time::OffsetDateTime;
    use uuid::Uuid;

    fn found() -> Found<CommandsDocument> {
        let document = CommandsDocument::Command(Command {
            first: Position(1),
            last: Position(1),
            aggregate: Aggregate { kind: AggregateKind::Post, id: Uuid::nil(), version: 1 },
            actor: None,
            at: Timestamp::new(OffsetDateTime::UNIX_EPOCH),
        });
        Found { revision: Revision::at(Position(1)), document }
    }

    fn key(n: usize) -> DocumentKey {
        DocumentKey::new("command", n)
    }

    /// Even numbers exist; every read is noted.
    async fn even(reads: &RefCell<Vec<usize>>, keys: Vec<DocumentKey>) -> Read<Commands> {
        reads.borrow_mut().push(keys.len());
        tokio::task::yield_now().await;
        let is_even =
            |key: &DocumentKey| key.as_str().trim_start_matches("command:").parse::<usize>().unwrap() % 2 == 0;
        Ok(keys.into_iter().filter(is_even).map(|key| (key, found())).collect())
    }

    #[tokio::test]
    async fn reads_of_one_moment_are_one_read() {
        let (loader, reads) = (Loader::<Commands>::new(true), RefCell::default());
        let load = |n: usize| {
            let (loader, reads) = (&loader, &reads);
            async move { loader.load(&key(n), |keys| even(reads, keys)).await.unwrap().is_some() }
        };
        let exist = join_all((0..50).map(|n| load(n / 2))).await;
        assert_eq!(*reads.borrow(), [25]);
        assert!(exist.iter().enumerate().all(|(n, exists)| *exists == ((n / 2) % 2 == 0)));
        assert!(!load(3).await && load(4).await);
        assert_eq!(*reads.borrow(), [25], "what is known is not read again, nor what is known to be absent");
    }

    #[tokio::test]
    async fn a_loader_that_forgets_reads_again() {
        let (loader, reads) = (Loader::<Commands>::new(false), RefCell::default());
        for _ in 0..2 {
            loader.load(&key(2), |keys| even(&reads, keys)).await.unwrap();
        }
        assert_eq!(*reads.borrow(), [1, 1]);
    }

    #[tokio::test]
    async fn what_is_forgotten_is_read_again() {
        let (loader, reads) = (Loader::<Commands>::new(true), RefCell::default());
        for _ in 0..2 {
            assert!(loader.load(&key(2), |keys| even(&reads, keys)).await.unwrap().is_some());
            loader.forget();
        }
        assert_eq!(*reads.borrow(), [1, 1]);
    }

    #[tokio::test]
    async fn one_that_goes_away_takes_nobody_along() {
        let (loader, reads) = (Loader::<Commands>::new(true), RefCell::default());
        let (two, four) = (key(2), key(4));
        let mut first = Box::pin(loader.load(&two, |_| std::future::pending()));
        let mut second = Box::pin(loader.load(&four, |keys| even(&reads, keys)));
        for _ in 0..4 {
            assert!(futures_util::poll!(&mut first).is_pending() && futures_util::poll!(&mut second).is_pending());
        }
        drop(first);
        assert!(second.await.unwrap().is_some());
        assert_eq!(*reads.borrow(), [2]);
    }

    #[tokio::test]
    async fn a_failed_read_fails_for_all_and_is_not_remembered() {
        let (loader, reads) = (Loader::<Commands>::new(true), RefCell::default());
        let refused = loader.load(&key(2), |_| async { Err(Refusal::Unavailable) }).await;
        assert_eq!(refused.map(|_| ()), Err(Refusal::Unavailable));
        assert!(loader.load(&key(2), |keys| even(&reads, keys)).await.unwrap().is_some());
    }
}
