//! A viewer who waits for positions in many requests at once is told so, instead of taking everybody's places.

use super::error::Refusal;
use crate::reader::{Deadline, Patience, ReadError};
use millrace_events::UserId;
use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

/// So many reads of one viewer wait for a position at the same time, if nothing else is said.
pub const WAITING_PER_VIEWER_MAX: usize = 32;

/// Who waits, and in how many reads.
#[derive(Debug)]
pub struct Waiting {
    per_viewer_max: usize,
    counts: Mutex<HashMap<UserId, usize>>,
}

/// One waiting read; leaves when it is dropped.
#[derive(Debug)]
struct Place<'a> {
    waiting: &'a Waiting,
    viewer: UserId,
}

impl Waiting {
    /// Nobody yet, and never more reads of one viewer than these.
    pub fn new(per_viewer_max: usize) -> Self {
        Self { per_viewer_max, counts: Mutex::default() }
    }

    fn enter(&self, viewer: UserId) -> Option<Place<'_>> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(viewer).or_default();
        if *count >= self.per_viewer_max {
            return None;
        }
        *count += 1;
        Some(Place { waiting: self, viewer })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut counts = self.waiting.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.viewer) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.viewer);
            }
        }
    }
}

/// Patience until a moment that also needs a place for its viewer. Who is not signed in shares the process's places.
pub struct Capped<'a> {
    deadline: Deadline,
    waiting: &'a Waiting,
    viewer: Option<UserId>,
    /// Taken before the first wait: most reads never wait.
    place: OnceLock<Option<Place<'a>>>,
}

impl<'a> Capped<'a> {
    /// Patience of this viewer.
    pub fn new(deadline: Deadline, waiting: &'a Waiting, viewer: Option<UserId>) -> Self {
        Self { deadline, waiting, viewer, place: OnceLock::new() }
    }

    /// What a failed read is to the client: it may be the viewer who had no place left, not the process.
    pub fn refusal(&self, projection: &'static str, error: ReadError) -> Refusal {
        match (error, self.place.get()) {
            (ReadError::TooManyWaiting { .. }, Some(None)) => {
                Refusal::TooManyWaiting { limit: "waitingReadsPerViewer", max: self.waiting.per_viewer_max }
            }
            (error, _) => Refusal::of_read(projection, error),
        }
    }
}

impl Patience for Capped<'_> {
    fn may_wait(&self) -> bool {
        let Some(viewer) = self.viewer else { return true };
        self.place.get_or_init(|| self.waiting.enter(viewer)).is_some()
    }

    async fn wait(&self) -> bool {
        self.deadline.wait().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::Instant;

    const VIEWERS_MAX: usize = 3;
    const ALL_MAX: usize = 7;

    #[test]
    fn a_viewer_has_so_many_places_and_gets_them_back() {
        let (waiting, viewer) = (Waiting::new(VIEWERS_MAX), UserId::generate());
        let deadline = Deadline::at(Instant::now() + Duration::from_secs(60));
        let patience = |viewer| Capped::new(deadline, &waiting, viewer);
        let many: Vec<_> = (0..VIEWERS_MAX).map(|_| patience(Some(viewer))).collect();
        for one in &many {
            assert!(one.may_wait() && one.may_wait());
        }
        assert!(!patience(Some(viewer)).may_wait());
        assert!(patience(Some(UserId::generate())).may_wait() && patience(None).may_wait());
        drop(many);
        assert!(patience(Some(viewer)).may_wait());
        assert!(waiting.counts.lock().unwrap().is_empty());
    }

    #[test]
    fn a_refusal_names_the_limit_that_was_reached() {
        let (waiting, viewer) = (Waiting::new(VIEWERS_MAX), UserId::generate());
        let deadline = Deadline::at(Instant::now());
        let many: Vec<_> = (0..=VIEWERS_MAX).map(|_| Capped::new(deadline, &waiting, Some(viewer))).collect();
        let may_wait: Vec<bool> = many.iter().map(Patience::may_wait).collect();
        let refusal = |index: usize| many[index].refusal("content", ReadError::TooManyWaiting { max: ALL_MAX });
        assert_eq!(may_wait.iter().filter(|may| **may).count(), VIEWERS_MAX);
        let of_viewer = Refusal::TooManyWaiting { limit: "waitingReadsPerViewer", max: VIEWERS_MAX };
        assert_eq!(refusal(VIEWERS_MAX), of_viewer);
        assert_eq!(refusal(0), Refusal::TooManyWaiting { limit: "waitingReads", max: ALL_MAX });
        assert_eq!((of_viewer.code(), of_viewer.retryable()), ("LIMIT_EXCEEDED", true));
    }
}
