//! Looks once a second, while anybody may watch, and hands out what it saw.

use super::look::look;
use super::sample::{PipelineLag, PipelineSample};
use super::sampler::Sampler;
use crate::graphql::ReadSide;
use millrace_events::Timestamp;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// 15 minutes of looks are remembered.
const LOOKS_MAX: usize = 900;
const LOOKS_MS: i64 = 15 * 60 * 1_000;

type Shared = Option<Arc<PipelineSample>>;

/// What is known of the pipeline.
pub struct PipelineWatch {
    is_open: bool,
    samples: watch::Sender<Shared>,
    /// Those of one look beside each other.
    lags: Mutex<VecDeque<Vec<PipelineLag>>>,
    deliveries: AtomicU64,
}

impl PipelineWatch {
    /// For everybody, or for admins alone.
    pub fn new(is_open: bool) -> Self {
        Self { is_open, samples: watch::channel(None).0, lags: Mutex::default(), deliveries: AtomicU64::new(0) }
    }

    /// True if everybody may watch.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// One sample a second, from now on.
    pub fn samples(&self) -> watch::Receiver<Shared> {
        self.samples.subscribe()
    }

    /// The lags of the last 15 minutes, oldest first. While nobody watched there are none.
    pub fn lags(&self, now: Timestamp) -> Vec<PipelineLag> {
        let lags = self.lags.lock().unwrap_or_else(PoisonError::into_inner);
        let is_recent = |lag: &&PipelineLag| now.unix_ms() - lag.at.unix_ms() <= LOOKS_MS;
        lags.iter().flatten().filter(is_recent).cloned().collect()
    }

    /// A subscriber was sent an event.
    pub fn note_delivery(&self) {
        self.deliveries.fetch_add(1, Ordering::Relaxed);
    }

    /// Events sent to subscribers so far.
    pub(super) fn deliveries(&self) -> u64 {
        self.deliveries.load(Ordering::Relaxed)
    }

    /// Nobody looks for nobody.
    fn is_watched(&self) -> bool {
        self.is_open || self.samples.receiver_count() > 0
    }

    fn tell(&self, sample: PipelineSample) {
        let lag = |projection: &super::sample::PipelineProjection| PipelineLag {
            at: sample.at,
            projection: projection.name,
            lag_ms: projection.lag_ms,
        };
        let mut lags = self.lags.lock().unwrap_or_else(PoisonError::into_inner);
        if lags.len() == LOOKS_MAX {
            lags.pop_front();
        }
        lags.push_back(sample.projections.iter().map(lag).collect());
        drop(lags);
        self.samples.send_replace(Some(Arc::new(sample)));
    }
}

/// Looks without end.
pub async fn watch_pipeline(side: &ReadSide) {
    let (mut sampler, mut last) = (Sampler::default(), vec![]);
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let watch = side.pipeline();
        if watch.is_watched() {
            let seen = look(side, watch.deliveries(), &last).await;
            last.clone_from(&seen.projections);
            watch.tell(sampler.take(seen));
        }
    }
}
