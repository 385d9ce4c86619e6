//! The feed: follows the changes of one projection for all subscribers of a process, without clock or task of its own.
//!
//! Rings tell it at once, but may be lost, doubled or late; the checkpoint, looked at on every tick, tells it what it missed.

use super::follow::{Followed, Life, judge};
use super::notices::Notices;
use super::registry::{LiveLimits, Registry, Standing, SubscribeError};
use super::subscription::{Request, Subscription};
use super::withdrawals::Withdrawals;
use crate::cache::Ring;
use crate::projection::{Change, Projection};
use crate::store::{Checkpoint, DocumentStore, StoreError};
use millrace_events::{Revision, rule};
use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::Arc;
use tokio::sync::{Mutex, watch};

/// Changes read at once.
pub(super) const CHANGES_PAGE: usize = 500;

/// Why the feed does not know how far the projection is. It stays where it is, and the next tick goes on.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The store did not answer.
    #[error("the changes cannot be read")]
    Store(#[source] StoreError),
}

/// How far a projection is known to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// The generation that is served; 0 if nothing is known yet.
    pub generation: u32,
    /// The newest revision that was heard of.
    pub revision: Revision,
    /// The checkpoint at the tick before the last one. A cache whose head is behind that is stuck, not just a moment late.
    pub floor: Revision,
    at_last_tick: Revision,
}

impl Progress {
    fn after_tick(self, checkpoint: &Checkpoint) -> Self {
        let Checkpoint { generation, revision, .. } = *checkpoint;
        let known = if self.generation == generation { self } else { Self { generation, ..Self::default() } };
        Self { revision: known.revision.max(revision), floor: known.at_last_tick, at_last_tick: revision, ..known }
    }

    fn after_change(self, generation: u32, revision: Revision) -> Self {
        if self.generation == generation { Self { revision: self.revision.max(revision), ..self } } else { self }
    }
}

/// What keeps a feed from following its projection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FeedHealth {
    /// So many looks at the store have failed, one after another.
    pub failed_looks: u32,
    /// True while rings are heard; without them changes are found by looking more often.
    pub hears_rings: bool,
}

/// Follows the changes of one projection.
#[derive(Debug)]
pub struct Feed<P, D> {
    store: Arc<D>,
    registry: Arc<Registry>,
    /// One step at a time, so that what was read is handed out before anything newer is.
    stepping: Mutex<()>,
    progress: watch::Sender<Progress>,
    health: watch::Sender<FeedHealth>,
    withdrawals: Withdrawals,
    projection: PhantomData<fn() -> P>,
}

impl<P: Projection, D: DocumentStore<P::Document>> Feed<P, D> {
    /// A feed of whatever generation the store reads. It takes subscribers after its first [`tick`](Self::tick).
    pub fn new(store: Arc<D>, limits: LiveLimits) -> Self {
        let registry = Arc::new(Registry::new(P::NAME, limits));
        let (progress, health) = (watch::channel(Progress::default()).0, watch::channel(FeedHealth::default()).0);
        let (stepping, withdrawals) = (Mutex::new(()), Withdrawals::default());
        Self { store, registry, stepping, progress, health, withdrawals, projection: PhantomData }
    }

    /// Has it say here what is taken away from readers.
    pub fn noting(mut self, withdrawals: Withdrawals) -> Self {
        self.withdrawals = withdrawals;
        self
    }

    /// Looks at the checkpoint, and hands out what was missed. To be called at the start, once a second, and whenever rings may
    /// have been lost; more often while there are none.
    pub async fn tick(&self) -> Result<(), FeedError> {
        let _alone = self.stepping.lock().await;
        let checkpoint = self.store.checkpoint().await.map_err(FeedError::Store)?;
        // Such changes lack what subscribers of today are told by. A projector of today begins another generation.
        if checkpoint.fold_version < P::FOLD_VERSION {
            self.note(|known| known.after_tick(&checkpoint));
            return Ok(());
        }
        let Some(standing) = self.registry.standing() else {
            // Whoever waits until it is found may subscribe then.
            self.begin(&checkpoint);
            self.note(|known| known.after_tick(&checkpoint));
            return Ok(());
        };
        self.note(|known| known.after_tick(&checkpoint));
        if !standing.life.goes_on_as(Life::of(&checkpoint)) || checkpoint.seq < standing.through {
            self.begin(&checkpoint);
            return Ok(());
        }
        self.registry.learn(Life::of(&checkpoint));
        if checkpoint.seq > standing.through && rule("head_polled") { self.catch_up(standing).await } else { Ok(()) }
    }

    /// Hands out what a ring tells, if it follows; else what the store says.
    pub async fn hear(&self, ring: Ring) -> Result<(), FeedError> {
        let alone = self.stepping.lock().await;
        let Some(standing) = self.registry.standing() else { return Ok(()) };
        if ring.generation > standing.life.generation {
            drop(alone);
            return self.tick().await;
        }
        let news: Vec<Change> = ring.changes.into_iter().filter(|change| change.seq > standing.through).collect();
        if ring.generation < standing.life.generation || news.is_empty() {
            return Ok(());
        }
        // The history of a generation is not known before its first event, and no ring tells it.
        let is_given = standing.life.history.is_some() && self.give(standing.life.generation, news);
        count_ring(P::NAME, is_given);
        if is_given { Ok(()) } else { self.catch_up(standing).await }
    }

    /// Waits until the projection was found, which takes a process that has just started a moment. For ever if no projector of today's
    /// version has run.
    pub async fn found(&self) {
        let mut progress = self.progress();
        // It cannot end: the sender is the feed's.
        let _ended = progress.wait_for(|_| self.registry.standing().is_some()).await;
    }

    /// Begins a subscription. It listens from now on, so nothing is lost before its first item is asked for.
    pub fn subscribe(self: &Arc<Self>, request: Request) -> Result<Subscription<P, D>, SubscribeError> {
        if request.after.as_ref().is_some_and(|cursor| cursor.projection != P::NAME) {
            return Err(SubscribeError::MalformedCursor);
        }
        let seat = self.registry.join(&request.topics, None)?;
        Ok(Subscription::new(Arc::clone(self), request, seat))
    }

    /// Has the process told of changes of these topics, from now on.
    pub fn notices(self: &Arc<Self>, topics: BTreeSet<String>) -> Notices<P, D> {
        Notices::new(Arc::clone(self), topics)
    }

    /// Closes all subscriptions with their cursors, and takes no more.
    pub fn stop(&self) {
        self.registry.stop();
    }

    /// How far the projection is known to be; whoever waits for a revision is woken by it.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// So many subscriptions listen.
    pub fn subscribers(&self) -> usize {
        self.registry.subscribers()
    }

    /// What keeps it from following, as of its last look.
    pub fn health(&self) -> FeedHealth {
        *self.health.borrow()
    }

    pub(super) fn note_health(&self, health: FeedHealth) {
        self.health.send_replace(health);
    }

    pub(super) fn store(&self) -> &D {
        &self.store
    }

    pub(super) fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    async fn catch_up(&self, standing: Standing) -> Result<(), FeedError> {
        let Standing { life, mut through } = standing;
        loop {
            let page = self.store.changes(through, CHANGES_PAGE).await.map_err(FeedError::Store)?;
            let followed = judge(through, CHANGES_PAGE, &page);
            if !life.goes_on_as(Life::of(&page.checkpoint)) || followed == Followed::Gone {
                self.begin(&page.checkpoint);
                return Ok(());
            }
            self.registry.learn(Life::of(&page.checkpoint));
            through = page.changes.last().map_or(through, |change| change.seq);
            if !self.give(life.generation, page.changes) {
                self.begin(&page.checkpoint);
                return Ok(());
            }
            if followed == Followed::ToTheEnd {
                return Ok(());
            }
        }
    }

    /// Hands changes out as far as they follow. False if some do not: whether any is missing is found out where they are handed out.
    fn give(&self, generation: u32, changes: Vec<Change>) -> bool {
        if let Some(standing) = self.registry.standing() {
            self.withdrawals.note(P::NAME, standing.life, &changes);
        }
        let newest = changes.last().map(|change| change.revision);
        let is_given = self.registry.hand_out(changes).is_ok();
        if let Some(revision) = newest.filter(|_| is_given) {
            self.note(|known| known.after_change(generation, revision));
        }
        is_given
    }

    /// Whoever waits is woken only if the projection has moved.
    fn note(&self, news: impl FnOnce(Progress) -> Progress) {
        self.progress.send_if_modified(|progress| {
            let before = *progress;
            *progress = news(before);
            (before.generation, before.revision) != (progress.generation, progress.revision)
        });
    }

    fn begin(&self, checkpoint: &Checkpoint) {
        if self.registry.standing().is_some() {
            self.withdrawals.note_unseen(P::NAME, Life::of(checkpoint), checkpoint.revision);
        }
        self.registry.begin(Standing { life: Life::of(checkpoint), through: checkpoint.seq });
    }
}

fn count_ring(projection: &'static str, is_given: bool) {
    let outcome = if is_given { "follows" } else { "gap" };
    metrics::counter!("millrace_live_rings_total", "projection" => projection, "outcome" => outcome).increment(1);
}
