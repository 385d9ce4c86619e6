//! What NATS may answer, or fail to.

use std::time::Duration;

use async_nats::jetstream::context::{
    CreateStreamError, DeleteStreamError, GetStreamError, KeyValueError, PublishError, UpdateStreamError,
};
use async_nats::jetstream::kv::{EntryError, PutError, UpdateError};
use async_nats::jetstream::stream::RawMessageError;

/// Why NATS did not do as asked. After a lost answer it may have.
#[derive(Debug, thiserror::Error)]
pub enum NatsError {
    /// The URL is none.
    #[error("the URL of NATS is malformed")]
    Url(#[source] std::io::Error),
    /// The credentials file cannot be read.
    #[error("the credentials file of NATS cannot be read")]
    Credentials(#[source] std::io::Error),
    /// No connection.
    #[error("NATS cannot be reached")]
    Connect(#[source] async_nats::ConnectError),
    /// A message to whoever listens could not be sent.
    #[error("a message could not be sent")]
    Tell(#[source] async_nats::PublishError),
    /// A window was published in part, or nobody knows.
    #[error("a window was not published, or not as a whole")]
    Publish(#[source] PublishError),
    /// The stream's state.
    #[error("the state of the stream could not be read")]
    State(#[source] GetStreamError),
    /// The stream could not be made.
    #[error("the stream could not be made")]
    Create(#[source] CreateStreamError),
    /// The stream's settings could not be put right.
    #[error("the settings of the stream could not be put right")]
    Update(#[source] UpdateStreamError),
    /// The stream could not be deleted.
    #[error("the stream could not be deleted")]
    Delete(#[source] DeleteStreamError),
    /// A request cannot be written as JSON.
    #[error("a request for messages cannot be written as JSON")]
    EncodeRequest(#[source] serde_json::Error),
    /// Reading messages could not begin.
    #[error("messages could not be asked for")]
    Subscribe(#[source] async_nats::SubscribeError),
    /// Reading messages stopped half-way.
    #[error("no message came within {0:?}")]
    Silent(Duration),
    /// Reading messages was refused.
    #[error("messages could not be read: {status} {description}")]
    Refused {
        /// The status that NATS gave.
        status: u16,
        /// Its description.
        description: String,
    },
    /// A message came without its sequence.
    #[error("a message came without its sequence")]
    NoSequence,
    /// The leader was asked for a single message.
    #[error("a message could not be read from the stream's leader")]
    Leader(#[source] RawMessageError),
    /// The bucket of keys.
    #[error("the bucket of keys could not be opened")]
    Bucket(#[source] KeyValueError),
    /// A person's key could not be read.
    #[error("a key could not be read from the bucket")]
    ReadKey(#[source] EntryError),
    /// A person's key could not be written over a known revision.
    #[error("a key could not be written into the bucket")]
    UpdateKey(#[source] UpdateError),
    /// A person's key could not be written.
    #[error("a key could not be put into the bucket")]
    PutKey(#[source] PutError),
    /// A key cannot be written as JSON.
    #[error("a key cannot be written as JSON")]
    EncodeKey(#[source] serde_json::Error),
}
