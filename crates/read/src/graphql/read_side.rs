//! The read side of a process: a reader for each projection, and how far each is behind the log.

use super::error::Refusal;
use super::gathered::Seen;
use super::lag::Lag;
use super::pipeline::{PipelineWatch, watch_pipeline};
use super::standing::{Standings, Stood};
use super::waiting::{Capped, WAITING_PER_VIEWER_MAX, Waiting};
use crate::cache::redis::{RedisCache, RedisSettings, ring_channel};
use crate::live::{self, Feed, LiveLimits, RedisRings, Withdrawals};
use crate::models::people::{People, PeopleDocument, access};
use crate::models::{Family, ForEach, Maker, Registered, Visitor, visit};
use crate::projection::DocumentKey;
use crate::projector::Beat;
use crate::reader::{Answer, Deadline, ListQuery, Need, Page, Reader, ServedStore, WAITERS_MAX};
use crate::store::Checkpoint;
use crate::trail::Passages;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use millrace_events::viewer::Person;
use millrace_events::{Position, Required, Revision, UserId};
use mongodb::Database;
use redis::RedisError;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Between two looks at the last beat.
const BEAT_EVERY: Duration = Duration::from_secs(1);

/// A projection's documents, the cache in front of the store.
pub type DocumentReader<P> = Reader<P, ServedStore<P>, RedisCache>;

/// A projection's changes.
pub type LiveFeed<P> = Feed<P, ServedStore<P>>;

/// Tells of changes of what a person may do.
pub type AccessNotices = live::Notices<People, ServedStore<People>>;

/// How long reads may wait for a position that they are owed, and how many at once.
#[derive(Debug, Clone, Copy)]
pub struct ReadLimits {
    /// For what a request's tokens want.
    pub consistency_wait: Duration,
    /// For the objects in a mutation's payload.
    pub payload_wait: Duration,
    /// Reads of one projection that wait at the same time.
    pub waiting_max: usize,
    /// Reads of one viewer that wait at the same time.
    pub waiting_per_viewer_max: usize,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self {
            consistency_wait: Duration::from_secs(3),
            payload_wait: Duration::from_secs(2),
            waiting_max: WAITERS_MAX,
            waiting_per_viewer_max: WAITING_PER_VIEWER_MAX,
        }
    }
}

/// What the read side of a process is made with.
#[derive(Debug, Clone)]
pub struct ReadSettings {
    /// Where the cache is.
    pub redis: RedisSettings,
    /// How long reads may wait, and how many.
    pub limits: ReadLimits,
    /// How many may listen.
    pub live: LiveLimits,
    /// Whether everybody may watch the pipeline; else only admins may.
    pub pipeline_is_open: bool,
}

/// How a read may be answered.
#[derive(Debug, Clone)]
pub struct Terms {
    /// What the projection must have reached, and what to do if it does not.
    pub need: Need,
    /// When the request ends.
    pub deadline: Instant,
    /// Who waits.
    pub viewer: Option<UserId>,
}

/// A document as it was found.
#[derive(Debug, Clone)]
pub struct Found<D> {
    /// Revision of its last change.
    pub revision: Revision,
    /// The document.
    pub document: D,
}

/// Documents by key; what does not exist is absent from it.
pub type Documents<D> = HashMap<DocumentKey, Found<D>>;

/// One projection, as this process reads it.
pub struct Reading<P: Registered> {
    reader: DocumentReader<P>,
    /// Told by the beats that the projection's projector stores.
    lag: Mutex<Lag>,
    /// Follows the projection's changes.
    feed: Arc<LiveFeed<P>>,
    /// What was heard of events on their way.
    passages: Arc<Passages>,
}

/// A reading for each projection.
pub struct Readings;

impl Family for Readings {
    type Of<P: Registered> = Reading<P>;
}

struct ReadingMaker<'a> {
    database: &'a Database,
    settings: &'a ReadSettings,
    withdrawals: &'a Withdrawals,
}

impl Maker<Readings> for ReadingMaker<'_> {
    type Error = RedisError;

    fn make<P: Registered>(&mut self) -> Result<Reading<P>, RedisError> {
        let cache = RedisCache::new(&self.settings.redis, P::NAME)?;
        let feed = Feed::new(Arc::new(ServedStore::new(self.database.clone())), self.settings.live);
        let feed = Arc::new(feed.noting(self.withdrawals.clone()));
        let reader = Reader::new(ServedStore::new(self.database.clone()), cache);
        let reader = reader.letting_wait(self.settings.limits.waiting_max).following(feed.progress());
        Ok(Reading { reader, lag: Mutex::default(), feed, passages: Arc::default() })
    }
}

/// The read side of a process.
pub struct ReadSide {
    each: ForEach<Readings>,
    settings: ReadSettings,
    waiting: Waiting,
    withdrawals: Withdrawals,
    pipeline: PipelineWatch,
    standings: Standings,
}

impl ReadSide {
    /// The read side of these stores; both are connected to when they are first used.
    pub fn new(database: &Database, settings: ReadSettings) -> Result<Self, RedisError> {
        let withdrawals = Withdrawals::default();
        let each = ForEach::make(&mut ReadingMaker { database, settings: &settings, withdrawals: &withdrawals })?;
        let pipeline = PipelineWatch::new(settings.pipeline_is_open);
        let waiting = Waiting::new(settings.limits.waiting_per_viewer_max);
        Ok(Self { each, settings, waiting, withdrawals, pipeline, standings: Standings::default() })
    }

    /// Its limits.
    pub fn limits(&self) -> ReadLimits {
        self.settings.limits
    }

    /// The reader of a projection.
    pub fn reader<P: Registered>(&self) -> &DocumentReader<P> {
        &P::of(&self.each).reader
    }

    /// The changes of a projection.
    pub fn feed<P: Registered>(&self) -> &Arc<LiveFeed<P>> {
        &P::of(&self.each).feed
    }

    /// Where all projections stand, as of a moment ago.
    pub(super) async fn standings(&self) -> Stood {
        self.standings.now(self).await
    }

    /// What is known of the whole pipeline.
    pub(super) fn pipeline(&self) -> &PipelineWatch {
        &self.pipeline
    }

    /// How far a projection is behind at a position.
    pub(super) fn lag_ms<P: Registered>(&self, position: Position) -> Option<u64> {
        P::of(&self.each).lag().at(position, Instant::now())
    }

    /// What was heard of a projection's events on their way.
    pub(super) fn passages<P: Registered>(&self) -> &Passages {
        &P::of(&self.each).passages
    }

    /// What its feeds heard that was taken away from readers.
    pub fn withdrawals(&self) -> &Withdrawals {
        &self.withdrawals
    }

    /// Documents by key.
    pub async fn documents<P: Registered>(
        &self,
        keys: &[DocumentKey],
        terms: &Terms,
    ) -> Result<(Documents<P::Document>, Seen), Refusal> {
        let (answer, seen) = self.answer::<P>(keys, terms).await?;
        Ok((decoded::<P>(answer)?, seen))
    }

    /// Documents by key, not decoded.
    pub async fn answer<P: Registered>(&self, keys: &[DocumentKey], terms: &Terms) -> Result<(Answer, Seen), Refusal> {
        let reading = P::of(&self.each);
        let patience = self.patience(terms);
        // Boxed: a read is tens of kilobytes of state, which would lie in each of the many futures around it.
        let answer = Box::pin(reading.reader.read(keys, terms.need, &patience)).await;
        let answer = answer.map_err(|error| patience.refusal(P::NAME, error))?;
        let seen = reading.seen_in(&answer);
        Ok((answer, seen))
    }

    /// A page of a list, straight from the store.
    pub async fn page<P: Registered>(
        &self,
        query: &ListQuery,
        terms: &Terms,
    ) -> Result<(Page<P::Document>, Seen), Refusal> {
        let reading = P::of(&self.each);
        let patience = self.patience(terms);
        let page = Box::pin(reading.reader.page(query, terms.need, &patience)).await;
        let page = page.map_err(|error| patience.refusal(P::NAME, error))?;
        let is_parked = page.entries.iter().any(|(_, stored)| !stored.is_cacheable());
        let seen = Seen { stale: page.stale || is_parked, ..reading.seen_at(&page.checkpoint) };
        Ok((page, seen))
    }

    /// The person of a verified token with their roles, or the refusal if the token is void by now.
    ///
    /// Nothing is waited for: what a request is owed belongs to what it reads.
    pub async fn access(&self, person: Person) -> Result<Person, Refusal> {
        self.access_since(person, None).await
    }

    /// The same, as of a change of which one of the [notices](Self::access_notices) told.
    pub async fn access_since(&self, person: Person, required: Option<Required>) -> Result<Person, Refusal> {
        let key = access::key(person.user_id);
        let deadline = Instant::now() + self.settings.limits.consistency_wait;
        let terms = Terms { need: Need { required, ..Need::default() }, deadline, viewer: None };
        let (mut documents, _) = self.documents::<People>(std::slice::from_ref(&key), &terms).await?;
        match documents.remove(&key).map(|found| found.document) {
            Some(PeopleDocument::Access(access)) if access.voids(&person) => Err(Refusal::Unauthenticated),
            Some(PeopleDocument::Access(access)) => Ok(Person { roles: access.roles, ..person }),
            Some(_) | None => Ok(person),
        }
    }

    /// Tells of each change of what a person may do, from now on.
    pub fn access_notices(&self, user_id: UserId) -> AccessNotices {
        self.feed::<People>().notices(BTreeSet::from([access::key(user_id).to_string()]))
    }

    /// Follows all projections until `stop`, then closes their subscriptions with their cursors.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut followers = Followers { side: &self, stop: &stop, futures: vec![] };
        visit(&mut followers);
        let watching = stop.run_until_cancelled(watch_pipeline(&self));
        tokio::join!(join_all(followers.futures), watching);
    }

    async fn follow<P: Registered>(&self, stop: CancellationToken) {
        let RedisSettings { url, prefix, .. } = &self.settings.redis;
        let rings = RedisRings::listen(
            url,
            ring_channel(prefix, P::NAME),
            Arc::clone(&P::of(&self.each).passages),
            stop.clone(),
        );
        let rings = rings.inspect_err(|error| tracing::warn!(projection = P::NAME, %error, "no rings are heard")).ok();
        let reading = P::of(&self.each);
        let beats = stop.run_until_cancelled(self.hear_beats::<P>());
        tokio::join!(live::run(&reading.feed, rings, stop.clone()), beats);
    }

    async fn hear_beats<P: Registered>(&self) {
        let mut ticks = interval(BEAT_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.hear_beat::<P>().await;
        }
    }

    /// The last beat, while it is fresh.
    pub(super) fn beat<P: Registered>(&self) -> Option<Beat> {
        P::of(&self.each).lag().beat(Instant::now()).cloned()
    }

    /// Hears the last beat that the projection's projector has stored.
    async fn hear_beat<P: Registered>(&self) {
        let reading = P::of(&self.each);
        match reading.reader.store().pointer().served().await {
            Ok(served) => {
                if let Some(beat) = served.and_then(|served| served.beat) {
                    reading.lag().hear(&beat, Instant::now());
                }
            }
            Err(error) => tracing::debug!(projection = P::NAME, %error, "the last beat could not be read"),
        }
    }

    fn patience(&self, terms: &Terms) -> Capped<'_> {
        let at = terms.deadline.min(Instant::now() + self.settings.limits.consistency_wait);
        Capped::new(Deadline::at(at), &self.waiting, terms.viewer)
    }
}

/// One future for each projection.
struct Followers<'a> {
    side: &'a ReadSide,
    stop: &'a CancellationToken,
    futures: Vec<BoxFuture<'a, ()>>,
}

impl Visitor for Followers<'_> {
    fn visit<P: Registered>(&mut self) {
        self.futures.push(self.side.follow::<P>(self.stop.clone()).boxed());
    }
}

impl<P: Registered> Reading<P> {
    fn seen_in(&self, answer: &Answer) -> Seen {
        Seen {
            history: answer.history,
            generation: answer.generation,
            revision: answer.revision,
            lag_ms: self.lag().at(answer.revision.position, Instant::now()),
            stale: answer.stale || answer.documents.values().flatten().any(|found| found.is_parked),
            source: Some(answer.source),
        }
    }

    fn seen_at(&self, checkpoint: &Checkpoint) -> Seen {
        Seen {
            history: checkpoint.history,
            generation: checkpoint.generation,
            revision: checkpoint.revision,
            lag_ms: self.lag().at(checkpoint.revision.position, Instant::now()),
            stale: false,
            source: None,
        }
    }

    fn lag(&self) -> MutexGuard<'_, Lag> {
        self.lag.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn decoded<P: Registered>(answer: Answer) -> Result<Documents<P::Document>, Refusal> {
    let mut documents = Documents::with_capacity(answer.documents.len());
    for (key, found) in answer.documents {
        let Some(found) = found else { continue };
        let document = P::decode(&key, &found.json).map_err(|error| {
            tracing::error!(projection = P::NAME, %key, %error, "a document is not what its projection wrote");
            Refusal::Internal
        })?;
        documents.insert(key, Found { revision: found.revision, document });
    }
    Ok(documents)
}
