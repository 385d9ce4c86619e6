//! The processes of a schedule. None of them leads, and each may die or stand still at any step.

pub mod client;
pub mod command;
pub mod decision;
pub mod event;
pub mod operator;
pub mod projector;
pub mod query;
pub mod relay;
pub mod subscriber;
pub mod transaction;

use crate::sim::Sim;

/// Command processes.
const COMMANDS: usize = 2;
/// Relays.
const RELAYS: usize = 2;
/// Query processes.
const QUERIES: usize = 2;
/// Subscribers.
const SUBSCRIBERS: usize = 2;
/// Clients.
const CLIENTS: usize = 3;

/// Starts everybody.
pub fn start(sim: &Sim) {
    for number in 0..COMMANDS {
        command::start(sim, number);
    }
    for number in 0..RELAYS {
        relay::start(sim, number);
    }
    projector::start(sim);
    for number in 0..QUERIES {
        query::start(sim, number);
    }
    for number in 0..SUBSCRIBERS {
        subscriber::start(sim, number);
    }
    for number in 0..CLIENTS {
        client::start(sim, number);
    }
    operator::start(sim);
}
