//! A viewer who waits for positions in many requests at once is told so, instead of taking everybody's places.

use crate::reader::{Deadline, Patience};
use millrace_events::UserId;
use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

/// The most reads of one viewer that wait for a position at the same time.
pub const WAITING_PER_VIEWER_MAX: usize = 32;

/// Who waits, and in how many reads.
#[derive(Debug, Default)]
pub struct Waiting(Mutex<HashMap<UserId, usize>>);

/// One waiting read; leaves when it is dropped.
#[derive(Debug)]
struct Place<'a> {
    waiting: &'a Waiting,
    viewer: UserId,
}

impl Waiting {
    fn enter(&self, viewer: UserId) -> Option<Place<'_>> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(viewer).or_default();
        if *count >= WAITING_PER_VIEWER_MAX {
            return None;
        }
        *count += 1;
        Some(Place { waiting: self, viewer })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut counts = self.waiting.0.lock().unwrap_or_else(PoisonError::into_inner);
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
    /// Taken at the first wait: most reads never wait.
    place: OnceLock<Option<Place<'a>>>,
}

impl<'a> Capped<'a> {
    /// Patience of this viewer.
    pub fn new(deadline: Deadline, waiting: &'a Waiting, viewer: Option<UserId>) -> Self {
        Self { deadline, waiting, viewer, place: OnceLock::new() }
    }

    fn may_wait(&self) -> bool {
        let Some(viewer) = self.viewer else { return true };
        self.place.get_or_init(|| self.waiting.enter(viewer)).is_some()
    }
}

impl Patience for Capped<'_> {
    async fn wait(&self) -> bool {
        self.may_wait() && self.deadline.wait().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::Moved;
    use std::time::Duration;
    use tokio::time::Instant;

    #[tokio::test]
    async fn a_viewer_has_so_many_places_and_gets_them_back() {
        let (waiting, moved, viewer) = (Waiting::default(), Moved::default(), UserId::generate());
        let deadline = Deadline::new(Instant::now() + Duration::from_secs(60), &moved);
        let patience = |viewer| Capped::new(deadline.clone(), &waiting, viewer);
        let many: Vec<_> = (0..WAITING_PER_VIEWER_MAX).map(|_| patience(Some(viewer))).collect();
        for one in &many {
            assert!(one.wait().await && one.wait().await);
        }
        assert!(!patience(Some(viewer)).wait().await);
        assert!(patience(Some(UserId::generate())).wait().await && patience(None).wait().await);
        drop(many);
        assert!(patience(Some(viewer)).wait().await);
        assert!(waiting.0.lock().unwrap().is_empty());
    }
}
