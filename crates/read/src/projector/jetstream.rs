//! The stream in NATS, read through an ephemeral consumer that is made anew at every doubt, and the keys of persons.

mod feeding;
mod keys;

use super::source::{Beat, Message, Source, SourceError, StreamState, Wanted};
use crate::trail::Arrivals;
use async_nats::Client;
use async_nats::jetstream::stream::DirectGetErrorKind;
use async_nats::jetstream::{self, Context};
use feeding::{Feeding, parse};
use futures_util::StreamExt;
use futures_util::future::try_join_all;
use keys::Keys;
use millrace_events::{History, KeyState, Position, UserId};
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;

#[cfg(test)]
pub(crate) use feeding::PULL_BYTES_MAX;

const IDENTITY: &str = "millrace-identity";
const HISTORY: &str = "millrace-history";

/// What NATS answered instead of what was asked.
#[derive(Debug, thiserror::Error)]
pub enum JetStreamError {
    /// There is a stream of that name, but no relay made it.
    #[error("the stream has no identity: no relay has made it")]
    NoIdentity,
    /// The consumer ended, as it does when the stream is deleted.
    #[error("the consumer ended")]
    ConsumerEnded,
    /// What lies in the bucket is no key.
    #[error("the key of person {0} cannot be read")]
    MalformedKey(UserId, #[source] serde_json::Error),
}

/// The stream and the keys, in NATS.
pub struct JetStream {
    context: Context,
    stream: String,
    /// Taken out while it is used: a use that is dropped leaves none behind.
    feeding: Mutex<Option<Feeding>>,
    last: AtomicU64,
    keys: Keys,
    beat: Arc<Mutex<Option<Beat>>>,
    arrivals: Arc<Arrivals>,
}

impl JetStream {
    /// Over this connection; `prefix` is the first part of all names. `beat` is where [`listen_to_beats`] puts what it hears.
    pub fn new(client: &Client, prefix: &str, beat: Arc<Mutex<Option<Beat>>>) -> Self {
        Self {
            context: jetstream::new(client.clone()),
            stream: format!("{prefix}-log"),
            feeding: Mutex::default(),
            last: AtomicU64::new(0),
            keys: Keys::new(format!("{prefix}-keys")),
            beat,
            arrivals: Arc::default(),
        }
    }

    /// Notes here when events came.
    pub fn noting(self, arrivals: Arc<Arrivals>) -> Self {
        Self { arrivals, ..self }
    }

    fn take(&self, after: Position) -> Option<Feeding> {
        self.feeding.lock().unwrap_or_else(PoisonError::into_inner).take().filter(|feeding| feeding.comes_to(after))
    }

    fn put_back(&self, feeding: Feeding) {
        *self.feeding.lock().unwrap_or_else(PoisonError::into_inner) = Some(feeding);
    }
}

impl Source for JetStream {
    async fn state(&self) -> Result<StreamState, SourceError> {
        let stream = self.context.get_stream(&self.stream).await?;
        let info = stream.cached_info();
        let metadata = &info.config.metadata;
        let identity = metadata.get(IDENTITY).ok_or(JetStreamError::NoIdentity)?.clone();
        let history = metadata.get(HISTORY).and_then(|text| Uuid::try_parse(text).ok()).map(History);
        self.last.store(info.state.last_sequence, Ordering::Relaxed);
        Ok(StreamState { identity, history, last: Position(info.state.last_sequence) })
    }

    async fn message(&self, position: Position) -> Result<Option<Message>, SourceError> {
        let stream = self.context.get_stream_no_info(&self.stream).await?;
        match stream.direct_get(position.0).await {
            Ok(message) => Ok(Some(parse(position, &message.payload))),
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn after(&self, position: Position, wanted: Wanted) -> Result<Vec<Message>, SourceError> {
        let mut feeding = match self.take(position) {
            Some(feeding) => feeding,
            None => Feeding::begin(&self.context, &self.stream, position).await?,
        };
        let found = feeding.gather(position, wanted, &self.arrivals).await?;
        // Silence although the stream is longer: the consumer is not believed any more.
        let is_mute = found.is_empty() && wanted.wait && self.last.load(Ordering::Relaxed) > position.0;
        if !is_mute {
            self.put_back(feeding);
        }
        Ok(found)
    }

    async fn keys(&self, persons: &BTreeSet<UserId>) -> Result<HashMap<UserId, KeyState>, SourceError> {
        let keys = try_join_all(persons.iter().map(|person| self.keys.key(&self.context, *person))).await?;
        Ok(keys.into_iter().flatten().collect())
    }

    fn beat(&self) -> Option<Beat> {
        self.beat.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Hears the relays' beats until the connection is closed for good.
pub async fn listen_to_beats(client: Client, prefix: String, heard: Arc<Mutex<Option<Beat>>>) {
    let Ok(mut beats) = client.subscribe(format!("{prefix}.beat")).await else { return };
    while let Some(message) = beats.next().await {
        if let Ok(beat) = serde_json::from_slice(&message.payload) {
            *heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(beat);
        }
    }
}
