//! Rings out of Redis, over a connection of their own. They only wake: whatever is lost here is found on the next tick.

use crate::cache::Ring;
use crate::trail::Passages;
use futures_util::StreamExt;
use redis::aio::{PubSubSink, PubSubStream};
use redis::{Client, Msg, RedisResult};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Rings that wait to be heard. More are dropped: the gap shows.
const RINGS_MAX: usize = 1_024;
const CONNECT_WAIT: Duration = Duration::from_millis(500);
/// A connection that is dead without saying so is found by asking it.
const PING_EVERY: Duration = Duration::from_secs(5);
const PING_WAIT: Duration = Duration::from_millis(500);
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// What is heard.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// Rings are heard from now on; what rang before may have been missed.
    Connected,
    /// Changes were committed.
    Ring(Ring),
    /// Nothing is heard for a while.
    Disconnected,
}

/// Listens to the rings of one projection.
#[derive(Debug)]
pub struct RedisRings(mpsc::Receiver<Heard>);

impl RedisRings {
    /// Listens in a task of its own until `stop`, or until this is dropped. Connects again and again by itself. What is told of the
    /// events behind the rings is kept in `passages`.
    pub fn listen(url: &str, channel: String, passages: Arc<Passages>, stop: CancellationToken) -> RedisResult<Self> {
        let client = Client::open(url)?;
        let (sender, receiver) = mpsc::channel(RINGS_MAX);
        let ear = Ear { sender, passages };
        tokio::spawn(async move { stop.run_until_cancelled(keep_listening(&client, &channel, &ear)).await });
        Ok(Self(receiver))
    }

    /// What is heard next; nothing once it was stopped.
    pub async fn next(&mut self) -> Option<Heard> {
        self.0.recv().await
    }
}

/// Where what is heard goes.
struct Ear {
    sender: mpsc::Sender<Heard>,
    passages: Arc<Passages>,
}

async fn keep_listening(client: &Client, channel: &str, ear: &Ear) {
    let mut pause = PAUSE_MIN;
    while !ear.sender.is_closed() {
        match timeout(CONNECT_WAIT, connect(client, channel)).await {
            Ok(Ok((sink, stream))) => {
                pause = PAUSE_MIN;
                if ear.sender.send(Heard::Connected).await.is_err() {
                    return;
                }
                listen(sink, stream, ear).await;
                tracing::warn!(channel, "the rings' connection broke");
                let _stopped = ear.sender.send(Heard::Disconnected).await;
            }
            Ok(Err(error)) => tracing::debug!(channel, %error, "no connection for rings"),
            Err(_) => tracing::debug!(channel, "connecting for rings took too long"),
        }
        sleep(pause).await;
        pause = PAUSE_MAX.min(pause * 3 / 2);
    }
}

async fn connect(client: &Client, channel: &str) -> RedisResult<(PubSubSink, PubSubStream)> {
    let mut connection = client.get_async_pubsub().await?;
    connection.subscribe(channel).await?;
    Ok(connection.split())
}

/// Until the connection breaks.
async fn listen(mut sink: PubSubSink, mut stream: PubSubStream, ear: &Ear) {
    let mut ping = interval(PING_EVERY);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            message = stream.next() => {
                let Some(message) = message else { return };
                if !ear.pass_on(&message) {
                    return;
                }
            }
            _ = ping.tick() => {
                let answer = timeout(PING_WAIT, sink.ping::<redis::Value>()).await;
                if !matches!(answer, Ok(Ok(_))) {
                    return;
                }
            }
        }
    }
}

impl Ear {
    /// False if nobody listens any more.
    fn pass_on(&self, message: &Msg) -> bool {
        let ring = match serde_json::from_slice::<Ring>(message.get_payload_bytes()) {
            Ok(ring) => ring,
            Err(error) => {
                tracing::warn!(%error, "a ring that cannot be read");
                return true;
            }
        };
        if let Some(passed) = &ring.passed {
            self.passages.hear(&ring.changes, passed);
        }
        !matches!(self.sender.try_send(Heard::Ring(ring)), Err(mpsc::error::TrySendError::Closed(_)))
    }
}
