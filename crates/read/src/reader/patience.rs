//! How long a read may wait: a port, so that the core knows no clock.

use std::future::Future;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Without any news the store is looked at again after this long.
const LOOK_AGAIN: Duration = Duration::from_millis(25);

/// How long one read may wait.
pub trait Patience: Send + Sync {
    /// Asked before the first wait: false if whoever reads has no place left among those who wait.
    fn may_wait(&self) -> bool {
        true
    }

    /// Waits until it is time to look again; false if the time is over. It is dropped when news come first.
    fn wait(&self) -> impl Future<Output = bool> + Send;
}

/// Patience until a moment.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    /// Patience that ends at this moment.
    pub fn at(at: Instant) -> Self {
        Self(at)
    }
}

impl Patience for Deadline {
    async fn wait(&self) -> bool {
        let now = Instant::now();
        if now >= self.0 {
            return false;
        }
        sleep_until(self.0.min(now + LOOK_AGAIN)).await;
        true
    }
}
