//! The port to the stream (JetStream, or memory in the model): a copy of the log, read by sequence, and the keys of persons.

use millrace_events::{Envelope, History, KeyState, Position, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::error::Error;
use std::future::Future;

/// Why a source did not answer. What was read of it so far may be read again.
pub type SourceError = Box<dyn Error + Send + Sync>;

/// The stream at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamState {
    /// Its identity: another one after it was deleted and made anew.
    pub identity: String,
    /// The history that it was made for, if it says so.
    pub history: Option<History>,
    /// Its last sequence.
    pub last: Position,
}

/// One message of the stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Its sequence. That of an event is the event's position, or the stream is damaged.
    pub sequence: Position,
    /// How long its payload is.
    pub bytes: usize,
    /// What it holds.
    pub content: Content,
}

/// What a message holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// An event of the log, boxed because messages are moved about a lot.
    Event(Box<Envelope>),
    /// Anything else.
    Stranger,
}

/// How much to fetch at once, and whether to wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// At most so many messages.
    pub messages: usize,
    /// At most so many bytes, but at least one message.
    pub bytes: usize,
    /// Wait for the first message, for as long as the source finds reasonable, or take only what is there.
    pub wait: bool,
}

/// What a relay tells every second: how far the log is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beat {
    /// The log's life.
    pub history: History,
    /// The log's last position.
    pub head: Position,
    /// The stream's last sequence.
    pub last: Position,
    /// When it was said.
    pub at: Timestamp,
}

/// The stream and the keys.
pub trait Source: Send + Sync {
    /// The stream as it is now.
    fn state(&self) -> impl Future<Output = Result<StreamState, SourceError>> + Send;

    /// The message at a position, if there is one.
    fn message(&self, position: Position) -> impl Future<Output = Result<Option<Message>, SourceError>> + Send;

    /// Messages after a position. They may come twice, out of order, or with holes: the caller takes what follows, and asks again from there.
    fn after(
        &self,
        position: Position,
        wanted: Wanted,
    ) -> impl Future<Output = Result<Vec<Message>, SourceError>> + Send;

    /// The keys of these persons; one that is not there (yet) is not in the answer.
    fn keys(
        &self,
        persons: &BTreeSet<UserId>,
    ) -> impl Future<Output = Result<HashMap<UserId, KeyState>, SourceError>> + Send;

    /// The last beat that was heard, if any.
    fn beat(&self) -> Option<Beat>;
}
