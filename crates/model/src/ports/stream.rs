//! The relay's port to NATS.

use std::sync::atomic::{AtomicU64, Ordering};

use millrace_events::{History, KeyState, Position, UserId};
use millrace_relay::ports::{
    Ack, BoxError, BucketState, InBucket, Origin, Outgoing, StreamIdentity, StreamMessage, StreamSide, StreamState,
};

use crate::checks::stream;
use crate::sim::{Lost, Sim};
use crate::world::nats::{Bucket, Stream};
use crate::world::{Server, World};

/// Messages that one read answers at the most: few, so that pages have ends.
const MESSAGES_READ_MAX: u64 = 3;
/// How often the duplicate window has passed when a message arrives: nothing leans on it.
const WINDOW_PASSES: f64 = 0.2;

/// A connection to NATS.
pub struct StreamPort {
    sim: Sim,
    /// When the stream's state was last asked for. Only checks read it.
    looked: AtomicU64,
}

/// The bucket or the stream is not there.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("it is not there")]
pub struct Missing;

impl StreamPort {
    /// Nothing was asked for yet.
    pub fn new(sim: Sim) -> Self {
        Self { sim, looked: AtomicU64::new(0) }
    }

    async fn with_bucket<R>(&self, act: impl FnOnce(&mut Bucket) -> R + Send + 'static) -> Result<R, BoxError> {
        let act = move |world: &mut World| {
            let before = world.nats.marks();
            let answer = world.nats.bucket.as_mut().map(act);
            stream::check_marks(world, &before);
            answer
        };
        Ok(self.sim.call(Server::Nats, act).await?.ok_or(Missing)?)
    }

    async fn publish_one(&self, message: &Outgoing) -> Result<Option<Ack>, Lost> {
        let (message, looked) = (message.clone(), self.looked.load(Ordering::Relaxed));
        let publish = move |world: &mut World| {
            let (is_much_later, now) = (world.random.chance(WINDOW_PASSES), world.now);
            stream::check_next(world, &message, looked);
            let stream = world.nats.stream.as_mut()?;
            if is_much_later {
                stream.forget();
            }
            let ack = stream.publish(&message, now);
            if let Some(ack) = ack {
                world.tell(|_| format!("stream {} gets log {}, {ack:?}", ack.sequence, message.position));
            }
            ack
        };
        self.sim.call(Server::Nats, publish).await
    }
}

impl StreamSide for StreamPort {
    async fn state(&self) -> Result<Option<StreamState>, BoxError> {
        self.looked.store(self.sim.with(|world| world.now), Ordering::Relaxed);
        Ok(self.sim.ask(|world| world.nats.stream.as_ref().map(state_of)).await?)
    }

    async fn read(&self, after: Position, limit: u32) -> Result<Vec<StreamMessage>, BoxError> {
        let read = |world: &mut World| {
            let most = world.random.between(1, MESSAGES_READ_MAX).min(u64::from(limit));
            let stream = world.nats.stream.as_ref().ok_or(Missing)?;
            let found = stream.messages.range(after.0 + 1..).take(usize::try_from(most).unwrap_or_default());
            Ok::<_, Missing>(found.map(|(sequence, stored)| message(*sequence, &stored.payload)).collect())
        };
        Ok(self.sim.ask(read).await??)
    }

    /// Nobody waits in between, so that one may get lost while those behind it arrive.
    async fn publish(&self, window: &[Outgoing]) -> Result<Vec<Ack>, BoxError> {
        let mut acks = Vec::with_capacity(window.len());
        for message in window {
            acks.push(self.publish_one(message).await.ok().flatten());
        }
        Ok(acks.into_iter().map_while(|ack| ack).collect())
    }

    async fn create(&self, history: History) -> Result<(), BoxError> {
        let create = move |world: &mut World| {
            if world.nats.stream.is_none() {
                let identity = world.new_identity();
                world.nats.set_stream(Some(Stream::new(identity, Some(history))));
                world.counts.streams += 1;
                world.tell(|world| format!("{} makes the stream for history {history}", world.own_name()));
            }
        };
        Ok(self.sim.call(Server::Nats, create).await?)
    }

    async fn delete(&self) -> Result<(), BoxError> {
        let delete = |world: &mut World| {
            world.nats.set_stream(None);
            world.tell(|world| format!("{} deletes the stream", world.own_name()));
        };
        Ok(self.sim.call(Server::Nats, delete).await?)
    }

    async fn bucket(&self) -> Result<BucketState, BoxError> {
        let look = |world: &mut World| {
            let identity = world.new_identity();
            let bucket = world.nats.bucket.get_or_insert_with(|| Bucket::new(identity));
            BucketState { identity: Some(StreamIdentity(bucket.identity)), last: bucket.last }
        };
        Ok(self.sim.call(Server::Nats, look).await?)
    }

    async fn key(&self, person: UserId) -> Result<InBucket, BoxError> {
        let found = |world: &mut World| {
            let bucket = world.nats.bucket.as_ref().ok_or(Missing)?;
            Ok::<_, Missing>(match bucket.keys.get(&person) {
                Some((state, revision)) => InBucket::Key { state: state.clone(), revision: *revision },
                None => InBucket::Absent,
            })
        };
        Ok(self.sim.ask(found).await??)
    }

    async fn create_key(&self, person: UserId, state: &KeyState) -> Result<bool, BoxError> {
        let state = state.clone();
        let create = move |bucket: &mut Bucket| {
            let is_absent = !bucket.keys.contains_key(&person);
            if is_absent {
                bucket.put(person, state);
            }
            is_absent
        };
        self.with_bucket(create).await
    }

    async fn replace_key(&self, person: UserId, state: &KeyState, revision: u64) -> Result<bool, BoxError> {
        let state = state.clone();
        let replace = move |bucket: &mut Bucket| {
            let is_same = bucket.keys.get(&person).is_some_and(|(_, found)| *found == revision);
            if is_same {
                bucket.put(person, state);
            }
            is_same
        };
        self.with_bucket(replace).await
    }

    async fn put_key(&self, person: UserId, state: &KeyState) -> Result<(), BoxError> {
        let state = state.clone();
        self.with_bucket(move |bucket| bucket.put(person, state)).await
    }
}

fn state_of(stream: &Stream) -> StreamState {
    let origin = |history| Origin { identity: StreamIdentity(stream.identity), history };
    StreamState {
        origin: stream.history.map(origin),
        last: Position(stream.last),
        messages: stream.messages.len() as u64,
    }
}

fn message(sequence: u64, payload: &[u8]) -> StreamMessage {
    StreamMessage { sequence: Position(sequence), payload: payload.to_vec() }
}
