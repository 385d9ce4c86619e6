//! What the relay's core needs from the two sides: the log in PostgreSQL, and the stream with its bucket of keys in NATS.
//!
//! Every call may fail before or after it took effect. No answer is believed for longer than the round that asked for it.

use std::collections::HashMap;
use std::future::Future;

use millrace_events::{Envelope, EventId, History, KeyState, Position, UserId};
use millrace_log::{KeyRow, LogHead};
use uuid::Uuid;

/// The cause of a failed call, whatever driver it came from.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The log and the keys, in PostgreSQL.
pub trait LogSide: Send + Sync {
    /// Gives positions to all events that were committed before the call, and answers the head afterwards.
    fn sequence(&self) -> impl Future<Output = Result<LogHead, BoxError>> + Send;

    /// Where the log ends.
    fn head(&self) -> impl Future<Output = Result<LogHead, BoxError>> + Send;

    /// The events after a position, without a gap: at most `limit`, fewer if they are large; none only if there is none.
    fn read(&self, after: Position, limit: u32) -> impl Future<Output = Result<Vec<Envelope>, BoxError>> + Send;

    /// The keys of these persons; who has none is missing.
    fn keys_of(&self, persons: &[UserId]) -> impl Future<Output = Result<HashMap<UserId, KeyState>, BoxError>> + Send;

    /// Keys in the order of their serials, those after a serial: at most `limit`.
    fn keys_after(&self, serial: i64, limit: u32) -> impl Future<Output = Result<Vec<KeyRow>, BoxError>> + Send;
}

/// The stream and the bucket, in NATS.
pub trait StreamSide: Send + Sync {
    /// The stream as it stands; none if there is no stream.
    fn state(&self) -> impl Future<Output = Result<Option<StreamState>, BoxError>> + Send;

    /// The messages after a position that are there, in order: at most `limit`, fewer if they are large; none only if there
    /// is none. Sequences that hold no message are skipped.
    fn read(&self, after: Position, limit: u32) -> impl Future<Output = Result<Vec<StreamMessage>, BoxError>> + Send;

    /// Publishes without waiting in between, then answers the acks in order, up to the first refusal because the stream ends
    /// elsewhere or is gone. After an error any part of the window may be there, now or later.
    fn publish(&self, window: &[Outgoing]) -> impl Future<Output = Result<Vec<Ack>, BoxError>> + Send;

    /// Makes the stream, with a new identity. If there is one already, it stays.
    fn create(&self, history: History) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Deletes the stream with all messages. That there is none is no error.
    fn delete(&self) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// The bucket of keys as it stands; made if there is none.
    fn bucket(&self) -> impl Future<Output = Result<BucketState, BoxError>> + Send;

    /// What the bucket holds for a person.
    fn key(&self, person: UserId) -> impl Future<Output = Result<InBucket, BoxError>> + Send;

    /// Writes a key where the bucket holds nothing; false if it does hold something.
    fn create_key(&self, person: UserId, state: &KeyState) -> impl Future<Output = Result<bool, BoxError>> + Send;

    /// Writes a key over exactly this revision; false if there is another by now.
    fn replace_key(
        &self,
        person: UserId,
        state: &KeyState,
        revision: u64,
    ) -> impl Future<Output = Result<bool, BoxError>> + Send;

    /// Writes a key over whatever is there.
    fn put_key(&self, person: UserId, state: &KeyState) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// A stream's identity: made with it, and never used for another, unlike its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamIdentity(pub Uuid);

/// What a relay wrote on the stream when it made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Which stream it is.
    pub identity: StreamIdentity,
    /// The life of the log that it copies.
    pub history: History,
}

/// A stream as it stood at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamState {
    /// None if no relay made this stream.
    pub origin: Option<Origin>,
    /// The sequence of the last message that was ever stored; the next message gets the one after it.
    pub last: Position,
    /// How many messages there are.
    pub messages: u64,
}

/// A message that lies in the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamMessage {
    /// Its sequence.
    pub sequence: Position,
    /// What it holds: an envelope, unless a stranger wrote it.
    pub payload: Vec<u8>,
}

/// A message to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The sequence that it must get.
    pub position: Position,
    /// The sequence that the stream must end with, or it is refused. Only a mutant of the model leaves it out.
    pub expected_last: Option<Position>,
    /// The event's identity, by which NATS tells repetitions within its window.
    pub event_id: EventId,
    /// The subject without the stream's prefix, such as `post.created`.
    pub name: String,
    /// Headers beside the two that the fields above make.
    pub headers: Vec<(&'static str, String)>,
    /// The envelope as JSON.
    pub payload: Vec<u8>,
}

/// What NATS answered to a published message. A hint: the stream's last sequence is what counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack {
    /// Where it says the message lies.
    pub sequence: Position,
    /// True if it says that it had the message before.
    pub duplicate: bool,
}

/// The bucket as it stood at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketState {
    /// None if no relay made this bucket.
    pub identity: Option<StreamIdentity>,
    /// The revision of the last value that was ever written.
    pub last: u64,
}

/// What the bucket holds for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InBucket {
    /// Nothing, and nothing was ever there.
    Absent,
    /// A key or a mark.
    Key {
        /// The key or mark.
        state: KeyState,
        /// Where it lies.
        revision: u64,
    },
    /// Something that no relay wrote, or the trace of a deletion.
    Unreadable {
        /// Where it lies.
        revision: u64,
    },
}
