//! Runs a projector: waits where it must, backs off, tells how it is doing.

use super::alarm::Alarm;
use super::core::{Projector, Round, RoundError, Step};
use super::jetstream::JetStream;
use super::limits::Limits;
use super::source::{Beat, Source};
use crate::cache::redis::{RedisCache, RedisSettings};
use crate::projection::Projection;
use crate::store::mongo::{MongoError, MongoStore, ServedPointer};
use millrace_events::{History, Position};
use mongodb::Database;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How often checkpoint, stream and cache are looked at although nothing is odd.
const TICK: Duration = Duration::from_secs(1);
/// How long an event that cannot be folded yet is waited for before it is looked at again.
const OBSTACLE_WAIT: Duration = Duration::from_millis(50);
const BACK_OFF: Duration = Duration::from_millis(50);
const BACK_OFF_MAX: Duration = Duration::from_secs(5);
/// An alarm is looked at again now and then: somebody may have put things right.
const ALARM_WAIT: Duration = Duration::from_secs(2);

/// Where a projector reads and writes.
#[derive(Clone)]
pub struct ProjectorStores {
    /// Documents.
    pub database: Database,
    /// The stream.
    pub nats: async_nats::Client,
    /// First part of the stream's names.
    pub prefix: String,
    /// The cache.
    pub redis: RedisSettings,
    /// How long changes are kept for subscriptions that resume.
    pub changes_kept: Duration,
    /// The last beat that was heard.
    pub beat: Arc<Mutex<Option<Beat>>>,
}

/// How a projector is doing.
#[derive(Debug, Clone, Default)]
pub struct ProjectorStatus {
    /// The checkpoint's position.
    pub position: Option<Position>,
    /// Why it does not go on, if it does not.
    pub trouble: Option<String>,
}

/// Folds a projection until shutdown.
pub async fn run_projector<P: Projection>(
    stores: ProjectorStores,
    status: watch::Sender<ProjectorStatus>,
    shutdown: CancellationToken,
) {
    let mut runner =
        Runner::<P> { pointer: ServedPointer::new(stores.database.clone()), stores, status, pause: BACK_OFF };
    // Dropping a round is like a crash, and a crash does no harm.
    shutdown.run_until_cancelled(runner.run()).await;
}

/// Why a projector cannot begin.
#[derive(Debug, thiserror::Error)]
enum BeginError {
    /// The documents cannot be reached.
    #[error(transparent)]
    Store(#[from] MongoError),
    /// The cache's address is none.
    #[error("the cache's address")]
    Cache(#[from] redis::RedisError),
}

type Own<P> = Projector<P, JetStream, MongoStore<P>, RedisCache>;

struct Runner<P: Projection> {
    pointer: ServedPointer<P>,
    stores: ProjectorStores,
    status: watch::Sender<ProjectorStatus>,
    pause: Duration,
}

impl<P: Projection> Runner<P> {
    async fn run(&mut self) {
        loop {
            match self.begin().await {
                Ok((generation, projector)) => self.fold(generation, projector).await,
                Err(error) => self.back_off(&error).await,
            }
        }
    }

    /// The generation that is served, begun if there is none.
    async fn begin(&self) -> Result<(u32, Own<P>), BeginError> {
        let served = self.pointer.begin(self.stores.changes_kept).await?;
        let store = self.pointer.store(served.generation);
        let cache = RedisCache::new(&self.stores.redis, P::NAME)?;
        let source = JetStream::new(&self.stores.nats, &self.stores.prefix, Arc::clone(&self.stores.beat));
        Ok((served.generation, Projector::new(source, store, cache, Limits::default())))
    }

    /// Rounds without end, or until another generation is to be folded.
    async fn fold(&mut self, generation: u32, mut projector: Own<P>) {
        let mut ticked = Instant::now();
        loop {
            if ticked.elapsed() >= TICK {
                ticked = Instant::now();
                projector.tick();
                self.tell(&projector).await;
            }
            match projector.round(rand_namespace()).await {
                Ok(round) => self.after_round(&projector, round).await,
                Err(RoundError::Alarm(Alarm::LaterHistory { found, .. })) => {
                    return self.supersede(generation, found).await;
                }
                Err(RoundError::Alarm(alarm)) => self.alarm(&alarm).await,
                Err(error) => self.back_off(&error).await,
            }
        }
    }

    async fn after_round(&mut self, projector: &Own<P>, round: Round) {
        if let Some(error) = round.cache_error {
            tracing::debug!(
                projection = P::NAME,
                error = &error as &dyn std::error::Error,
                "the cache was not brought up to date"
            );
            metrics::counter!("millrace_projection_cache_errors_total", "projection" => P::NAME).increment(1);
        }
        self.pause = BACK_OFF;
        metrics::gauge!("millrace_projection_stopped", "projection" => P::NAME).set(0.0);
        match round.step {
            Step::Folded { events } => {
                metrics::counter!("millrace_projection_events_total", "projection" => P::NAME).increment(events as u64);
                metrics::counter!("millrace_projection_batches_total", "projection" => P::NAME).increment(1);
                self.note(projector, None);
            }
            Step::Spread => self.note(projector, None),
            Step::CompareLost => {
                metrics::counter!("millrace_projection_lost_compares_total", "projection" => P::NAME).increment(1);
                // Another projector is at work, or died in the middle of a commit: trying again at once helps neither.
                sleep(OBSTACLE_WAIT).await;
            }
            Step::TooLarge => {}
            Step::Waiting(obstacle) => {
                self.note(projector, Some(format!("{obstacle:?}")));
                sleep(OBSTACLE_WAIT).await;
            }
            Step::Idle => self.note(projector, None),
        }
    }

    /// The log has begun a later life: the next generation is folded from its beginning, and served at once.
    async fn supersede(&mut self, generation: u32, history: History) {
        tracing::warn!(projection = P::NAME, generation, %history, "a new history has begun: folding anew");
        if let Err(error) = self.pointer.supersede(generation, history, self.stores.changes_kept).await {
            self.back_off(&error).await;
        }
    }

    async fn alarm(&mut self, alarm: &Alarm) {
        tracing::error!(projection = P::NAME, error = alarm as &dyn std::error::Error, "the projection stops");
        metrics::gauge!("millrace_projection_stopped", "projection" => P::NAME).set(1.0);
        self.trouble(alarm.to_string());
        sleep(ALARM_WAIT).await;
    }

    async fn back_off(&mut self, error: &(dyn std::error::Error + Send + Sync + 'static)) {
        let cause = error.source().map(ToString::to_string);
        tracing::warn!(projection = P::NAME, %error, cause, pause_ms = self.pause.as_millis(), "trying again");
        self.trouble(error.to_string());
        sleep(self.pause.mul_f64(0.5 + rand_share())).await;
        self.pause = self.pause.mul_f64(1.5).min(BACK_OFF_MAX);
    }

    fn note(&self, projector: &Own<P>, trouble: Option<String>) {
        let position = projector.checkpoint().map(|checkpoint| checkpoint.revision.position);
        if let Some(position) = position {
            metrics::gauge!("millrace_projection_checkpoint_position", "projection" => P::NAME).set(position.0 as f64);
        }
        self.status.send_modify(|status| {
            status.position = position;
            status.trouble = trouble;
        });
    }

    fn trouble(&self, trouble: String) {
        self.status.send_modify(|status| status.trouble = Some(trouble));
    }

    /// Figures, and the beat for those who cannot hear it.
    async fn tell(&self, projector: &Own<P>) {
        let Some(checkpoint) = projector.checkpoint() else { return };
        let position = checkpoint.revision.position.0;
        metrics::gauge!("millrace_projection_checkpoint_position", "projection" => P::NAME).set(position as f64);
        metrics::gauge!("millrace_projection_open_fan_outs", "projection" => P::NAME).set(checkpoint.open.len() as f64);
        let Some(beat) = projector.source().beat() else { return };
        let lag_ms = match checkpoint.last_at {
            Some(last_at) if beat.head > checkpoint.revision.position => beat.at.unix_ms() - last_at.unix_ms(),
            _ => 0,
        };
        metrics::gauge!("millrace_projection_lag_seconds", "projection" => P::NAME).set(lag_ms.max(0) as f64 / 1_000.0);
        let now = time::OffsetDateTime::now_utc();
        let age = now - beat.at.moment();
        metrics::gauge!("millrace_relay_beat_age_seconds").set(age.as_seconds_f64());
        if let Err(error) = self.pointer.record_beat(&beat).await {
            tracing::debug!(%error, "the beat was not remembered");
        }
    }
}

fn rand_namespace() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().0
}

/// A random number from 0 to 1.
fn rand_share() -> f64 {
    f64::from(uuid::Uuid::new_v4().as_fields().0) / f64::from(u32::MAX)
}
