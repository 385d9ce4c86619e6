//! One thread that polls one task at a time, in an order that only the seed decides.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use crate::sim::Sim;

/// A process of this schedule, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessId(pub usize);

/// What a process is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Takes commands.
    Command,
    /// Copies the log.
    Relay,
    /// Folds.
    Projector,
    /// Answers queries and subscriptions.
    Query,
    /// Somebody outside: never crashes, for what it knows is what is checked.
    Outside,
}

/// A task.
pub type Body = Pin<Box<dyn Future<Output = ()> + Send>>;
/// What spawns a process's tasks.
pub type Start = Box<dyn Fn(&Sim, ProcessId) + Send>;

/// What the world wants the scheduler to do, after the step in which it said so.
pub enum Order {
    /// A new process.
    Start {
        /// Its number.
        process: ProcessId,
        /// Spawns its tasks.
        start: Start,
    },
    /// One more task of a process.
    Spawn {
        /// Whose.
        process: ProcessId,
        /// What it does.
        body: Body,
        /// False for one that serves a request, and may be dropped alone.
        is_main: bool,
    },
    /// The process dies, and is started again so many steps later.
    Crash {
        /// Which one.
        process: ProcessId,
        /// When it comes back.
        after: u64,
    },
    /// The process stands still for so many steps.
    Pause {
        /// Which one.
        process: ProcessId,
        /// For how long.
        steps: u64,
    },
    /// One request of the process is dropped, as by a panic, or because nobody waits for it any more.
    Cancel {
        /// Whose.
        process: ProcessId,
        /// Which of its requests, counted round.
        task: usize,
    },
    /// The process ends for good.
    End {
        /// Which one.
        process: ProcessId,
    },
}

struct Process {
    start: Start,
    asleep_until: u64,
}

struct Task {
    process: ProcessId,
    is_main: bool,
    body: Body,
    ready: Arc<Ready>,
    waker: Waker,
    asleep_until: u64,
}

struct Ready(AtomicBool);

impl Wake for Ready {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Processes and their tasks.
pub struct Scheduler {
    sim: Sim,
    processes: Vec<Process>,
    tasks: Vec<Task>,
}

impl Scheduler {
    /// Over a world in which nothing runs yet.
    pub fn new(sim: Sim) -> Self {
        Self { sim, processes: Vec::new(), tasks: Vec::new() }
    }

    /// One step: a fault perhaps, then one task that can run.
    pub fn step(&mut self) {
        let (now, chance) = self.sim.with(|world| {
            world.begin_step();
            (world.now, world.random.number())
        });
        self.obey(now);
        match self.pick(now, chance) {
            Some(index) => self.poll(index, now),
            None => self.skip(now),
        }
        self.obey(now);
    }

    /// Nobody is asleep any more.
    pub fn wake_all(&mut self) {
        self.processes.iter_mut().for_each(|process| process.asleep_until = 0);
        self.tasks.iter_mut().for_each(|task| task.asleep_until = 0);
    }

    fn can_run(&self, task: &Task, now: u64) -> bool {
        task.ready.0.load(Ordering::Relaxed)
            && task.asleep_until <= now
            && self.processes[task.process.0].asleep_until <= now
    }

    fn pick(&self, now: u64, chance: u64) -> Option<usize> {
        let able = self.tasks.iter().filter(|task| self.can_run(task, now)).count() as u64;
        let chosen = usize::try_from(chance.checked_rem(able)?).ok()?;
        let mut numbered = self.tasks.iter().enumerate().filter(|(_, task)| self.can_run(task, now));
        numbered.nth(chosen).map(|(index, _)| index)
    }

    fn poll(&mut self, index: usize, now: u64) {
        let task = &mut self.tasks[index];
        let process = task.process;
        self.sim.with(|world| world.running = process);
        task.ready.0.store(false, Ordering::Relaxed);
        let polled = task.body.as_mut().poll(&mut Context::from_waker(&task.waker));
        let nap = self.sim.with(|world| std::mem::take(&mut world.nap));
        match polled {
            Poll::Pending => task.asleep_until = now + nap,
            Poll::Ready(()) => drop(self.tasks.remove(index)),
        }
    }

    /// All are asleep: time passes until the first one wakes.
    fn skip(&mut self, now: u64) {
        let wakes = |task: &Task| task.asleep_until.max(self.processes[task.process.0].asleep_until);
        let ready = self.tasks.iter().filter(|task| task.ready.0.load(Ordering::Relaxed));
        let Some(first) = ready.map(wakes).min() else { return };
        self.sim.with(|world| world.now = first.saturating_sub(1).max(now));
    }

    fn obey(&mut self, now: u64) {
        loop {
            let orders = self.sim.with(|world| std::mem::take(&mut world.orders));
            if orders.is_empty() {
                return;
            }
            orders.into_iter().for_each(|order| self.carry_out(order, now));
        }
    }

    fn carry_out(&mut self, order: Order, now: u64) {
        match order {
            Order::Start { process, start } => {
                start(&self.sim, process);
                self.processes.push(Process { start, asleep_until: 0 });
            }
            Order::Spawn { process, body, is_main } => self.spawn(process, body, is_main),
            Order::Crash { process, after } => {
                self.drop_tasks(process);
                let dead = &mut self.processes[process.0];
                (dead.start)(&self.sim, process);
                dead.asleep_until = now + after;
            }
            Order::Pause { process, steps } => self.processes[process.0].asleep_until = now + steps,
            Order::Cancel { process, task } => self.cancel(process, task),
            Order::End { process } => self.drop_tasks(process),
        }
    }

    fn spawn(&mut self, process: ProcessId, body: Body, is_main: bool) {
        let ready = Arc::new(Ready(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&ready));
        self.tasks.push(Task { process, is_main, body, ready, waker, asleep_until: 0 });
    }

    fn cancel(&mut self, process: ProcessId, task: usize) {
        let able = |task: &Task| task.process == process && !task.is_main;
        let requests = self.tasks.iter().enumerate().filter(|(_, task)| able(task));
        let requests: Vec<usize> = requests.map(|(index, _)| index).collect();
        if let Some(index) = requests.get(task.checked_rem(requests.len()).unwrap_or_default()) {
            drop(self.tasks.remove(*index));
        }
    }

    fn drop_tasks(&mut self, process: ProcessId) {
        self.tasks.retain(|task| task.process != process);
    }
}
