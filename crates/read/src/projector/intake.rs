//! What a projector takes in: the stream, verified, and the events that follow the checkpoint.

use super::alarm::Obstacle;
use super::chain::{self, Followed, Link};
use super::core::{Look, Projector, RoundError};
use super::source::Source;
use crate::cache::Cache;
use crate::projection::Projection;
use crate::store::{Checkpoint, DocumentStore};
use millrace_events::{Envelope, Position};

/// What a fetch came to.
pub(super) enum Fetch {
    /// Whole commands that follow the checkpoint.
    Events(Vec<Envelope>),
    /// Nothing came.
    Nothing,
    /// What came does not follow.
    Obstacle(Obstacle),
}

impl<P, S, D, C> Projector<P, S, D, C>
where
    P: Projection,
    S: Source,
    D: DocumentStore<P::Document>,
    C: Cache,
{
    /// Compares the stream, the message at the checkpoint and the relays' beats with the checkpoint.
    pub(super) async fn verify(&mut self, checkpoint: &Checkpoint) -> Result<Option<Obstacle>, RoundError> {
        if let Some((_, None)) = &self.stream {
            return Ok(None);
        }
        let state = self.source.state().await.map_err(RoundError::Source)?;
        let position = checkpoint.revision.position;
        let message = if position > Position::START {
            self.source.message(position).await.map_err(RoundError::Source)?
        } else {
            None
        };
        if let Some(beat) = self.source.beat() {
            self.beats.hear(&beat, checkpoint)?;
        }
        let obstacle = chain::verify(checkpoint, &state, message.as_ref())?;
        self.stream = Some((state, obstacle.clone()));
        Ok(obstacle)
    }

    /// Fetches until there is a whole command to fold, or nothing more comes.
    pub(super) async fn fetch(&mut self, checkpoint: &Checkpoint) -> Result<Fetch, RoundError> {
        self.forget_what_does_not_follow(checkpoint);
        let look_is_due = matches!(self.look, Look::Due { .. });
        loop {
            let whole = self.whole_commands();
            let enough = whole > 0 && self.ahead.len() >= self.portion.events;
            let wanted = self.portion.wanted(whole == 0 && checkpoint.open.is_empty() && !look_is_due);
            if enough {
                return Ok(self.take(whole));
            }
            let link = self.ahead.back().map_or_else(|| Link::of(checkpoint), |last| Link::after(&last.envelope));
            let messages = self.source.after(link.position, wanted).await.map_err(RoundError::Source)?;
            let nothing_came = messages.is_empty();
            let obstacle = match chain::follow(link, messages) {
                Ok(Followed { events, obstacle }) => {
                    self.ahead.extend(events);
                    obstacle
                }
                Err(alarm) if whole == 0 => return Err(alarm.into()),
                // What lies before it is folded first; then it is met again.
                Err(_) => None,
            };
            let whole = self.whole_commands();
            if whole > 0 {
                return Ok(self.take(whole));
            }
            if let Some(obstacle) = obstacle {
                return Ok(Fetch::Obstacle(obstacle));
            }
            if nothing_came {
                return Ok(self.half_command().map_or(Fetch::Nothing, Fetch::Obstacle));
            }
        }
    }

    /// What another projector has folded meanwhile is passed over; the rest is as good as before.
    fn forget_what_does_not_follow(&mut self, checkpoint: &Checkpoint) {
        let link = Link::of(checkpoint);
        while self.ahead.front().is_some_and(|first| first.envelope.position <= link.position) {
            self.ahead.pop_front();
        }
        if self.ahead.front().is_some_and(|first| !chain::follows(&link, &first.envelope)) {
            self.ahead.clear();
        }
    }

    fn whole_commands(&self) -> usize {
        chain::whole_commands(&self.ahead, self.portion.events, self.limits.batch_bytes)
    }

    fn take(&mut self, count: usize) -> Fetch {
        Fetch::Events(self.ahead.drain(..count).map(|fetched| *fetched.envelope).collect())
    }

    fn half_command(&self) -> Option<Obstacle> {
        self.ahead.back().map(|last| Obstacle::HalfCommand(last.envelope.position))
    }
}
