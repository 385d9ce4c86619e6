//! The relay on a real NATS and a real PostgreSQL. Each test has a database and a stream of its own.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod copying;
mod damaged;
mod keys;
mod lost;
mod paused;
mod proxy;
mod went_back;
mod world;
