//! What waits for a client to take it: so many messages and so many bytes, whichever is reached first. Beyond it senders wait. What is of
//! an operation that its client has ended meanwhile is not sent: the id may be another's by then.

use super::protocol::Turn;
use axum::body::Bytes;
use axum::extract::ws::Message;
use std::sync::Arc;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A message that takes room until it is dropped.
#[derive(Debug)]
pub struct Queued {
    /// The message.
    pub message: Message,
    /// Whose it is; none if it is the socket's own.
    turn: Option<Turn>,
    _room: OwnedSemaphorePermit,
}

/// The end where messages go in.
#[derive(Debug, Clone)]
pub struct Outgoing {
    queue: Sender<Queued>,
    room: Arc<Semaphore>,
    bytes_max: usize,
}

/// The end where they come out. When it is dropped nobody waits any more.
#[derive(Debug)]
pub struct SendQueue {
    queue: Receiver<Queued>,
    room: Arc<Semaphore>,
}

/// A queue for so many messages of so many bytes together. One that is longer than all of them waits until it is alone.
pub fn send_queue(messages_max: usize, bytes_max: usize) -> (Outgoing, SendQueue) {
    let bytes_max = bytes_max.clamp(1, u32::MAX as usize);
    let (sender, receiver) = mpsc::channel(messages_max.max(1));
    let room = Arc::new(Semaphore::new(bytes_max));
    let queue = SendQueue { queue: receiver, room: Arc::clone(&room) };
    (Outgoing { queue: sender, room, bytes_max }, queue)
}

impl Outgoing {
    /// Puts a message in as soon as there is room. Nothing happens if the client has left.
    pub async fn send(&self, message: Message) {
        self.put_in(bytes_of(&message), None, || Some(message)).await;
    }

    /// Puts in what is made in this turn as soon as there is room for so many bytes: what waits for room takes none. If nothing is made,
    /// or if the client wants nothing more of it, nothing is put in.
    pub async fn send_made(&self, turn: &Turn, bytes: usize, make: impl FnOnce() -> Option<Message>) {
        self.put_in(bytes, Some(turn), make).await;
    }

    async fn put_in(&self, bytes: usize, turn: Option<&Turn>, make: impl FnOnce() -> Option<Message>) {
        let Ok(bytes) = u32::try_from(bytes.min(self.bytes_max)) else { return };
        let Ok(room) = Arc::clone(&self.room).acquire_many_owned(bytes).await else { return };
        let Ok(place) = self.queue.reserve().await else { return };
        if turn.is_some_and(Turn::is_withdrawn) {
            return;
        }
        if let Some(message) = make() {
            place.send(Queued { message, turn: turn.cloned(), _room: room });
        }
    }

    /// Asks the client for a sign of life. Where messages wait for it, these ask.
    pub fn try_ping(&self) {
        let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(0) else { return };
        let _full = self.queue.try_send(Queued { message: Message::Ping(Bytes::new()), turn: None, _room: room });
    }
}

impl SendQueue {
    /// The next message that is wanted; none when all senders are gone.
    pub async fn next(&mut self) -> Option<Queued> {
        loop {
            let queued = self.queue.recv().await?;
            if !queued.turn.as_ref().is_some_and(Turn::is_withdrawn) {
                return Some(queued);
            }
        }
    }
}

impl Drop for SendQueue {
    fn drop(&mut self) {
        self.room.close();
    }
}

fn bytes_of(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes.len(),
        Message::Close(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::protocol::{SocketState, Step};
    use super::*;
    use futures_util::FutureExt;
    use std::cell::Cell;
    use std::pin::pin;

    fn text(bytes: usize) -> Message {
        Message::text("x".repeat(bytes))
    }

    #[tokio::test]
    async fn both_messages_and_bytes_are_bounded() {
        let (outgoing, mut queue) = send_queue(3, 100);
        for bytes in [60, 40] {
            assert!(outgoing.send(text(bytes)).now_or_never().is_some());
        }
        assert!(outgoing.send(text(1)).now_or_never().is_none(), "no byte more");
        drop(queue.next().await);
        for _ in 0..2 {
            assert!(outgoing.send(text(1)).now_or_never().is_some());
        }
        assert!(outgoing.send(text(1)).now_or_never().is_none(), "no message more");
    }

    #[tokio::test]
    async fn a_message_that_is_longer_than_the_queue_goes_through_it_alone() {
        let (outgoing, mut queue) = send_queue(3, 10);
        assert!(outgoing.send(text(1_000)).now_or_never().is_some());
        assert!(outgoing.send(text(1)).now_or_never().is_none());
        assert_eq!(queue.next().await.unwrap().message, text(1_000));
    }

    #[tokio::test]
    async fn a_message_is_made_only_when_there_is_room() {
        let (outgoing, mut queue) = send_queue(2, 100);
        outgoing.send(text(60)).await;
        let (made, turn) = (Cell::new(false), Turn::default());
        let mut sending = pin!(outgoing.send_made(&turn, 60, || {
            made.set(true);
            Some(text(60))
        }));
        assert!(sending.as_mut().now_or_never().is_none() && !made.get());
        drop(queue.next().await);
        sending.await;
        assert!(made.get());
    }

    #[tokio::test]
    async fn what_need_not_be_said_any_more_takes_no_room() {
        let (outgoing, mut queue) = send_queue(1, 100);
        outgoing.send_made(&Turn::default(), 100, || None).await;
        outgoing.send(text(100)).await;
        assert_eq!(queue.next().await.unwrap().message, text(100));
    }

    /// A turn that its client ends, and the next one of the same id.
    fn ended_and_next(during: impl FnOnce(&Turn)) -> (Turn, Turn) {
        let mut state = SocketState::new(1);
        state.receive(r#"{"type":"connection_init"}"#).unwrap();
        state.acknowledge();
        let begin = |state: &mut SocketState| {
            let subscribe = r#"{"type":"subscribe","id":"a","payload":{"query":"{viewer{roles}}"}}"#;
            let Ok(Step::Begin(_, turn, _)) = state.receive(subscribe) else { panic!("it begins") };
            turn
        };
        let first = begin(&mut state);
        during(&first);
        state.receive(r#"{"type":"complete","id":"a"}"#).unwrap();
        (first, begin(&mut state))
    }

    #[tokio::test]
    async fn what_waits_of_an_operation_that_was_ended_does_not_reach_the_next_one_of_its_id() {
        let (outgoing, mut queue) = send_queue(8, 100);
        let queued = |turn: &Turn, bytes| {
            assert!(outgoing.send_made(turn, bytes, || Some(text(bytes))).now_or_never().is_some());
        };
        let (first, second) = ended_and_next(|first| queued(first, 60));
        queued(&second, 20);
        queued(&first, 10);
        assert_eq!(queue.next().await.unwrap().message, text(20), "what was there before, and what came too late");
        assert!(outgoing.send(text(100)).now_or_never().is_some(), "its room is given back");
        assert_eq!(queue.next().await.unwrap().message, text(100));
    }

    #[tokio::test]
    async fn nobody_waits_for_a_client_that_has_left() {
        let (outgoing, queue) = send_queue(3, 10);
        outgoing.send(text(10)).await;
        let waiting = outgoing.send(text(1));
        drop(queue);
        waiting.await;
    }
}
