//! Every second: figures, and the beat for those who cannot hear it. Apart from the rounds, so that it goes on while one stands still.

use super::figures::Figures;
use super::lag::Lag;
use super::run::ProjectorStatus;
use super::source::Beat;
use crate::projection::Projection;
use crate::store::mongo::ServedPointer;
use millrace_events::Timestamp;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

/// How often. Relays beat as often.
const TELL_INTERVAL: Duration = Duration::from_secs(1);

/// Tells without end.
pub async fn tell<P: Projection>(
    pointer: ServedPointer<P>,
    figures: Figures,
    beat: &Mutex<Option<Beat>>,
    status: watch::Receiver<ProjectorStatus>,
) {
    let (mut lag, mut stored) = (Lag::default(), None);
    let mut ticks = interval(TELL_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now = Timestamp::new(OffsetDateTime::now_utc());
        let heard = beat.lock().unwrap_or_else(PoisonError::into_inner).clone();
        heard.into_iter().for_each(|beat| lag.hear(beat, now));
        figures.set(&status.borrow(), &mut lag, now);
        if let Some(beat) = lag.beat(now).filter(|beat| stored.as_ref() != Some(*beat)) {
            match pointer.record_beat(beat).await {
                Ok(()) => stored = Some(beat.clone()),
                Err(error) => tracing::debug!(projection = P::NAME, %error, "the beat was not remembered"),
            }
        }
    }
}

/// Tells how much is parked, without end.
pub async fn count_parked<P: Projection>(pointer: ServedPointer<P>, figures: Figures) {
    let mut ticks = interval(TELL_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        figures.set_parked(pointer.count_parked().await.ok().flatten());
    }
}
