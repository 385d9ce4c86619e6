//! NATS: the stream, the bucket of keys, and the last beat. What was not synced to disk may be lost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use millrace_events::{Envelope, EventId, History, KeyState, Position, UserId};
use millrace_read::projector::Beat;
use millrace_relay::ports::{Ack, Outgoing};
use uuid::Uuid;

use super::World;

/// One of so many strangers does not publish, but alters a message that lies there.
const ALTERED_EVERY: u64 = 3;

/// The server.
#[derive(Debug, Default)]
pub struct Nats {
    /// The stream, if there is one.
    pub stream: Option<Stream>,
    /// The bucket, if there is one.
    pub bucket: Option<Bucket>,
    /// The last beat that was heard.
    pub beat: Option<Beat>,
    /// How often the bucket lost something. Only checks read it.
    pub losses: u64,
    synced: u64,
    synced_bucket: Option<Bucket>,
}

/// A message that lies in the stream.
#[derive(Debug)]
pub struct Stored {
    /// Its bytes.
    pub payload: Vec<u8>,
    /// The envelope in it, if it is one.
    pub envelope: Option<Envelope>,
    /// When it came. Only checks read it.
    pub came: u64,
}

/// The stream.
#[derive(Debug)]
pub struct Stream {
    /// Made with it.
    pub identity: Uuid,
    /// The history that it was made for; none if no relay made it.
    pub history: Option<History>,
    /// Messages by sequence.
    pub messages: BTreeMap<u64, Arc<Stored>>,
    /// The last sequence that was ever given.
    pub last: u64,
    recent: BTreeMap<EventId, u64>,
}

/// The key-value bucket.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// Made with it.
    pub identity: Uuid,
    /// The last revision.
    pub last: u64,
    /// Keys, and where they lie.
    pub keys: BTreeMap<UserId, (KeyState, u64)>,
}

impl Stored {
    fn new(payload: &[u8], came: u64) -> Arc<Self> {
        let envelope = serde_json::from_slice(payload).ok();
        Arc::new(Self { payload: payload.to_vec(), envelope, came })
    }
}

impl Stream {
    /// A new stream.
    pub fn new(identity: Uuid, history: Option<History>) -> Self {
        Self { identity, history, messages: BTreeMap::new(), last: 0, recent: BTreeMap::new() }
    }

    /// The duplicate window has passed.
    pub fn forget(&mut self) {
        self.recent.clear();
    }

    /// Stores a message, or answers that it has it; none if the stream does not end where it should. A single server looks at
    /// the expected sequence first.
    pub fn publish(&mut self, message: &Outgoing, now: u64) -> Option<Ack> {
        if message.expected_last.is_some_and(|expected| expected.0 != self.last) {
            return None;
        }
        if let Some(sequence) = self.recent.get(&message.event_id) {
            return Some(Ack { sequence: Position(*sequence), duplicate: true });
        }
        self.store(&message.payload, now);
        self.recent.insert(message.event_id, self.last);
        Some(Ack { sequence: Position(self.last), duplicate: false })
    }

    fn store(&mut self, payload: &[u8], now: u64) {
        self.last += 1;
        self.messages.insert(self.last, Stored::new(payload, now));
    }

    /// Which message is altered by this chance; mostly none.
    fn altered(&self, chance: u64) -> Option<u64> {
        let (often, which) = (chance % ALTERED_EVERY, chance / ALTERED_EVERY);
        let index = usize::try_from(which).ok()?.checked_rem(self.messages.len())?;
        (often == 0).then(|| self.messages.keys().nth(index).copied()).flatten()
    }

    /// Restarted, the server knows of the messages that it has.
    fn restart_at(&mut self, last: u64) {
        self.last = last;
        self.messages.retain(|sequence, _| *sequence <= last);
        self.recent.retain(|_, sequence| *sequence <= last);
    }
}

impl Bucket {
    /// A new bucket.
    pub fn new(identity: Uuid) -> Self {
        Self { identity, last: 0, keys: BTreeMap::new() }
    }

    /// Writes over whatever is there.
    pub fn put(&mut self, person: UserId, state: KeyState) {
        self.last += 1;
        self.keys.insert(person, (state, self.last));
    }
}

impl Nats {
    /// Everything reaches the disk.
    pub fn sync(&mut self) {
        self.synced = self.last();
        self.synced_bucket.clone_from(&self.bucket);
    }

    /// Persons whose keys are marked as destroyed.
    pub fn marks(&self) -> BTreeSet<UserId> {
        let keys = self.bucket.iter().flat_map(|bucket| &bucket.keys);
        keys.filter(|(_, (state, _))| *state == KeyState::Destroyed).map(|(user, _)| *user).collect()
    }

    /// The stream's last sequence.
    pub fn last(&self) -> u64 {
        self.stream.as_ref().map_or(0, |stream| stream.last)
    }

    /// A new stream: nothing of it is on disk yet.
    pub fn set_stream(&mut self, stream: Option<Stream>) {
        self.synced = 0;
        self.stream = stream;
    }
}

impl World {
    /// An identity for a stream or a bucket.
    pub fn new_identity(&mut self) -> Uuid {
        Uuid::from_u128(u128::from(self.new_number()))
    }

    pub(crate) fn nats_loses_tail(&mut self) {
        let (synced, last) = (self.nats.synced, self.nats.last());
        let kept = self.random.between(synced.min(last), last);
        if let Some(stream) = &mut self.nats.stream {
            stream.restart_at(kept);
        }
        self.nats.bucket.clone_from(&self.nats.synced_bucket);
        self.nats.losses += 1;
        self.tell(|world| format!("NATS loses its tail, {last} to {kept}, {}", world.bucket_told()));
    }

    /// Stream and bucket as they were when the log ended there, or earlier.
    pub(crate) fn nats_is_put_back_to(&mut self, last: u64) {
        let kept = last.min(self.nats.last());
        if let Some(stream) = &mut self.nats.stream {
            stream.restart_at(kept);
        }
        self.tell(|_| format!("NATS is put back to {kept}"));
    }

    pub(crate) fn nats_is_wiped(&mut self) {
        self.nats.set_stream(None);
        self.nats.bucket = None;
        self.nats.synced_bucket = None;
        self.nats.losses += 1;
        self.tell(|_| "NATS is wiped".to_owned());
    }

    pub(crate) fn bucket_is_wiped(&mut self) {
        self.nats.bucket = None;
        self.nats.losses += 1;
        self.tell(|_| "the bucket is wiped".to_owned());
    }

    pub(crate) fn foreign_stream(&mut self) {
        let identity = self.new_identity();
        self.nats.set_stream(Some(Stream::new(identity, None)));
        self.tell(|_| "somebody makes the stream anew".to_owned());
    }

    pub(crate) fn nats_loses_message(&mut self) {
        let lost = self.random.between(1, self.nats.last());
        let Some(stream) = &mut self.nats.stream else { return };
        stream.messages.remove(&lost);
        self.tell(|_| format!("NATS loses message {lost}"));
    }

    pub(crate) fn nats_is_purged(&mut self) {
        let lost = self.random.between(1, self.nats.last());
        let Some(stream) = &mut self.nats.stream else { return };
        stream.messages.retain(|sequence, _| *sequence > lost);
        self.tell(|_| format!("NATS is purged to {lost}"));
    }

    /// Somebody publishes nonsense, or a copy of what they have read; or what has lain there for long is nonsense from now on, as where
    /// a disk is worn, or where a replica answers that lost what it had acknowledged.
    pub(crate) fn stranger_publishes(&mut self) {
        let (chance, now) = (self.random.number(), self.now);
        let Some(stream) = &mut self.nats.stream else { return };
        if let Some(sequence) = stream.altered(chance >> 32) {
            stream.messages.insert(sequence, Stored::new(b"altered", now));
            return self.tell(|_| format!("message {sequence} is altered"));
        }
        let copied = stream.messages.values().nth(usize::try_from(chance % 16).unwrap_or_default());
        let payload = copied.map_or_else(|| b"stranger".to_vec(), |message| message.payload.clone());
        stream.store(&payload, now);
        self.tell(|world| format!("a stranger publishes at {}", world.nats.last()));
    }

    fn bucket_told(&self) -> String {
        match &self.nats.bucket {
            Some(bucket) => format!("the bucket has {} keys", bucket.keys.len()),
            None => "there is no bucket".to_owned(),
        }
    }
}
