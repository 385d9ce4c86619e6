//! Sharing sequencing calls, step by step: whoever is polled, and nobody else, makes a step.

use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use millrace_events::{History, Position};
use millrace_log::{LogHead, Sequencer, Sequencing};
use rand::Rng;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::setup::PATIENCE;

#[derive(Debug, thiserror::Error)]
#[error("scripted failure")]
struct Failure;

type Answer = Result<LogHead, Failure>;

/// Each call waits until the test answers it.
#[derive(Debug, Default)]
struct Script {
    calls: Mutex<Vec<Option<oneshot::Sender<Answer>>>>,
}

impl Script {
    fn calls_begun(&self) -> usize {
        self.calls.lock().unwrap().len()
    }

    /// Answers the newest call.
    fn answer(&self, answer: Answer) {
        let newest = self.calls.lock().unwrap().last_mut().unwrap().take().unwrap();
        newest.send(answer).unwrap();
    }
}

impl Sequencing for &Script {
    type Error = Failure;

    async fn sequence(&self) -> Answer {
        let (answer, answered) = oneshot::channel();
        self.calls.lock().unwrap().push(Some(answer));
        answered.await.unwrap()
    }
}

fn head(position: u64) -> LogHead {
    LogHead { history: History(Uuid::nil()), position: Position(position) }
}

fn poll<T>(future: Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn answered<T, E: std::fmt::Debug>(future: Pin<&mut impl Future<Output = Result<T, E>>>) -> Option<T> {
    match poll(future) {
        Poll::Ready(answer) => Some(answer.unwrap()),
        Poll::Pending => None,
    }
}

#[test]
fn a_command_joins_the_next_call_never_one_already_sent() {
    let script = Script::default();
    let sequencer = Sequencer::new(&script);
    let (mut first, mut second, mut third) = (pin!(sequencer.join()), pin!(sequencer.join()), pin!(sequencer.join()));

    assert_eq!(answered(first.as_mut()), None);
    assert_eq!(answered(second.as_mut()), None);
    assert_eq!(answered(third.as_mut()), None);
    assert_eq!(script.calls_begun(), 1);

    script.answer(Ok(head(1)));
    assert_eq!(answered(second.as_mut()), None, "the call was sent before this one joined");
    assert_eq!(answered(first.as_mut()), Some(head(1)));
    assert_eq!(answered(second.as_mut()), None);
    assert_eq!(answered(third.as_mut()), None);
    assert_eq!(script.calls_begun(), 2, "both share the next call");

    script.answer(Ok(head(5)));
    // Whoever is looked at first: the other's call has ended only when it was polled itself.
    let (mut heads, mut rounds) = (Vec::new(), 0);
    let mut waiting = vec![second, third];
    while !waiting.is_empty() {
        waiting.retain_mut(|join| answered(join.as_mut()).map(|head| heads.push(head)).is_none());
        rounds += 1;
        assert!(rounds < 4, "somebody hangs");
    }
    assert_eq!((heads, script.calls_begun()), (vec![head(5), head(5)], 2));
}

#[test]
fn who_waits_makes_the_call_anew_if_its_maker_is_dropped() {
    let script = Script::default();
    let sequencer = Sequencer::new(&script);
    let mut waiting = pin!(sequencer.join());
    {
        let mut making = Box::pin(sequencer.join());
        assert_eq!(answered(making.as_mut()), None);
        assert_eq!(answered(waiting.as_mut()), None);
        assert_eq!(script.calls_begun(), 1);
    }
    assert_eq!(answered(waiting.as_mut()), None);
    assert_eq!(script.calls_begun(), 2);
    script.answer(Ok(head(3)));
    assert_eq!(answered(waiting.as_mut()), Some(head(3)));
}

#[test]
fn who_is_dropped_while_waiting_takes_nobody_along() {
    let script = Script::default();
    let sequencer = Sequencer::new(&script);
    let (mut making, mut waiting) = (pin!(sequencer.join()), pin!(sequencer.join()));
    assert_eq!(answered(making.as_mut()), None);
    {
        let mut dropped = Box::pin(sequencer.join());
        assert_eq!(answered(dropped.as_mut()), None);
        assert_eq!(answered(waiting.as_mut()), None);
    }
    script.answer(Ok(head(1)));
    assert_eq!(answered(making.as_mut()), Some(head(1)));
    assert_eq!(answered(waiting.as_mut()), None);
    script.answer(Ok(head(2)));
    assert_eq!(answered(waiting.as_mut()), Some(head(2)));
}

#[test]
fn a_failure_is_told_to_all_who_joined_that_call_and_to_nobody_else() {
    let script = Script::default();
    let sequencer = Sequencer::new(&script);
    let (mut early, mut first, mut second) = (pin!(sequencer.join()), pin!(sequencer.join()), pin!(sequencer.join()));
    for join in [&mut early, &mut first, &mut second] {
        assert_eq!(answered(join.as_mut()), None);
    }
    script.answer(Ok(head(1)));
    assert_eq!(answered(early.as_mut()), Some(head(1)));
    assert_eq!(answered(first.as_mut()), None);
    assert_eq!(answered(second.as_mut()), None);

    let mut late = pin!(sequencer.join());
    assert_eq!(answered(late.as_mut()), None);
    script.answer(Err(Failure));
    let Poll::Ready(Err(one)) = poll(first.as_mut()) else { panic!("the failure was not told") };
    let Poll::Ready(Err(same)) = poll(second.as_mut()) else { panic!("the failure was not told") };
    assert!(Arc::ptr_eq(&one, &same));

    assert_eq!(answered(late.as_mut()), None, "that call was sent before this one joined");
    script.answer(Ok(head(2)));
    assert_eq!(answered(late.as_mut()), Some(head(2)));
}

/// Commits are a counter; a call answers what it saw when it began, as late as its other steps allow.
#[derive(Debug, Default, Clone)]
struct Counter {
    committed: Arc<AtomicU64>,
    calls: Arc<AtomicU64>,
}

impl Sequencing for Counter {
    type Error = Infallible;

    async fn sequence(&self) -> Result<LogHead, Infallible> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let seen = self.committed.load(Ordering::SeqCst);
        let steps = rand::rng().random_range(0..5);
        for _ in 0..steps {
            tokio::task::yield_now().await;
        }
        Ok(head(seen))
    }
}

/// On many threads, a third of the commands dropped at any moment: who stays is answered a head with its own commit.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everybody_who_stays_is_answered_and_sees_the_own_commit() {
    const COMMANDS: u64 = 5_000;
    let counter = Counter::default();
    let sequencer = Arc::new(Sequencer::new(counter.clone()));
    let mut staying = Vec::new();
    for number in 0..COMMANDS {
        let (sequencer, counter) = (Arc::clone(&sequencer), counter.clone());
        let command = tokio::spawn(async move {
            let mine = counter.committed.fetch_add(1, Ordering::SeqCst) + 1;
            let head = sequencer.join().await.unwrap();
            assert!(head.position.0 >= mine, "commit {mine} was answered head {}", head.position);
        });
        match number % 3 {
            0 => dropped_soon(command),
            _ => staying.push(command),
        }
        tokio::task::yield_now().await;
    }
    for command in staying {
        tokio::time::timeout(PATIENCE, command).await.expect("somebody hangs").unwrap();
    }
    assert!(counter.calls.load(Ordering::SeqCst) < COMMANDS, "calls are shared");
}

fn dropped_soon(command: tokio::task::JoinHandle<()>) {
    tokio::spawn(async move {
        let steps = rand::rng().random_range(0..20);
        for _ in 0..steps {
            tokio::task::yield_now().await;
        }
        command.abort();
    });
}
