//! Promises of the whole system, shown on real servers and real processes.

#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

mod accounts;
mod away;
mod boundaries;
mod broadcast;
mod cache;
mod checker;
mod crowd;
mod dev;
mod examples;
mod faults;
mod front;
mod harness;
mod http;
mod idempotency;
mod isolation;
mod kills;
mod live;
mod load;
mod metrics;
mod mutations;
mod pairs;
mod playground;
mod rename;
mod schema;
mod shop;
mod shown_live;
mod smtp;
mod witness;
