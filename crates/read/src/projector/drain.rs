//! The end of a projector: a commit that has begun is brought to its end, and everything else is dropped, which is like a crash.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long a commit that has begun may go on after shutdown was asked for. Dropped in the middle it would hold the checkpoint
/// until MongoDB gives it up, which keeps the next projector waiting for longer than this.
pub const COMMIT_DRAIN_MAX: Duration = Duration::from_secs(3);

/// Whether a projector is in the middle of a commit.
#[derive(Debug, Clone, Default)]
pub struct Committing(Arc<AtomicBool>);

/// A commit that is under way until this is dropped.
#[derive(Debug)]
pub struct UnderWay(Arc<AtomicBool>);

impl Committing {
    /// A commit begins.
    pub fn begin(&self) -> UnderWay {
        self.0.store(true, Ordering::Relaxed);
        UnderWay(Arc::clone(&self.0))
    }

    fn is_under_way(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// What came of a round; none if it was dropped because of `shutdown`.
pub async fn drained<T>(
    shutdown: &CancellationToken,
    committing: &Committing,
    round: impl Future<Output = T>,
) -> Option<T> {
    let mut round = pin!(round);
    tokio::select! {
        biased;
        done = &mut round => return Some(done),
        () = shutdown.cancelled() => {}
    }
    if !committing.is_under_way() {
        return None;
    }
    timeout(COMMIT_DRAIN_MAX, round).await.ok()
}
