//! The changes that wait for one subscriber. Bounded: who does not take them is closed, not waited for.

use crate::projection::Change;
use futures_util::task::AtomicWaker;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

/// Why nothing more comes into an inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// What it would hold next is gone for good.
    HistoryGone,
    /// It held as much as it may.
    Overflowed,
    /// The process stops.
    Stopping,
}

/// A bounded queue between the feed and one subscriber.
#[derive(Debug)]
pub(super) struct Inbox {
    waiting_max: usize,
    content: Mutex<Content>,
    waker: AtomicWaker,
}

#[derive(Debug, Default)]
struct Content {
    waiting: VecDeque<Arc<Change>>,
    end: Option<End>,
}

impl Inbox {
    pub fn new(waiting_max: usize) -> Self {
        Self { waiting_max, content: Mutex::default(), waker: AtomicWaker::new() }
    }

    /// Puts a change in, unless it is the one that was put in last, under another of its topics.
    pub fn put(&self, change: &Arc<Change>) {
        let mut content = self.lock();
        if content.end.is_some() || content.waiting.back().is_some_and(|last| last.seq == change.seq) {
            return;
        }
        if content.waiting.len() == self.waiting_max {
            *content = Content { waiting: VecDeque::new(), end: Some(End::Overflowed) };
        } else {
            content.waiting.push_back(Arc::clone(change));
        }
        drop(content);
        self.waker.wake();
    }

    /// What is in it may still be taken, but nothing more comes.
    pub fn end(&self, end: End) {
        self.lock().end.get_or_insert(end);
        self.waker.wake();
    }

    /// True if it held as much as it may, and lost it.
    pub fn has_overflowed(&self) -> bool {
        self.lock().end == Some(End::Overflowed)
    }

    /// The next change, as soon as there is one.
    pub async fn take(&self) -> Result<Arc<Change>, End> {
        poll_fn(|ctx| self.poll_take(ctx)).await
    }

    fn poll_take(&self, ctx: &mut Context<'_>) -> Poll<Result<Arc<Change>, End>> {
        // Registered before looking, so that what comes in between wakes.
        self.waker.register(ctx.waker());
        let mut content = self.lock();
        match (content.waiting.pop_front(), content.end) {
            (Some(change), _) => Poll::Ready(Ok(change)),
            (None, Some(end)) => Poll::Ready(Err(end)),
            (None, None) => Poll::Pending,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
