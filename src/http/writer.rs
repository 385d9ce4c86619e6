//! Writes what waits for a client, each message within a time; and all that is left, once the socket is closed, within one such time.

use super::send_queue::SendQueue;
use axum::extract::ws::Message;
use futures_util::{Sink, SinkExt};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// The task that writes.
#[derive(Debug)]
pub struct Writer {
    task: JoinHandle<()>,
    wait: Duration,
}

impl Writer {
    /// Begins to write. `wait` is the longest time that a client may take nothing.
    pub fn begin(sink: impl Sink<Message> + Unpin + Send + 'static, queue: SendQueue, wait: Duration) -> Self {
        Self { task: tokio::spawn(write(sink, queue, wait)), wait }
    }

    /// Waits until the farewell has found its room behind what waits, and all of it is written. Whoever takes it too slowly is left.
    pub async fn end(mut self, farewell: impl Future<Output = ()>) {
        let rest = async {
            farewell.await;
            let _written = (&mut self.task).await;
        };
        if timeout(self.wait, rest).await.is_err() {
            self.task.abort();
        }
    }
}

async fn write(mut sink: impl Sink<Message> + Unpin, mut queue: SendQueue, wait: Duration) {
    while let Some(queued) = queue.next().await {
        let closes = matches!(queued.message, Message::Close(_));
        let sent = timeout(wait, sink.send(queued.message)).await;
        if closes || !matches!(sent, Ok(Ok(()))) {
            break;
        }
    }
    let _already_closed = timeout(wait, sink.close()).await;
}

#[cfg(test)]
mod tests {
    use super::super::send_queue::send_queue;
    use super::*;
    use futures_util::sink;
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::time::{Instant, sleep};

    const WAIT: Duration = Duration::from_millis(400);
    const MESSAGES: usize = 64;

    /// Takes each message after a while; counts them.
    fn slow(
        each: Duration,
        taken: &Arc<AtomicUsize>,
    ) -> impl Sink<Message, Error = Infallible> + Unpin + Send + 'static {
        let taken = Arc::clone(taken);
        Box::pin(sink::unfold(taken, move |taken, _message: Message| async move {
            sleep(each).await;
            taken.fetch_add(1, Ordering::Relaxed);
            Ok(taken)
        }))
    }

    async fn ended(each: Duration) -> (Duration, usize) {
        let taken = Arc::default();
        let (outgoing, queue) = send_queue(MESSAGES, 1 << 20);
        for _ in 0..MESSAGES {
            outgoing.send(Message::text("x")).await;
        }
        let writer = Writer::begin(slow(each, &taken), queue, WAIT);
        let begun = Instant::now();
        writer.end(async move { outgoing.send(Message::Close(None)).await }).await;
        (begun.elapsed(), taken.load(Ordering::Relaxed))
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_each_message_just_in_time_is_not_waited_for_at_the_end() {
        let (took, taken) = ended(WAIT * 9 / 10).await;
        assert!(took >= WAIT && took < WAIT * 2, "{took:?} for the rest of {MESSAGES}, of which {taken} were taken");
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_and_the_farewell_are_written() {
        let (_, taken) = ended(Duration::ZERO).await;
        assert_eq!(taken, MESSAGES + 1);
    }
}
