//! What a simulated process holds of the world: a handle through which it waits, calls servers and tells what it does.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use crate::faults::Fate;
use crate::scheduler::{Body, Kind, Order, ProcessId};
use crate::world::{Late, Server, World};

/// No answer came: the call was carried out, or was not, or will be later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer was lost")]
pub struct Lost;

/// The world, as all processes of one schedule share it.
#[derive(Clone)]
pub struct Sim(Arc<Mutex<World>>);

impl Sim {
    /// A handle to this world.
    pub fn new(world: World) -> Self {
        Self(Arc::new(Mutex::new(world)))
    }

    /// Looks at the world, or changes it, in one step.
    pub fn with<R>(&self, act: impl FnOnce(&mut World) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A point at which anybody else may run, and at which this process may die.
    pub fn pass(&self) -> Pass {
        Pass { passed: false }
    }

    /// Sleeps for fewer steps than this.
    pub async fn nap(&self, steps: u64) {
        self.with(|world| world.nap = world.random.below(steps));
        self.pass().await;
    }

    /// Reads from a server. The answer may get lost.
    pub async fn ask<R>(&self, read: impl FnOnce(&mut World) -> R) -> Result<R, Lost> {
        self.pass().await;
        let (answer, dawdles) = self.with(|world| {
            let answer = match world.fate() {
                Fate::Answered => Ok(read(world)),
                Fate::AnswerLost | Fate::Late | Fate::NeverArrived => Err(Lost),
            };
            (answer, world.dawdles())
        });
        if dawdles {
            self.pass().await;
        }
        answer
    }

    /// Has a server do something. The request may get lost or come late, or the answer may get lost.
    pub async fn call<R>(
        &self,
        server: Server,
        effect: impl FnOnce(&mut World) -> R + Send + 'static,
    ) -> Result<R, Lost> {
        self.pass().await;
        let (answer, dawdles) = self.with(|world| {
            let answer = match world.fate() {
                Fate::Answered => Ok(effect(world)),
                Fate::AnswerLost => {
                    effect(world);
                    Err(Lost)
                }
                Fate::Late => {
                    world.late.push(Late { server, effect: Box::new(move |world| drop(effect(world))) });
                    Err(Lost)
                }
                Fate::NeverArrived => Err(Lost),
            };
            (answer, world.dawdles())
        });
        if dawdles {
            self.pass().await;
        }
        answer
    }

    /// Starts a task without which the process would be of no use. It ends with the process.
    pub fn spawn(&self, process: ProcessId, body: impl Future<Output = ()> + Send + 'static) {
        let body: Body = Box::pin(body);
        self.with(|world| world.orders.push(Order::Spawn { process, body, is_main: true }));
    }

    /// Starts a task that serves a request. It ends with the process, or is dropped alone.
    pub fn serve(&self, process: ProcessId, body: impl Future<Output = ()> + Send + 'static) {
        let body: Body = Box::pin(body);
        self.with(|world| world.orders.push(Order::Spawn { process, body, is_main: false }));
    }

    /// Starts a process. After each crash `start` is called again, to spawn its tasks anew.
    pub fn start(&self, kind: Kind, name: String, start: impl Fn(&Self, ProcessId) + Send + 'static) -> ProcessId {
        self.with(|world| {
            let process = ProcessId(world.processes.len());
            world.processes.push(crate::world::ProcessInfo { kind, name, is_alive: true });
            world.orders.push(Order::Start { process, start: Box::new(start) });
            process
        })
    }
}

/// See [`Sim::pass`].
#[derive(Debug)]
pub struct Pass {
    passed: bool,
}

impl Future for Pass {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.passed {
            return Poll::Ready(());
        }
        self.passed = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
