//! One flight per key: while a document is being read from the store, others who want the same one wait for that read.

use crate::projection::DocumentKey;
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

/// Reads that are under way.
pub(super) struct Flights<T>(Mutex<HashMap<DocumentKey, Arc<OnceCell<T>>>>);

impl<T> Default for Flights<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Flights<T> {
    /// Joins the flight for this key, or begins one. If whoever began it gives up, the next in line goes on.
    pub async fn join<E>(&self, key: &DocumentKey, read: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let flight = Arc::clone(self.lock().entry(key.clone()).or_default());
        let landed = flight.get_or_try_init(|| read).await.cloned();
        let mut flights = self.lock();
        if flights.get(key).is_some_and(|other| Arc::ptr_eq(other, &flight)) {
            flights.remove(key);
        }
        landed
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<DocumentKey, Arc<OnceCell<T>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Notify;

    #[tokio::test]
    async fn those_who_come_meanwhile_share_one_read() {
        let (flights, reads, go) = (Flights::default(), AtomicUsize::new(0), Notify::new());
        let key = DocumentKey::new("post", 1);
        let read = || async {
            go.notified().await;
            Ok::<_, ()>(reads.fetch_add(1, Ordering::Relaxed))
        };
        let land = async {
            tokio::task::yield_now().await;
            go.notify_waiters();
            go.notify_one();
        };
        let (a, b, ()) = tokio::join!(flights.join(&key, read()), flights.join(&key, read()), land);
        assert_eq!((a, b, reads.load(Ordering::Relaxed)), (Ok(0), Ok(0), 1));
        go.notify_one();
        assert_eq!(flights.join(&key, read()).await, Ok(1), "a later one reads anew");
    }
}
