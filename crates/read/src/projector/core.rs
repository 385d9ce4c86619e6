//! The projector's loop body: one round at a time, without waiting, clock or chance of its own, so that the model runs this very code.

use super::alarm::{Alarm, Obstacle};
use super::beats::BeatWatch;
use super::chain::Fetched;
use super::drain::Committing;
use super::intake::Fetch;
use super::kept::Kept;
use super::limits::{Limits, Portion};
use super::source::{Source, SourceError, StreamState};
use super::write_through::WriteThroughError;
use crate::cache::{Cache, Head};
use crate::projection::Projection;
use crate::store::{Checkpoint, DocumentStore, StoreError};
use std::collections::VecDeque;

/// What one round did.
#[derive(Debug)]
pub struct Round {
    /// What came of it.
    pub step: Step,
    /// Why the cache was not brought up to the checkpoint, if that failed. It is tried again after the next tick.
    pub cache_error: Option<WriteThroughError>,
}

/// What came of a round.
#[derive(Debug)]
pub enum Step {
    /// Events were folded.
    Folded {
        /// How many.
        events: usize,
    },
    /// A chunk of a fan-out was done.
    Spread,
    /// Another projector was faster. Nothing was written.
    CompareLost,
    /// The commit was too large. The next one is smaller.
    TooLarge,
    /// The next event cannot be folded yet.
    Waiting(Obstacle),
    /// There is nothing to do.
    Idle,
}

/// Why a round failed. What it did is read anew in the next one.
#[derive(Debug, thiserror::Error)]
pub enum RoundError {
    /// The stream did not answer.
    #[error("the stream did not answer")]
    Source(#[source] SourceError),
    /// The store did not answer.
    #[error("the store did not answer")]
    Store(#[source] StoreError),
    /// Going on would do harm.
    #[error("the projection stops")]
    Alarm(#[from] Alarm),
}

/// Whether the cache is to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Now; so many looks in a row found it moving.
    Due {
        /// How many.
        tried: u32,
    },
    /// It stood at the checkpoint.
    Done,
    /// It failed, or another generation is served: not before the next tick.
    AfterTick,
}

/// Folds one generation of one projection.
///
/// A round may be dropped at any await, as by a crash: what is held in memory is right at one revision of the checkpoint, or unused.
pub struct Projector<P: Projection, S, D, C> {
    pub(super) source: S,
    pub(super) store: D,
    pub(super) cache: C,
    pub(super) limits: Limits,
    pub(super) portion: Portion,
    pub(super) kept: Kept<P::Document>,
    /// The checkpoint that the next commit starts from; none means: read it.
    pub(super) checkpoint: Option<Checkpoint>,
    /// The last checkpoint that was read or written, for those who watch.
    pub(super) seen: Option<Checkpoint>,
    /// The stream as it was verified; none means: verify.
    pub(super) stream: Option<(StreamState, Option<Obstacle>)>,
    pub(super) beats: BeatWatch,
    /// Fetched events that are not folded yet, each following the one before.
    pub(super) ahead: VecDeque<Fetched>,
    pub(super) chunk_is_next: bool,
    pub(super) look: Look,
    /// Head as this projector last saw or moved it.
    pub(super) head: Option<Head>,
    pub(super) cache_error: Option<WriteThroughError>,
    pub(super) committing: Committing,
}

impl<P, S, D, C> Projector<P, S, D, C>
where
    P: Projection,
    S: Source,
    D: DocumentStore<P::Document>,
    C: Cache,
{
    /// A projector that has not looked at anything yet.
    pub fn new(source: S, store: D, cache: C, limits: Limits) -> Self {
        Self {
            source,
            store,
            cache,
            limits,
            portion: Portion::full(limits),
            kept: Kept::new(&limits),
            checkpoint: None,
            seen: None,
            stream: None,
            beats: BeatWatch::default(),
            ahead: VecDeque::new(),
            chunk_is_next: false,
            look: Look::Due { tried: 0 },
            head: None,
            cache_error: None,
            committing: Committing::default(),
        }
    }

    /// The checkpoint as it was last read or written.
    pub fn checkpoint(&self) -> Option<&Checkpoint> {
        self.seen.as_ref()
    }

    /// Whether it is in the middle of a commit, also while a round is under way.
    pub fn committing(&self) -> Committing {
        self.committing.clone()
    }

    /// Has checkpoint, stream and cache looked at again in the next round: due about every second.
    pub fn tick(&mut self) {
        self.checkpoint = None;
        self.stream = None;
        self.look = Look::Due { tried: 0 };
    }

    /// One round: looks at what is due, then folds what is there, or does a chunk of a fan-out, or waits for an event.
    ///
    /// `namespace` is random: the cache is begun anew in it, should that be needed.
    pub async fn round(&mut self, namespace: u64) -> Result<Round, RoundError> {
        // Taken out, so that after a round that failed or was dropped it is read anew.
        let checkpoint = self.checkpoint.take();
        let step = self.step(checkpoint, namespace).await;
        if step.is_err() {
            self.stream = None;
            // What was fetched may be what does not fit, such as half a command of a log that went back.
            self.ahead.clear();
        }
        Ok(Round { step: step?, cache_error: self.cache_error.take() })
    }

    async fn step(&mut self, checkpoint: Option<Checkpoint>, namespace: u64) -> Result<Step, RoundError> {
        let checkpoint = match checkpoint {
            Some(checkpoint) => checkpoint,
            None => self.read_checkpoint().await?,
        };
        let mut obstacle = self.verify(&checkpoint).await?;
        self.look_at_cache(&checkpoint, namespace).await;
        if obstacle.is_none() && !self.is_turn_of_chunk(&checkpoint) {
            match self.fetch(&checkpoint).await? {
                Fetch::Events(envelopes) => return self.fold(checkpoint, envelopes).await,
                Fetch::Nothing => {}
                Fetch::Obstacle(found) => obstacle = Some(found),
            }
        }
        match (checkpoint.open.first().cloned(), obstacle) {
            (Some(fan_out), _) => self.spread(checkpoint, &fan_out).await,
            (None, Some(obstacle)) => Ok(self.wait_for(checkpoint, obstacle)),
            (None, None) => Ok(self.stay(checkpoint, Step::Idle)),
        }
    }

    async fn read_checkpoint(&mut self) -> Result<Checkpoint, RoundError> {
        let checkpoint = self.store.checkpoint().await.map_err(RoundError::Store)?;
        let (generation, found, own) = (checkpoint.generation, checkpoint.fold_version, P::FOLD_VERSION);
        if found < own {
            return Err(Alarm::EarlierFold { generation, found, own, history: checkpoint.history }.into());
        }
        if found > own {
            return Err(Alarm::LaterFold { generation, found, own }.into());
        }
        self.seen = Some(checkpoint.clone());
        Ok(checkpoint)
    }

    /// Events and chunks take turns; too many open fan-outs keep further events away.
    fn is_turn_of_chunk(&self, checkpoint: &Checkpoint) -> bool {
        let open = checkpoint.open.len();
        open > 0 && (self.chunk_is_next || open >= self.limits.open_fan_outs)
    }

    /// The checkpoint stands where it stood, and needs not be read again.
    pub(super) fn stay(&mut self, checkpoint: Checkpoint, step: Step) -> Step {
        self.checkpoint = Some(checkpoint);
        step
    }

    /// The stream is verified again before the next attempt.
    pub(super) fn wait_for(&mut self, checkpoint: Checkpoint, obstacle: Obstacle) -> Step {
        self.stream = None;
        self.stay(checkpoint, Step::Waiting(obstacle))
    }
}
