//! What comes out of the stream: an ephemeral consumer that carries no state of its own.

use super::JetStreamError;
use crate::projector::source::{Content, Message, SourceError, Wanted};
use crate::trail::{self, Arrivals};
use async_nats::jetstream::consumer::pull::{self, Stream as Messages};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy};
use async_nats::jetstream::{self, Context};
use futures_util::{FutureExt, StreamExt};
use millrace_events::{Envelope, Position};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// How long the first of some messages is waited for.
const MESSAGE_WAIT: Duration = Duration::from_millis(500);
/// One pull of the consumer: how long it lasts, and how often the server must show that it lives.
const PULL_EXPIRES: Duration = Duration::from_secs(5);
const HEARTBEAT: Duration = Duration::from_secs(1);
/// One pull's messages and bytes; half as much again may lie here unread. An event is far smaller than the latter (256 KiB and its envelope).
pub(crate) const PULL_MESSAGES_MAX: usize = 2_000;
pub(crate) const PULL_BYTES_MAX: usize = 4 << 20;
/// A consumer that nobody pulls from is forgotten by the server.
const INACTIVE_MAX: Duration = Duration::from_secs(30);
/// One that was not read for this long may be forgotten soon, and is made anew.
const UNREAD_MAX: Duration = Duration::from_secs(20);
/// So many messages are passed over rather than making a consumer that begins behind them: mostly they lie here already.
const PASSED_OVER_MAX: u64 = PULL_MESSAGES_MAX as u64;

/// A consumer, and the position that it gives next.
pub(super) struct Feeding {
    next: Position,
    read_at: Instant,
    messages: Messages,
}

impl Feeding {
    /// A consumer of what follows a position.
    pub async fn begin(context: &Context, stream: &str, after: Position) -> Result<Self, SourceError> {
        let stream = context.get_stream_no_info(stream).await?;
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: after.next().0 },
            ack_policy: AckPolicy::None,
            inactive_threshold: INACTIVE_MAX,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let consumer = stream.create_consumer(config).await?;
        let pull = consumer.stream().max_messages_per_batch(PULL_MESSAGES_MAX).max_bytes_per_batch(PULL_BYTES_MAX);
        let messages = pull.expires(PULL_EXPIRES).heartbeat(HEARTBEAT).messages().await?;
        Ok(Self { next: after.next(), read_at: Instant::now(), messages })
    }

    /// Whether it comes to what follows a position. Where another projector is faster it lies somewhat before it.
    pub fn comes_to(&self, after: Position) -> bool {
        let due = after.next();
        self.next <= due && due.0 - self.next.0 <= PASSED_OVER_MAX && self.read_at.elapsed() < UNREAD_MAX
    }

    /// The first message after a position if it is waited for, then what has come already.
    pub async fn gather(
        &mut self,
        after: Position,
        wanted: Wanted,
        arrivals: &Arrivals,
    ) -> Result<Vec<Message>, SourceError> {
        let (mut found, mut bytes): (Vec<Message>, usize) = (Vec::new(), 0);
        let mut came = Vec::new();
        let until = Instant::now() + MESSAGE_WAIT;
        self.read_at = Instant::now();
        while found.len() < wanted.messages && bytes < wanted.bytes {
            let may_wait = found.is_empty() && wanted.wait;
            let wait = if may_wait { until.saturating_duration_since(Instant::now()) } else { Duration::ZERO };
            let Some(message) = self.next_within(wait).await? else { break };
            let info = message.info()?;
            let (sequence, streamed_us) = (Position(info.stream_sequence), trail::of(info.published));
            self.next = sequence.next();
            if sequence > after {
                came.push((sequence, streamed_us));
                bytes += message.payload.len();
                found.push(parse(sequence, &message.payload));
            }
        }
        arrivals.note(came);
        Ok(found)
    }

    async fn next_within(&mut self, wait: Duration) -> Result<Option<jetstream::Message>, SourceError> {
        let next = match self.messages.next().now_or_never() {
            Some(next) => next,
            None if wait.is_zero() => return Ok(None),
            None => match timeout(wait, self.messages.next()).await {
                Ok(next) => next,
                Err(_) => return Ok(None),
            },
        };
        Ok(Some(next.ok_or(JetStreamError::ConsumerEnded)??))
    }
}

/// A message of the stream; what is no event is a stranger's.
pub(super) fn parse(sequence: Position, payload: &[u8]) -> Message {
    let content = match serde_json::from_slice::<Envelope>(payload) {
        Ok(envelope) => Content::Event(Box::new(envelope)),
        Err(_) => Content::Stranger,
    };
    Message { sequence, bytes: payload.len(), content }
}
