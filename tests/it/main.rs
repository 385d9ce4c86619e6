//! Promises of the whole system, shown on real servers and real processes.

#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

mod accounts;
mod acknowledged;
mod admission;
mod answers;
mod away;
mod bank;
mod boundaries;
mod broadcast;
mod cache;
mod catalogue;
mod checker;
mod crowd;
mod dev;
mod erasure;
mod examples;
mod export;
mod faults;
mod front;
mod harness;
mod http;
mod idempotency;
mod isolation;
mod kills;
mod live;
mod load;
mod market;
mod matrix;
mod metrics;
mod moderation;
mod mutations;
mod order_machine;
mod pairs;
mod playground;
mod rename;
mod schema;
mod sender;
mod shop;
mod shown_live;
mod slow_store;
mod smtp;
mod steps;
mod witness;
