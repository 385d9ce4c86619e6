//! Copies the log into JetStream, verifies and refills it.

pub mod compare;
pub mod confirmed;
pub mod core;
pub mod error;
pub mod judge;
pub mod keys;
pub mod message;
pub mod mirror;
pub mod ports;
pub mod round;
pub mod window;
