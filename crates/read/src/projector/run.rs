//! Runs a projector: waits where it must, backs off, tells how it is doing.

use super::alarm::Alarm;
use super::core::{Projector, Round, RoundError, Step};
use super::drain::drained;
use super::emptying::empty;
use super::figures::Figures;
use super::jetstream::JetStream;
use super::limits::Limits;
use super::pauses::Pauses;
use super::source::Beat;
use super::tell::{count_parked, tell};
use crate::cache::redis::{RedisCache, RedisSettings};
use crate::projection::Projection;
use crate::store::mongo::{MongoError, MongoStore, ServedPointer, is_checkpoint_missing};
use crate::trail::Arrivals;
use millrace_events::{History, Position, Timestamp};
use mongodb::Database;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How often checkpoint, stream and cache are looked at although nothing is odd.
const TICK: Duration = Duration::from_secs(1);

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
    /// The log's life that is folded.
    pub history: Option<History>,
    /// The checkpoint's position.
    pub position: Option<Position>,
    /// When the last event folded was decided.
    pub last_at: Option<Timestamp>,
    /// Fan-outs that are not done.
    pub open_fan_outs: usize,
    /// True while it stands still because going on would do harm.
    pub is_stopped: bool,
    /// Why it does not go on, if it does not.
    pub trouble: Option<String>,
}

/// Folds a projection until shutdown.
pub async fn run_projector<P: Projection>(
    stores: ProjectorStores,
    status: watch::Sender<ProjectorStatus>,
    shutdown: CancellationToken,
) {
    let pointer = ServedPointer::<P>::new(stores.database.clone());
    let (beat, seen) = (Arc::clone(&stores.beat), status.subscribe());
    let (figures, pauses) = (Figures::of(P::NAME), Pauses::default());
    let (folded, newest) = watch::channel(None);
    let cache = stores.redis.clone();
    let runner = Runner { pointer: pointer.clone(), stores, status, folded, figures, pauses, shutdown };
    let beside = async {
        let counting = count_parked(pointer.clone(), figures);
        tokio::join!(tell(pointer.clone(), figures, &beat, seen), empty(pointer, &cache, newest), counting)
    };
    tokio::select! {
        () = runner.run() => {}
        _ = beside => {}
    }
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
    /// The generation that is folded.
    folded: watch::Sender<Option<u32>>,
    figures: Figures,
    pauses: Pauses,
    shutdown: CancellationToken,
}

impl<P: Projection> Runner<P> {
    async fn run(mut self) {
        let shutdown = self.shutdown.clone();
        while !shutdown.is_cancelled() {
            let pause = match shutdown.run_until_cancelled(self.begin()).await {
                None => return,
                Some(Ok((generation, projector))) => self.fold(generation, projector).await,
                Some(Err(error)) => self.back_off(&error),
            };
            shutdown.run_until_cancelled(sleep(pause)).await;
        }
    }

    /// The generation that is served, begun if there is none.
    async fn begin(&self) -> Result<(u32, Own<P>), BeginError> {
        let served = self.pointer.begin(self.stores.changes_kept).await?;
        let store = self.pointer.store(served.generation);
        let arrivals = Arc::<Arrivals>::default();
        let cache = RedisCache::new(&self.stores.redis, P::NAME)?.telling(Arc::clone(&arrivals));
        self.folded.send_replace(Some(served.generation));
        let source = JetStream::new(&self.stores.nats, &self.stores.prefix, Arc::clone(&self.stores.beat));
        Ok((served.generation, Projector::new(source.noting(arrivals), store, cache, Limits::default())))
    }

    /// Rounds until shutdown, or until another generation, or this one from its beginning, is to be folded after a pause.
    async fn fold(&mut self, generation: u32, mut projector: Own<P>) -> Duration {
        let (shutdown, committing) = (self.shutdown.clone(), projector.committing());
        let mut ticked = Instant::now();
        loop {
            if ticked.elapsed() >= TICK {
                ticked = Instant::now();
                projector.tick();
            }
            let Some(round) = drained(&shutdown, &committing, projector.round(rand_namespace())).await else {
                return Duration::ZERO;
            };
            let pause = match round {
                Ok(round) => self.after_round(&projector, round),
                Err(RoundError::Alarm(alarm)) => match begins_anew(&alarm) {
                    Some(history) => return self.supersede(generation, history, &alarm).await,
                    None => self.alarm(&alarm),
                },
                // MongoDB was emptied, or put back to before this generation.
                Err(RoundError::Store(error)) if is_checkpoint_missing(&error) => return self.back_off(&*error),
                Err(error) => self.back_off(&error),
            };
            if shutdown.is_cancelled() {
                return Duration::ZERO;
            }
            if !pause.is_zero() {
                shutdown.run_until_cancelled(sleep(pause)).await;
            }
        }
    }

    fn after_round(&mut self, projector: &Own<P>, round: Round) -> Duration {
        if let Some(error) = round.cache_error {
            self.figures.cache_error();
            let error = &error as &dyn std::error::Error;
            tracing::debug!(projection = P::NAME, error, "the cache was not brought up to date");
        }
        match round.step {
            Step::Folded { events } => self.figures.folded(events),
            Step::Spread => self.figures.spread(),
            Step::CompareLost => self.figures.lost_compare(),
            Step::TooLarge | Step::Waiting(_) | Step::Idle => {}
        }
        self.note(projector, &round.step);
        self.pauses.after(&round.step, Instant::now())
    }

    /// The next generation is folded from the log's beginning, and served at once.
    async fn supersede(&mut self, generation: u32, history: Option<History>, why: &Alarm) -> Duration {
        const MEANS: &str = "folding anew: until it is done reads find what is folded so far, or wait for what they are owed, and \
                             subscriptions begin anew";
        tracing::warn!(projection = P::NAME, generation, %why, "{MEANS}");
        match self.pointer.supersede(generation, history, self.stores.changes_kept).await {
            Ok(()) => Duration::ZERO,
            Err(error) => self.back_off(&error),
        }
    }

    fn alarm(&mut self, alarm: &Alarm) -> Duration {
        tracing::error!(projection = P::NAME, error = alarm as &dyn std::error::Error, "the projection stops");
        self.status.send_modify(|status| {
            status.is_stopped = true;
            status.trouble = Some(alarm.to_string());
        });
        self.pauses.after_alarm()
    }

    fn back_off(&mut self, error: &(dyn std::error::Error + Send + Sync + 'static)) -> Duration {
        let (error, pause) = (with_causes(error), self.pauses.after_error(rand_share()));
        tracing::warn!(projection = P::NAME, error, pause_ms = pause.as_millis(), "trying again");
        self.status.send_modify(|status| status.trouble = Some(error));
        pause
    }

    fn note(&self, projector: &Own<P>, step: &Step) {
        self.status.send_modify(|status| {
            if let Some(checkpoint) = projector.checkpoint() {
                status.history = checkpoint.history;
                status.position = Some(checkpoint.revision.position);
                status.last_at = checkpoint.last_at;
                status.open_fan_outs = checkpoint.open.len();
            }
            status.is_stopped = false;
            status.trouble = match step {
                Step::Waiting(obstacle) => Some(obstacle.to_string()),
                _ => None,
            };
        });
    }
}

/// The life of the log that another generation is bound to, if this one can never be folded on.
fn begins_anew(alarm: &Alarm) -> Option<Option<History>> {
    match alarm {
        Alarm::LaterHistory { found, .. } => Some(Some(*found)),
        Alarm::EarlierFold { history, .. } => Some(*history),
        _ => None,
    }
}

/// Which server it is, and what it said, stands in the causes.
fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let all = std::iter::successors(Some(error), |error| error.source());
    all.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn rand_namespace() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().0
}

/// A random number from 0 to 1.
fn rand_share() -> f64 {
    f64::from(uuid::Uuid::new_v4().as_fields().0) / f64::from(u32::MAX)
}
