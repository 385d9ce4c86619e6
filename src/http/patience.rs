//! A connection whose client may not be slow for ever: to send a request's head, to take an answer.
//!
//! hyper's own time-out for a head also runs while a kept connection is idle. Proxies keep idle connections for a minute or more, and
//! have sent a request on it just when we close it; a head that has begun needs no such time.

use std::io::{Error, ErrorKind, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// Whether a request of the connection is being handled, or it has become a socket: then no head is awaited.
#[derive(Debug, Clone, Default)]
pub struct Busy(Arc<Handling>);

#[derive(Debug, Default)]
struct Handling {
    is_busy: AtomicBool,
    /// Heads that have ended so far.
    heads: AtomicUsize,
}

impl Busy {
    /// Says so.
    pub fn set(&self, is_busy: bool) {
        if is_busy {
            self.0.heads.fetch_add(1, Ordering::Relaxed);
        }
        self.0.is_busy.store(is_busy, Ordering::Relaxed);
    }

    fn get(&self) -> bool {
        self.0.is_busy.load(Ordering::Relaxed)
    }

    fn heads(&self) -> usize {
        self.0.heads.load(Ordering::Relaxed)
    }
}

/// A moment by which something must have happened.
#[derive(Debug)]
struct Limit {
    wait: Duration,
    running: Option<Pin<Box<Sleep>>>,
}

impl Limit {
    fn new(wait: Duration) -> Self {
        Self { wait, running: None }
    }

    fn start(&mut self) {
        self.running.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + self.wait)));
    }

    fn stop(&mut self) {
        self.running = None;
    }

    /// True if it is over.
    fn poll_over(&mut self, ctx: &mut Context<'_>) -> bool {
        self.running.as_mut().is_some_and(|running| running.as_mut().poll(ctx).is_ready())
    }
}

/// The connection.
#[derive(Debug)]
pub struct Patient<S> {
    stream: S,
    busy: Busy,
    /// Heads that had ended when it was looked last.
    heads: usize,
    /// From the first byte of a head to its last.
    head: Limit,
    /// While the client takes nothing.
    write: Limit,
}

impl<S> Patient<S> {
    /// A connection with these limits.
    pub fn new(stream: S, busy: Busy, head_wait: Duration, write_wait: Duration) -> Self {
        Self { stream, busy, heads: 0, head: Limit::new(head_wait), write: Limit::new(write_wait) }
    }

    fn await_taking<T>(&mut self, ctx: &mut Context<'_>, written: Poll<Result<T>>) -> Poll<Result<T>> {
        if written.is_ready() {
            self.write.stop();
            return written;
        }
        self.write.start();
        if self.write.poll_over(ctx) { Poll::Ready(Err(slow("the client takes nothing"))) } else { Poll::Pending }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(self: Pin<&mut Self>, ctx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let (this, before) = (self.get_mut(), buffer.filled().len());
        // A head that came at once has ended before anybody read again, and so may the whole request have.
        if std::mem::replace(&mut this.heads, this.busy.heads()) != this.heads {
            this.head.stop();
        }
        let read = Pin::new(&mut this.stream).poll_read(ctx, buffer);
        if this.busy.get() {
            this.head.stop();
            return read;
        }
        if buffer.filled().len() > before {
            this.head.start();
        }
        if this.head.poll_over(ctx) {
            return Poll::Ready(Err(slow("the client does not end its head")));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(self: Pin<&mut Self>, ctx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(ctx, bytes);
        this.await_taking(ctx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        ctx: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(ctx, slices);
        this.await_taking(ctx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(ctx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(ctx)
    }
}

fn slow(what: &'static str) -> Error {
    Error::new(ErrorKind::TimedOut, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    /// Short: what is slow is not waited for long, and what must not end is watched for a few of these.
    const WAIT: Duration = Duration::from_millis(20);

    #[tokio::test(start_paused = true)]
    async fn a_head_that_has_begun_must_end_in_time() {
        let (mut client, server) = duplex(64);
        let mut server = Patient::new(server, Busy::default(), WAIT, WAIT);
        client.write_all(b"GET").await.unwrap();
        let mut head = [0; 64];
        assert_eq!(server.read(&mut head).await.unwrap(), 3);
        assert_eq!(server.read(&mut head).await.unwrap_err().kind(), ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_or_busy_connection_is_not_slow() {
        let (mut client, server) = duplex(64);
        let busy = Busy::default();
        let mut server = Patient::new(server, busy.clone(), WAIT, WAIT);
        let mut bytes = [0; 64];
        assert!(tokio::time::timeout(WAIT * 5, server.read(&mut bytes)).await.is_err(), "idle");
        client.write_all(b"head").await.unwrap();
        assert_eq!(server.read(&mut bytes).await.unwrap(), 4);
        busy.set(true);
        assert!(tokio::time::timeout(WAIT * 5, server.read(&mut bytes)).await.is_err(), "busy");
        busy.set(false);
        assert!(tokio::time::timeout(WAIT * 5, server.read(&mut bytes)).await.is_err(), "idle again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_has_ended_is_over_although_nothing_was_read_since() {
        let (mut client, server) = duplex(64);
        let busy = Busy::default();
        let mut server = Patient::new(server, busy.clone(), WAIT, WAIT);
        client.write_all(b"head").await.unwrap();
        assert_eq!(server.read(&mut [0; 64]).await.unwrap(), 4);
        // The answer is a stream that has begun.
        busy.set(true);
        busy.set(false);
        assert!(
            tokio::time::timeout(WAIT * 5, server.read(&mut [0; 64])).await.is_err(),
            "the client need say nothing"
        );
        client.write_all(b"next").await.unwrap();
        assert_eq!(server.read(&mut [0; 64]).await.unwrap(), 4);
        assert_eq!(
            server.read(&mut [0; 64]).await.unwrap_err().kind(),
            ErrorKind::TimedOut,
            "the next one must end, too"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_given_up() {
        let (mut client, server) = duplex(4);
        let mut server = Patient::new(server, Busy::default(), WAIT, WAIT);
        server.write_all(b"1234").await.unwrap();
        let (written, read) = tokio::join!(server.write_all(b"5678"), client.read_u32());
        assert_eq!((written.unwrap(), read.unwrap()), ((), u32::from_be_bytes(*b"1234")));
        assert_eq!(server.write_all(b"9").await.unwrap_err().kind(), ErrorKind::TimedOut);
    }
}
