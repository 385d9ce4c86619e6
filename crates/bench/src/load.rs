//! Load: a fixed number of clients, each sending its next request as soon as it has the answer to the last.

use crate::dice::Dice;
use crate::error::BenchError;
use crate::http::{Answer, Connection};
use crate::plan::SEED;
use crate::statistics::Samples;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// What clients do.
pub trait Work: Send + Sync + 'static {
    /// Writes the next request of a client.
    fn write(&self, client: usize, dice: &mut Dice, into: &mut Vec<u8>);

    /// True if the answer is what the client asked for.
    fn accepts(&self, client: usize, answer: &Answer<'_>) -> bool;
}

/// How much load, on whom.
#[derive(Debug, Clone)]
pub struct Load {
    /// `host:port` of the server.
    pub address: String,
    /// Clients, each with a connection.
    pub clients: usize,
    /// How long they go on.
    pub time: Duration,
    /// Which of several equal loads this is: each makes choices of its own.
    pub round: usize,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Served {
    /// Requests that were answered as they should be.
    pub accepted: u64,
    /// Requests that were answered otherwise.
    pub refused: u64,
    /// What the first of those was answered.
    pub first_refusal: Option<String>,
    /// Latencies in milliseconds.
    pub latencies_ms: Samples,
    /// From the first request to the last answer.
    pub elapsed: Duration,
}

impl Served {
    /// Accepted requests in a second.
    pub fn per_second(&self) -> f64 {
        self.accepted as f64 / self.elapsed.as_secs_f64()
    }
}

/// Puts the load on, and waits for its end.
pub async fn run<W: Work>(load: &Load, work: &Arc<W>) -> Result<Served, BenchError> {
    let mut connections = Vec::with_capacity(load.clients);
    for _ in 0..load.clients {
        connections.push(Connection::open(&load.address).await?);
    }
    let started = Instant::now();
    let mut clients = JoinSet::new();
    for (number, connection) in connections.into_iter().enumerate() {
        let dice = Dice::new(SEED, load.round * load.clients + number);
        clients.spawn(client(Arc::clone(work), number, connection, dice, started + load.time));
    }
    let mut served = Served::default();
    while let Some(client) = clients.join_next().await {
        served.add(client??);
    }
    served.elapsed = started.elapsed();
    Ok(served)
}

async fn client<W: Work>(
    work: Arc<W>,
    number: usize,
    mut connection: Connection,
    mut dice: Dice,
    until: Instant,
) -> Result<Served, BenchError> {
    let (mut served, mut request) = (Served::default(), Vec::new());
    let mut sent_at = Instant::now();
    while sent_at < until {
        request.clear();
        work.write(number, &mut dice, &mut request);
        let answer = connection.send(&request).await?;
        if work.accepts(number, &answer) {
            served.accepted += 1;
        } else {
            served.refused += 1;
            served.first_refusal.get_or_insert_with(|| answer.unexpected("load").to_string());
        }
        let now = Instant::now();
        served.latencies_ms.push_ms(now - sent_at);
        sent_at = now;
    }
    Ok(served)
}

impl Served {
    fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.latencies_ms.extend(&other.latencies_ms);
        self.first_refusal = self.first_refusal.take().or(other.first_refusal);
    }
}
