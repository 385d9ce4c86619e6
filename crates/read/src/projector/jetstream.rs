//! The stream in NATS: an ephemeral pull consumer that carries no state of its own, made anew at every doubt.

use super::source::{Beat, Content, Message, Source, SourceError, StreamState, Wanted};
use async_nats::Client;
use async_nats::jetstream::consumer::pull::{self, Stream as Messages};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy};
use async_nats::jetstream::kv::Store;
use async_nats::jetstream::stream::DirectGetErrorKind;
use async_nats::jetstream::{self, Context};
use futures_util::future::try_join_all;
use futures_util::{FutureExt, StreamExt};
use millrace_events::{Envelope, History, KeyState, Position, UserId};
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;
use tokio::time::timeout;
use uuid::Uuid;

/// How long the first of some messages is waited for.
const MESSAGE_WAIT: Duration = Duration::from_millis(500);
/// One pull of the consumer: how long it lasts, and how often the server must show that it lives.
const PULL_EXPIRES: Duration = Duration::from_secs(5);
const HEARTBEAT: Duration = Duration::from_secs(1);
const PULL_MESSAGES_MAX: usize = 2_000;
/// A consumer that nobody pulls from is forgotten by the server.
const INACTIVE_MAX: Duration = Duration::from_secs(30);
/// How long a live key is believed without asking: after an erasure a fold may meet the old key for so long, and cleans up at the
/// event that tells of it.
const KEY_KEPT: Duration = Duration::from_secs(2);
const KEYS_KEPT_MAX: usize = 50_000;
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
    bucket: String,
    store: OnceCell<Store>,
    /// Taken out while it is used: a use that is dropped leaves none behind.
    feeding: Mutex<Option<Feeding>>,
    last: AtomicU64,
    keys: Mutex<HashMap<UserId, (KeyState, Instant)>>,
    beat: Arc<Mutex<Option<Beat>>>,
}

/// A consumer, and the position that it gives next.
struct Feeding {
    next: Position,
    messages: Messages,
}

impl JetStream {
    /// Over this connection; `prefix` is the first part of all names. `beat` is where [`listen_to_beats`] puts what it hears.
    pub fn new(client: &Client, prefix: &str, beat: Arc<Mutex<Option<Beat>>>) -> Self {
        Self {
            context: jetstream::new(client.clone()),
            stream: format!("{prefix}-log"),
            bucket: format!("{prefix}-keys"),
            store: OnceCell::new(),
            feeding: Mutex::default(),
            last: AtomicU64::new(0),
            keys: Mutex::default(),
            beat,
        }
    }

    async fn consumer(&self, after: Position) -> Result<Feeding, SourceError> {
        let stream = self.context.get_stream_no_info(&self.stream).await?;
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: after.next().0 },
            ack_policy: AckPolicy::None,
            inactive_threshold: INACTIVE_MAX,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let consumer = stream.create_consumer(config).await?;
        let messages =
            consumer.stream().max_messages_per_batch(PULL_MESSAGES_MAX).expires(PULL_EXPIRES).heartbeat(HEARTBEAT);
        Ok(Feeding { next: after.next(), messages: messages.messages().await? })
    }

    fn take(&self, next: Position) -> Option<Feeding> {
        self.feeding.lock().unwrap_or_else(PoisonError::into_inner).take().filter(|feeding| feeding.next == next)
    }

    fn put_back(&self, feeding: Feeding) {
        *self.feeding.lock().unwrap_or_else(PoisonError::into_inner) = Some(feeding);
    }

    /// The first message if it is waited for, then what has come already.
    async fn gather(&self, feeding: &mut Feeding, wanted: Wanted) -> Result<Vec<Message>, SourceError> {
        let (mut found, mut bytes): (Vec<Message>, usize) = (Vec::new(), 0);
        while found.len() < wanted.messages && bytes < wanted.bytes {
            let next = match feeding.messages.next().now_or_never() {
                Some(next) => next,
                None if found.is_empty() && wanted.wait => match timeout(MESSAGE_WAIT, feeding.messages.next()).await {
                    Ok(next) => next,
                    Err(_) => break,
                },
                None => break,
            };
            let message = read(&next.ok_or(JetStreamError::ConsumerEnded)??)?;
            bytes += message.bytes;
            feeding.next = message.sequence.next();
            found.push(message);
        }
        Ok(found)
    }

    /// Asked for anew at each absence: a key that is not there yet means wait.
    async fn key(&self, person: UserId) -> Result<Option<(UserId, KeyState)>, SourceError> {
        if let Some(state) = self.kept_key(person) {
            return Ok(Some((person, state)));
        }
        let store = self.store.get_or_try_init(|| self.context.get_key_value(&self.bucket)).await?;
        let Some(bytes) = store.get(person.0.simple().to_string()).await? else { return Ok(None) };
        let state = serde_json::from_slice(&bytes).map_err(|error| JetStreamError::MalformedKey(person, error))?;
        self.keep_key(person, &state);
        Ok(Some((person, state)))
    }

    fn kept_key(&self, person: UserId) -> Option<KeyState> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.get(&person).filter(|(_, asked)| asked.elapsed() < KEY_KEPT).map(|(state, _)| state.clone())
    }

    fn keep_key(&self, person: UserId, state: &KeyState) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= KEYS_KEPT_MAX {
            keys.clear();
        }
        keys.insert(person, (state.clone(), Instant::now()));
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
        let mut feeding = match self.take(position.next()) {
            Some(feeding) => feeding,
            None => self.consumer(position).await?,
        };
        let found = self.gather(&mut feeding, wanted).await?;
        // Silence although the stream is longer: the consumer is not believed any more.
        let is_mute = found.is_empty() && wanted.wait && self.last.load(Ordering::Relaxed) > position.0;
        if !is_mute {
            self.put_back(feeding);
        }
        Ok(found)
    }

    async fn keys(&self, persons: &BTreeSet<UserId>) -> Result<HashMap<UserId, KeyState>, SourceError> {
        let keys = try_join_all(persons.iter().map(|person| self.key(*person))).await?;
        Ok(keys.into_iter().flatten().collect())
    }

    fn beat(&self) -> Option<Beat> {
        self.beat.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn read(message: &jetstream::Message) -> Result<Message, SourceError> {
    let sequence = message.info()?.stream_sequence;
    Ok(parse(Position(sequence), &message.payload))
}

fn parse(sequence: Position, payload: &[u8]) -> Message {
    let content = match serde_json::from_slice::<Envelope>(payload) {
        Ok(envelope) => Content::Event(Box::new(envelope)),
        Err(_) => Content::Stranger,
    };
    Message { sequence, bytes: payload.len(), content }
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
