//! Waiting for a projection: one look at the checkpoint at a time for all who wait, and what it found is told to all of them.

use super::answer::ReadError;
use super::owed::{is_behind, is_of_older_history, seems_reached};
use super::patience::Patience;
use super::served::NotServedYet;
use crate::live::Progress;
use crate::store::{Checkpoint, StoreError};
use millrace_events::Required;
use std::future::{Future, pending};
use std::sync::Arc;
use tokio::sync::{Mutex, Semaphore, SemaphorePermit, watch};

/// So many reads of a process wait for a position of one projection, if nothing else is said.
pub const WAITERS_MAX: usize = 1_000;

/// How far the projection is, by news and by looking.
pub(super) struct Looks {
    /// Whoever has it looks for all.
    turn: Mutex<()>,
    told: watch::Sender<Told>,
    places: Semaphore,
    places_max: usize,
    /// What a feed knows of the projection; none if nobody follows it.
    progress: Option<watch::Receiver<Progress>>,
}

/// What the last look found.
#[derive(Debug, Clone)]
enum Told {
    /// No projector has run yet, or nobody has looked yet.
    NotServed,
    At(Arc<Checkpoint>),
    /// The store did not answer. Whoever waits reads, and is told so.
    Failed,
}

impl Told {
    fn of(looked: Result<Checkpoint, StoreError>) -> Self {
        match looked {
            Ok(checkpoint) => Self::At(Arc::new(checkpoint)),
            Err(error) if error.is::<NotServedYet>() => Self::NotServed,
            Err(_) => Self::Failed,
        }
    }

    fn is_worth_reading(&self, required: Option<Required>) -> bool {
        match self {
            Self::NotServed => false,
            Self::At(checkpoint) => !is_behind(checkpoint, required) || is_of_older_history(checkpoint, required),
            Self::Failed => true,
        }
    }
}

impl Default for Looks {
    fn default() -> Self {
        let (told, places_max) = (watch::channel(Told::NotServed).0, WAITERS_MAX);
        Self { turn: Mutex::default(), told, places: Semaphore::new(places_max), places_max, progress: None }
    }
}

impl Looks {
    /// So many may wait at once.
    pub fn limit(&mut self, places_max: usize) {
        self.places = Semaphore::new(places_max.min(Semaphore::MAX_PERMITS));
        self.places_max = places_max;
    }

    /// From now on news of a feed wake those who wait.
    pub fn follow(&mut self, progress: watch::Receiver<Progress>) {
        self.progress = Some(progress);
    }

    /// What a feed knows by now.
    pub fn progress(&self) -> Option<Progress> {
        self.progress.as_ref().map(|progress| *progress.borrow())
    }

    /// A place for one who waits, if not all are taken.
    pub fn enter(&self) -> Result<Waiter<'_>, ReadError> {
        let place = self.places.try_acquire().map_err(|_| self.too_many())?;
        let (told, progress) = (self.told.subscribe(), self.progress.clone());
        Ok(Waiter { looks: self, told, progress, has_waited: false, _place: place })
    }

    /// What whoever finds no place is told.
    pub fn too_many(&self) -> ReadError {
        ReadError::TooManyWaiting { max: self.places_max }
    }

    /// Looks, unless somebody else did since this waiter was told last.
    async fn look(&self, told: &watch::Receiver<Told>, look: impl Future<Output = Result<Checkpoint, StoreError>>) {
        let _turn = self.turn.lock().await;
        if told.has_changed().unwrap_or(false) {
            return;
        }
        self.told.send_replace(Told::of(look.await));
    }
}

/// A read that waits. Its place is free again when it is dropped.
pub(super) struct Waiter<'a> {
    looks: &'a Looks,
    told: watch::Receiver<Told>,
    progress: Option<watch::Receiver<Progress>>,
    has_waited: bool,
    _place: SemaphorePermit<'a>,
}

impl Waiter<'_> {
    /// Waits until it is worth reading again; false if the time is over.
    pub async fn wait<F: Future<Output = Result<Checkpoint, StoreError>>>(
        &mut self,
        required: Option<Required>,
        look: impl Fn() -> F,
        patience: &impl Patience,
    ) -> bool {
        if !std::mem::replace(&mut self.has_waited, true) && self.moved_before(required) {
            return true;
        }
        loop {
            tokio::select! {
                biased;
                () = news(&mut self.progress, required) => return true,
                _ = self.told.changed() => {
                    if self.told.borrow_and_update().is_worth_reading(required) {
                        return true;
                    }
                }
                goes_on = patience.wait() => {
                    if !goes_on {
                        return false;
                    }
                    self.looks.look(&self.told, look()).await;
                }
            }
        }
    }

    /// News that came after the read found it behind. Asked once: from then on only what is new counts, so that a projection that
    /// seems further than it is does not make anybody read in a circle.
    fn moved_before(&mut self, required: Option<Required>) -> bool {
        self.progress.as_mut().is_some_and(|progress| seems_reached(&progress.borrow_and_update(), required))
    }
}

/// Comes when a feed tells that the projection has got there.
async fn news(progress: &mut Option<watch::Receiver<Progress>>, required: Option<Required>) {
    let Some(progress) = progress else { return pending().await };
    loop {
        if progress.changed().await.is_err() {
            return pending().await;
        }
        if seems_reached(&progress.borrow_and_update(), required) {
            return;
        }
    }
}
