//! Promises of the whole system, shown on real servers and real processes.

mod boundaries;
mod harness;
mod http;
mod isolation;
mod live;
mod mutations;
mod schema;
