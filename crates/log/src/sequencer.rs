//! Group commit for sequencing: one call in flight per process, and a command joins the *next* one, never one already sent.

use std::error::Error;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millrace_events::rule;
use tokio::sync::Notify;

use crate::LogHead;

/// What moves all committed events into the log.
pub trait Sequencing {
    /// Why a call failed; it may have taken effect all the same.
    type Error: Error + Send + Sync + 'static;

    /// Waits before a call for those who should share it; whoever joins meanwhile still does. It may fill its time only while others
    /// come one after the other: nobody alone is to wait.
    fn gather(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Gives positions to everything that was committed before the call, and answers the head afterwards.
    fn sequence(&self) -> impl Future<Output = Result<LogHead, Self::Error>> + Send;
}

/// Lets any number of commands share sequencing calls.
///
/// There is no task behind it: one of those who wait makes the call. If that one is dropped half-way, another makes a new call, so that
/// nobody waits for somebody who is gone.
#[derive(Debug)]
pub struct Sequencer<S: Sequencing> {
    sequencing: S,
    calls: Mutex<Calls<S::Error>>,
    ended: Notify,
}

/// Calls have numbers 1, 2, 3… in the order in which they begin.
#[derive(Debug)]
struct Calls<E> {
    begun: u64,
    /// Somebody makes a call, or gathers others for one that has not begun.
    taken: bool,
    answered: Option<(u64, LogHead)>,
    failed: Option<(u64, Arc<E>)>,
}

/// What one who waits has to do.
enum Turn<E> {
    Done(Result<LogHead, Arc<E>>),
    Call,
    Wait,
}

impl<S: Sequencing> Sequencer<S> {
    /// Over what moves the events.
    pub fn new(sequencing: S) -> Self {
        let calls = Calls { begun: 0, taken: false, answered: None, failed: None };
        Self { sequencing, calls: Mutex::new(calls), ended: Notify::new() }
    }

    /// The head after a call that began after this was first polled, so that what was committed before has its position.
    ///
    /// A failed call fails all who waited for it; whether to join again is theirs to say.
    pub async fn join(&self) -> Result<LogHead, Arc<S::Error>> {
        let joined = self.calls().last_too_early();
        loop {
            let ended = self.ended.notified();
            let turn = self.calls().turn(joined);
            match turn {
                Turn::Done(outcome) => return outcome,
                Turn::Call => self.call().await,
                Turn::Wait => ended.await,
            }
        }
    }

    async fn call(&self) {
        let taken = Taken { sequencer: self };
        self.sequencing.gather().await;
        let number = self.calls().begin();
        let outcome = self.sequencing.sequence().await;
        self.calls().end(number, outcome);
        drop(taken);
    }

    fn calls(&self) -> MutexGuard<'_, Calls<S::Error>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E> Calls<E> {
    /// The number of the last call whose answer may lack what is committed now.
    fn last_too_early(&self) -> u64 {
        if rule("joins_next_call") { self.begun } else { self.begun.saturating_sub(u64::from(self.taken)) }
    }

    fn turn(&mut self, joined: u64) -> Turn<E> {
        match (&self.answered, &self.failed) {
            (Some((number, head)), _) if *number > joined => Turn::Done(Ok(*head)),
            (_, Some((number, error))) if *number > joined => Turn::Done(Err(Arc::clone(error))),
            _ if std::mem::replace(&mut self.taken, true) => Turn::Wait,
            _ => Turn::Call,
        }
    }

    fn begin(&mut self) -> u64 {
        self.begun += 1;
        self.begun
    }

    fn end(&mut self, number: u64, outcome: Result<LogHead, E>) {
        match outcome {
            Ok(head) => self.answered = Some((number, head)),
            Err(error) => self.failed = Some((number, Arc::new(error))),
        }
    }
}

/// Ends the call however it ends, also when the one who made it is dropped or panics.
struct Taken<'a, S: Sequencing> {
    sequencer: &'a Sequencer<S>,
}

impl<S: Sequencing> Drop for Taken<'_, S> {
    fn drop(&mut self) {
        self.sequencer.calls().taken = false;
        self.sequencer.ended.notify_waiters();
    }
}
