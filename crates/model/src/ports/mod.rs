//! The cores' ports over the world in memory: each call is a point where anybody else may run, and may lose its answer.

pub mod cache;
pub mod log;
pub mod served;
pub mod source;
pub mod store;
pub mod stream;
