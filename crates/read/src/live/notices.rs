//! Notices of changes, for the process itself: not what a viewer may see, only that something changed.

use super::feed::Feed;
use super::inbox::End;
use super::registry::{Seat, SubscribeError};
use crate::projection::{Change, Projection};
use crate::store::DocumentStore;
use millrace_events::{Position, Required};
use std::collections::BTreeSet;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// While the projection is not followed yet, it is tried again after this long.
const JOIN_AGAIN: Duration = Duration::from_millis(500);

/// Tells of changes of some topics. It listens from when it was made on.
#[derive(Debug)]
pub struct Notices<P: Projection, D> {
    feed: Arc<Feed<P, D>>,
    topics: BTreeSet<String>,
    /// None until the projection is followed.
    seat: Option<Seat>,
}

/// That something changed, or may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice {
    /// What a read must have reached to show it; none if it is not known what was missed.
    pub required: Option<Required>,
}

impl<P: Projection, D: DocumentStore<P::Document>> Notices<P, D> {
    pub(super) fn new(feed: Arc<Feed<P, D>>, topics: BTreeSet<String>) -> Self {
        let seat = feed.registry().attend(&topics).ok();
        Self { feed, topics, seat }
    }

    /// The next notice. Whoever listened for nothing for a while because the projection could not be followed is told so.
    pub async fn next(&mut self) -> Notice {
        loop {
            let Some(seat) = &self.seat else {
                self.join_again().await;
                return Notice { required: None };
            };
            match seat.inbox.take().await {
                Ok(change) => return Notice { required: self.required(&change) },
                Err(End::Stopping) => pending().await,
                Err(End::HistoryGone | End::Overflowed) => self.seat = None,
            }
        }
    }

    async fn join_again(&mut self) {
        loop {
            match self.feed.registry().attend(&self.topics) {
                Ok(seat) => return self.seat = Some(seat),
                Err(SubscribeError::Stopping) => pending().await,
                Err(_) => sleep(JOIN_AGAIN).await,
            }
        }
    }

    fn required(&self, change: &Change) -> Option<Required> {
        let life = self.feed.registry().standing()?.life;
        let seen = Some((life.generation, change.revision));
        Some(Required { history: life.history?, position: Position::START, seen })
    }
}
