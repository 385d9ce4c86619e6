//! Publishing the next window: nothing but the events, their keys and the acks.

use millrace_events::{Envelope, fail_point, rule};
use millrace_log::LogHead;

use super::Core;
use crate::error::RelayError;
use crate::message;
use crate::ports::{LogSide, Outgoing, StreamSide};
use crate::round::{Happened, Round};
use crate::window::tail_after;

/// How many events are published without waiting in between. The log bounds their bytes.
pub const WINDOW_EVENTS: u32 = 500;

impl<L: LogSide, S: StreamSide> Core<L, S> {
    pub(super) async fn publish(&mut self) -> Result<Round, RelayError> {
        let (Some(tail), Some(confirmed)) = (self.tail, self.confirmed) else { return Ok(self.odd_answer()) };
        let more = confirmed.next_page().is_some() || self.mirror.is_behind();
        let events = self.log.read(tail.position, WINDOW_EVENTS).await.map_err(RelayError::Log)?;
        let Some(last) = events.last() else { return Ok(Round { happened: Happened::Idle, again: more }) };
        if !tail.is_followed_by(&events, confirmed.origin.history) {
            return Err(RelayError::LogDoesNotFollow(tail.position));
        }
        self.see_head(last);
        if rule("keys_before_events")
            && let Some(went_back) = self.mirror.window(&self.log, &self.stream, &events).await?
        {
            return Ok(self.stop(went_back));
        }
        fail_point::reach("relay.keys_mirrored").await;
        let window = window(&events)?;
        let acks = self.stream.publish(&window).await.map_err(RelayError::Stream)?;
        fail_point::reach("relay.published").await;
        self.tail = tail_after(&window, &acks);
        if !rule("keys_before_events") {
            self.mirror.window(&self.log, &self.stream, &events).await?;
        }
        let Some(tail) = self.tail else { return Ok(self.odd_answer()) };
        self.last = Some(tail.position);
        Ok(Round { happened: Happened::Published { events: events.len() }, again: true })
    }

    /// The log ends where this event lies, or later.
    fn see_head(&mut self, event: &Envelope) {
        let seen = LogHead { history: event.history, position: event.position };
        if self.head.is_none_or(|head| head.history != seen.history || head.position < seen.position) {
            self.head = Some(seen);
        }
    }
}

fn window(events: &[Envelope]) -> Result<Vec<Outgoing>, RelayError> {
    let encode = |event: &Envelope| {
        message::outgoing(event).map_err(|source| RelayError::Encode { position: event.position, source })
    };
    events.iter().map(encode).collect()
}
