//! Waiting for a projection to move on: a port, so that the core knows no clock.

use std::future::Future;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

/// Without any news the store is looked at again after this long.
const LOOK_AGAIN: Duration = Duration::from_millis(25);

/// How long one request may wait.
pub trait Patience: Send + Sync {
    /// Waits until the projection may have moved on; false if the time is over.
    fn wait(&self) -> impl Future<Output = bool> + Send;
}

/// News that a projection has moved on.
#[derive(Debug, Clone)]
pub struct Moved(watch::Sender<()>);

impl Default for Moved {
    fn default() -> Self {
        Self(watch::channel(()).0)
    }
}

impl Moved {
    /// Wakes everybody who waits.
    pub fn tell(&self) {
        self.0.send_replace(());
    }
}

/// Patience until a moment, woken by news.
#[derive(Debug, Clone)]
pub struct Deadline {
    at: Instant,
    moved: Moved,
}

impl Deadline {
    /// Patience that ends at `at`.
    pub fn new(at: Instant, moved: &Moved) -> Self {
        Self { at, moved: moved.clone() }
    }
}

impl Patience for Deadline {
    async fn wait(&self) -> bool {
        let now = Instant::now();
        if now >= self.at {
            return false;
        }
        let mut news = self.moved.0.subscribe();
        let _no_news = timeout(LOOK_AGAIN, async {
            tokio::select! {
                _ = news.changed() => {}
                () = sleep_until(self.at) => {}
            }
        })
        .await;
        true
    }
}
