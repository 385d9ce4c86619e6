//! Promises of the whole system, shown on real servers and real processes.

#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

mod away;
mod boundaries;
mod cache;
mod checker;
mod crowd;
mod dev;
mod faults;
mod examples;
mod broadcast;
mod checker;
mod front;
mod harness;
mod http;
mod idempotency;
mod isolation;
mod kills;
mod live;
mod load;
mod mutations;
mod pairs;
mod playground;
mod schema;
mod witness;
mod shown_live;
