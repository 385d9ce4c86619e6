//! Publishing one message, and having it at a consumer.

use crate::error::BenchError;
use crate::plan::PATIENCE;
use crate::stage::Stage;
use async_nats::HeaderMap;
use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::stream::{Config, StorageType};
use async_nats::jetstream::{self, Context};
use futures_util::StreamExt;
use millrace_events::Envelope;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// A stream like the log's, with a consumer like the projector's.
pub struct Delivery {
    context: Context,
    subject: String,
    messages: pull::Stream,
    last: u64,
}

impl Delivery {
    /// An empty stream of this name.
    pub async fn new(stage: &Stage, name: &str) -> Result<Self, BenchError> {
        let context = jetstream::new(stage.nats().await?);
        let subject = format!("{name}.event");
        let config = Config {
            name: name.to_owned(),
            subjects: vec![subject.clone()],
            storage: StorageType::File,
            allow_direct: true,
            ..Config::default()
        };
        let stream = context.create_stream(config).await.map_err(BenchError::nats("creating a stream"))?;
        let config = pull::Config { ack_policy: AckPolicy::None, ..pull::Config::default() };
        let consumer = stream.create_consumer(config).await.map_err(BenchError::nats("creating a consumer"))?;
        let messages = consumer.messages().await.map_err(BenchError::nats("asking for messages"))?;
        Ok(Self { context, subject, messages, last: 0 })
    }

    /// From the first byte sent until the consumer has it.
    pub async fn once(&mut self, envelope: &Envelope) -> Result<Duration, BenchError> {
        let payload = serde_json::to_vec(envelope)?;
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Expected-Last-Sequence", self.last.to_string());
        headers.insert("Nats-Msg-Id", envelope.event_id.to_string());
        let started = Instant::now();
        let publish = self.context.publish_with_headers(self.subject.clone(), headers, payload.into());
        let ack = publish.await.map_err(BenchError::nats("publishing"))?;
        let message = timeout(PATIENCE, self.messages.next()).await;
        let message = message.map_err(|_| BenchError::TooSlow("a message".into()))?;
        message.ok_or(BenchError::Missing("a message"))?.map_err(BenchError::nats("receiving"))?;
        let took = started.elapsed();
        self.last = ack.await.map_err(BenchError::nats("publishing"))?.sequence;
        Ok(took)
    }
}
