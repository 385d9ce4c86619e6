//! Calls that keep a distance: under load many commands share one, and a command that comes alone waits for nobody.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::{LogHead, Sequencing};

/// Lets a call begin at the earliest so long after the one before it began.
///
/// Each call costs PostgreSQL and the relay it wakes about the same, however many events it moves.
#[derive(Debug)]
pub struct Spaced<S> {
    sequencing: S,
    distance: Duration,
    begun: Mutex<Option<Instant>>,
}

impl<S> Spaced<S> {
    /// Over what moves the events.
    pub fn new(sequencing: S, distance: Duration) -> Self {
        Self { sequencing, distance, begun: Mutex::default() }
    }

    fn note(&self, now: Instant) {
        *self.begun.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    /// When the next call may begin; none if at once.
    fn due(&self) -> Option<Instant> {
        let begun = *self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.map(|begun| begun + self.distance)
    }
}

impl<S: Sequencing + Sync> Sequencing for Spaced<S> {
    type Error = S::Error;

    async fn gather(&self) {
        if let Some(due) = self.due().filter(|due| *due > Instant::now()) {
            sleep_until(due).await;
        }
    }

    fn sequence(&self) -> impl Future<Output = Result<LogHead, S::Error>> + Send {
        self.note(Instant::now());
        self.sequencing.sequence()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicU64, Ordering};

    use millrace_events::{History, Position};
    use uuid::Uuid;

    use super::*;
    use crate::Sequencer;

    const DISTANCE: Duration = Duration::from_millis(4);

    #[derive(Default)]
    struct Counted(AtomicU64);

    impl Sequencing for Counted {
        type Error = Infallible;

        async fn sequence(&self) -> Result<LogHead, Infallible> {
            let calls = self.0.fetch_add(1, Ordering::SeqCst) + 1;
            Ok(LogHead { history: History(Uuid::nil()), position: Position(calls) })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_alone_waits_for_nobody_and_the_next_one_keeps_the_distance() {
        let (sequencer, start) = (Sequencer::new(Spaced::new(Counted::default(), DISTANCE)), Instant::now());
        assert_eq!(sequencer.join().await.unwrap().position, Position(1));
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert_eq!(sequencer.join().await.unwrap().position, Position(2));
        assert!(start.elapsed() >= DISTANCE, "{:?}", start.elapsed());
        tokio::time::sleep(DISTANCE).await;
        let rested = Instant::now();
        assert_eq!(sequencer.join().await.unwrap().position, Position(3));
        assert_eq!(rested.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn who_joins_while_others_gather_shares_their_call() {
        let sequencer = Sequencer::new(Spaced::new(Counted::default(), DISTANCE));
        sequencer.join().await.unwrap();
        let late = async {
            tokio::time::sleep(DISTANCE / 2).await;
            sequencer.join().await
        };
        let (early, late) = tokio::join!(sequencer.join(), late);
        assert_eq!((early.unwrap().position, late.unwrap().position), (Position(2), Position(2)));
    }

    /// Whoever gathers may be dropped: the others make the call all the same.
    #[tokio::test(start_paused = true)]
    async fn one_who_gathers_and_is_gone_keeps_nobody() {
        let sequencer = Sequencer::new(Spaced::new(Counted::default(), DISTANCE));
        sequencer.join().await.unwrap();
        let gone = tokio::time::timeout(DISTANCE / 2, sequencer.join());
        let (gone, stays) = tokio::join!(gone, sequencer.join());
        assert!(gone.is_err());
        assert_eq!(stays.unwrap().position, Position(2));
    }
}
