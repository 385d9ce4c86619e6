//! The feed's loop: hears rings, ticks, and stops.

use super::feed::{Feed, FeedError, FeedHealth};
use super::redis::{Heard, RedisRings};
use crate::projection::Projection;
use crate::reader::NotServedYet;
use crate::store::DocumentStore;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// Between two looks at the checkpoint while rings are heard.
const TICK: Duration = Duration::from_secs(1);
/// Between two looks while none are: then they are all that tells of changes.
const TICK_WITHOUT_RINGS: Duration = Duration::from_millis(100);
/// Between two looks until a projector has begun: a first start is waiting for it, and nothing is wrong.
const TICK_UNTIL_SERVED: Duration = Duration::from_millis(100);
/// While the store does not answer, looks get rarer up to this.
const TICK_MAX: Duration = Duration::from_secs(5);

/// When to look again.
struct Ticks {
    hears_rings: bool,
    failures: u32,
    due: Instant,
}

impl Ticks {
    fn plan(&mut self) {
        let usual = if self.hears_rings { TICK } else { TICK_WITHOUT_RINGS };
        let slowed = usual.saturating_mul(1 << self.failures.min(8));
        self.due = Instant::now() + slowed.min(TICK_MAX);
    }
}

/// Keeps a feed going until `stop`, then closes its subscriptions with their cursors. Without rings it only looks, more often.
pub async fn run<P: Projection, D: DocumentStore<P::Document>>(
    feed: &Feed<P, D>,
    mut rings: Option<RedisRings>,
    stop: CancellationToken,
) {
    let mut ticks = Ticks { hears_rings: false, failures: 0, due: Instant::now() };
    stop.run_until_cancelled(async {
        loop {
            step(feed, &mut rings, &mut ticks).await;
        }
    })
    .await;
    feed.stop();
}

async fn step<P: Projection, D: DocumentStore<P::Document>>(
    feed: &Feed<P, D>,
    rings: &mut Option<RedisRings>,
    ticks: &mut Ticks,
) {
    let heard = tokio::select! {
        heard = next(rings) => heard,
        () = sleep_until(ticks.due) => None,
    };
    if let Some(Heard::Ring(ring)) = heard {
        tell::<P>(&feed.hear(ring).await, 1);
        return;
    }
    // What rang while nobody listened is found by looking.
    ticks.hears_rings = match heard {
        Some(Heard::Connected) => true,
        Some(Heard::Disconnected) => false,
        _ => ticks.hears_rings,
    };
    let looked = feed.tick().await;
    if is_too_early(&looked) {
        ticks.due = Instant::now() + TICK_UNTIL_SERVED;
        return;
    }
    ticks.failures = if looked.is_ok() { 0 } else { ticks.failures + 1 };
    tell::<P>(&looked, ticks.failures);
    feed.note_health(FeedHealth { failed_looks: ticks.failures, hears_rings: ticks.hears_rings });
    ticks.plan();
}

fn is_too_early(looked: &Result<(), FeedError>) -> bool {
    matches!(looked, Err(FeedError::Store(cause)) if cause.is::<NotServedYet>())
}

fn tell<P: Projection>(done: &Result<(), FeedError>, failures: u32) {
    if let Err(error) = done {
        let cause = std::error::Error::source(error).map(tracing::field::display);
        tracing::warn!(projection = P::NAME, failures, cause, "{error}");
    }
}

/// Rings that ended are over for good; without any this waits for ever.
async fn next(rings: &mut Option<RedisRings>) -> Option<Heard> {
    if let Some(listening) = rings {
        if let Some(heard) = listening.next().await {
            return Some(heard);
        }
        *rings = None;
    }
    std::future::pending().await
}
