//! The log on a real PostgreSQL. Each test has a database of its own.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod begin;
mod causality;
mod connections;
mod events;
mod group_commit;
mod keys;
mod killed;
mod migrations;
mod new_history;
mod old_snapshot;
mod proxy;
mod reading;
mod recording;
mod setup;
mod wakeups;
