//! The feed and its subscriptions: in memory, step by step, then over real servers.

mod begin;
mod bounds;
mod follow;
mod notices;
mod random;
mod servers;
pub(crate) mod world;
