//! What ends a socket whatever its client is doing: shutdown, the end of the sign-in, no `connection_init` in time, silence.

use super::protocol::{Close, SocketState};
use super::send_queue::Outgoing;
use crate::admission::{Admission, Ended};
use crate::settings::HttpSettings;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, pending};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, Interval, Sleep, interval_at, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

/// What is looked at beside all that a socket does, and the pings without which silence would say nothing.
pub struct Watch {
    state: Arc<Mutex<SocketState>>,
    outgoing: Outgoing,
    shutdown: BoxFuture<'static, ()>,
    /// Comes when the viewer may not stay.
    ended: BoxFuture<'static, Ended>,
    init_deadline: BoxFuture<'static, ()>,
    pings: Interval,
    silence_max: Duration,
    last_heard: Instant,
    /// When the client may be dead: it is moved only then, not with each frame.
    death: Pin<Box<Sleep>>,
}

impl Watch {
    /// Over a socket that has just opened.
    pub fn new(
        state: Arc<Mutex<SocketState>>,
        outgoing: Outgoing,
        shutdown: CancellationToken,
        limits: &HttpSettings,
    ) -> Self {
        let now = Instant::now();
        let ping_every = Duration::from_millis(limits.socket_ping_ms);
        let silence_max = Duration::from_millis(limits.socket_silence_ms_max);
        Self {
            state,
            outgoing,
            shutdown: shutdown.cancelled_owned().boxed(),
            ended: pending().boxed(),
            init_deadline: sleep(Duration::from_millis(limits.socket_init_ms_max)).boxed(),
            pings: interval_at(now + ping_every, ping_every),
            silence_max,
            last_heard: now,
            death: Box::pin(sleep_until(now + silence_max)),
        }
    }

    /// The client has sent something.
    pub fn heard(&mut self, now: Instant) {
        self.last_heard = now;
    }

    /// The viewer has been let in, and may stay as long as this holds.
    pub fn follow(&mut self, admission: Admission) {
        self.ended = admission.ended().boxed();
    }

    /// What comes of this, unless the socket has to be closed before.
    pub async fn unless_closed<T>(&mut self, act: impl Future<Output = T>) -> Result<T, Close> {
        tokio::select! {
            outcome = act => Ok(outcome),
            close = self.close() => Err(close),
        }
    }

    /// Why the socket has to be closed, when it has to. Nothing is lost if this is dropped and called again.
    async fn close(&mut self) -> Close {
        loop {
            tokio::select! {
                () = &mut self.shutdown => return Close::going_away(),
                ended = &mut self.ended => return Close::of_ended(ended),
                () = &mut self.init_deadline => {
                    if self.awaits_init() {
                        return Close::init_timeout();
                    }
                    self.init_deadline = pending().boxed();
                }
                () = &mut self.death => {
                    let death = self.last_heard + self.silence_max;
                    if death <= Instant::now() {
                        return Close::dead();
                    }
                    self.death.as_mut().reset(death);
                }
                _ = self.pings.tick() => self.outgoing.try_ping(),
            }
        }
    }

    fn awaits_init(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).awaits_init()
    }
}

#[cfg(test)]
mod tests {
    use super::super::send_queue::{SendQueue, send_queue};
    use super::*;
    use axum::extract::ws::Message;

    /// A watch over a socket whose queue is full: nobody takes anything out of it.
    async fn full(limits: &HttpSettings) -> (Watch, Outgoing, SendQueue, CancellationToken) {
        let (outgoing, queue) = send_queue(1, 100);
        outgoing.send(Message::text("x")).await;
        let (state, shutdown) = (Arc::new(Mutex::new(SocketState::new(1))), CancellationToken::new());
        state.lock().unwrap().receive(r#"{"type":"connection_init"}"#).unwrap();
        (Watch::new(state, outgoing.clone(), shutdown.clone(), limits), outgoing, queue, shutdown)
    }

    #[tokio::test]
    async fn an_answer_that_nobody_takes_holds_up_no_shutdown() {
        let (mut watch, outgoing, _queue, shutdown) = full(&HttpSettings::default()).await;
        let answer = outgoing.send(Message::text("pong"));
        let (closed, ()) = tokio::join!(watch.unless_closed(answer), async { shutdown.cancel() });
        assert_eq!(closed, Err(Close::going_away()));
    }

    #[tokio::test(start_paused = true)]
    async fn the_dead_are_found_when_their_silence_is_too_long_not_at_the_next_ping() {
        let limits = HttpSettings { socket_silence_ms_max: 200, socket_ping_ms: 3_600_000, ..HttpSettings::default() };
        let (mut watch, outgoing, _queue, _shutdown) = full(&limits).await;
        let heard = Instant::now() + Duration::from_millis(100);
        tokio::time::sleep_until(heard).await;
        watch.heard(heard);
        assert_eq!(watch.unless_closed(outgoing.send(Message::text("pong"))).await, Err(Close::dead()));
        assert!((200..300).contains(&heard.elapsed().as_millis()), "{:?}", heard.elapsed());
    }

    #[tokio::test]
    async fn what_is_done_in_time_is_done() {
        let (mut watch, outgoing, mut queue, _shutdown) = full(&HttpSettings::default()).await;
        let taking = async { queue.next().await.map(|queued| queued.message) };
        let (sent, taken) = tokio::join!(watch.unless_closed(outgoing.send(Message::text("pong"))), taking);
        assert_eq!((sent, taken), (Ok(()), Some(Message::text("x"))));
    }
}
