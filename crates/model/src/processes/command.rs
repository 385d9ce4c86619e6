//! A command process: each command runs in a task of its own, then has its events sequenced together with those of others.

use std::sync::Arc;

use millrace_events::{History, Position, rule};
use millrace_log::Sequencer;
use tokio::sync::{mpsc, oneshot};

use super::transaction::{Committed, transact};
use crate::ports::log::LogPort;
use crate::scheduler::Kind;
use crate::sim::Sim;
use crate::world::names::Thing;

/// How often a command asks for its position before it answers without.
const SEQUENCINGS_MAX: u32 = 4;

/// What a client asks for.
pub struct Request {
    /// What it decides on, in the order in which rows are locked.
    pub things: Vec<Thing>,
    /// The idempotency key.
    pub key: u64,
    /// Where the answer goes. Dropped, the client knows nothing.
    pub reply: oneshot::Sender<Option<Answer>>,
}

/// A command's answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The log's life.
    pub history: History,
    /// The head that its sequencing left; none if that is not known.
    pub head: Option<Position>,
    /// What it did, or what it found done: versions of aggregates.
    pub knows: Vec<(Thing, u32)>,
    /// The number of the log in which it did.
    pub log: usize,
}

/// Starts one.
pub fn start(sim: &Sim, number: usize) {
    sim.start(Kind::Command, format!("command{number}"), move |sim, process| {
        let (sender, mut requests) = mpsc::unbounded_channel::<Request>();
        sim.with(|world| world.connect_commands(number, sender));
        let own = sim.clone();
        sim.spawn(process, async move {
            let sequencer = Arc::new(Sequencer::new(LogPort(own.clone())));
            while let Some(request) = requests.recv().await {
                own.serve(process, serve(own.clone(), Arc::clone(&sequencer), request));
            }
        });
    });
}

async fn serve(sim: Sim, sequencer: Arc<Sequencer<LogPort>>, request: Request) {
    let answer = match transact(&sim, &request.things, request.key).await {
        Some(committed) => Some(sequence(&sim, &sequencer, committed).await),
        None => None,
    };
    // A client that is gone needs no answer.
    let _ = request.reply.send(answer);
}

async fn sequence(sim: &Sim, sequencer: &Sequencer<LogPort>, committed: Committed) -> Answer {
    let Committed { history, knows, log, changed } = committed;
    if !changed && !rule("no_op_sequences_first") {
        let head = sim.with(|world| world.postgres.head());
        return Answer { history, head: Some(head.position), knows, log };
    }
    for _ in 0..SEQUENCINGS_MAX {
        if let Ok(head) = sequencer.join().await {
            return Answer { history: head.history, head: Some(head.position), knows, log };
        }
    }
    Answer { history, head: None, knows, log }
}
