//! The stream's side over NATS JetStream.

mod bucket;
mod connect;
mod direct_get;
mod error;
mod publish;
mod stream;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_nats::Client;
use async_nats::jetstream::{Context, kv};
use millrace_events::{History, KeyState, Position, UserId};
use tokio::sync::OnceCell;

use crate::ports::{Ack, BoxError, BucketState, InBucket, Outgoing, StreamMessage, StreamSide, StreamState};
use crate::settings::NatsSettings;

pub use error::NatsError;

/// A connection to NATS, which comes back by itself when it is lost.
#[derive(Debug)]
pub struct Nats {
    settings: NatsSettings,
    client: Client,
    context: Context,
    bucket: OnceCell<kv::Store>,
    has_reconnected: Arc<AtomicBool>,
}

impl Nats {
    /// True while the connection stands.
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == async_nats::connection::State::Connected
    }

    /// True if the connection was made anew since this was last asked: behind it may be a server with other data.
    pub(crate) fn has_reconnected(&self) -> bool {
        self.has_reconnected.swap(false, Ordering::Relaxed)
    }

    /// Publishes to all who listen at this moment, without storing anything.
    pub(crate) async fn tell(&self, subject: String, payload: Vec<u8>) -> Result<(), NatsError> {
        self.client.publish(subject, payload.into()).await.map_err(NatsError::Tell)
    }
}

impl StreamSide for Nats {
    async fn state(&self) -> Result<Option<StreamState>, BoxError> {
        Ok(stream::state(&self.context, &self.settings).await?)
    }

    async fn read(&self, after: Position, limit: u32) -> Result<Vec<StreamMessage>, BoxError> {
        Ok(direct_get::read(&self.context, &self.settings.stream(), after, limit).await?)
    }

    async fn publish(&self, window: &[Outgoing]) -> Result<Vec<Ack>, BoxError> {
        Ok(publish::publish(&self.context, &self.settings, window).await?)
    }

    async fn create(&self, history: History) -> Result<(), BoxError> {
        Ok(stream::create(&self.context, &self.settings, history).await?)
    }

    async fn delete(&self) -> Result<(), BoxError> {
        Ok(stream::delete(&self.context, &self.settings).await?)
    }

    async fn bucket(&self) -> Result<BucketState, BoxError> {
        Ok(bucket::state(&self.context, &self.settings).await?)
    }

    async fn key(&self, person: UserId) -> Result<InBucket, BoxError> {
        Ok(bucket::read(self.store().await?, person).await?)
    }

    async fn create_key(&self, person: UserId, state: &KeyState) -> Result<bool, BoxError> {
        Ok(bucket::write_over(self.store().await?, person, state, bucket::NOTHING).await?)
    }

    async fn replace_key(&self, person: UserId, state: &KeyState, revision: u64) -> Result<bool, BoxError> {
        Ok(bucket::write_over(self.store().await?, person, state, revision).await?)
    }

    async fn put_key(&self, person: UserId, state: &KeyState) -> Result<(), BoxError> {
        Ok(bucket::put(self.store().await?, person, state).await?)
    }
}
