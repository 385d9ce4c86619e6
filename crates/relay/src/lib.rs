//! Copies the log into JetStream, verifies and refills it.
//!
//! The stream's sequence *is* the position, and each message is refused unless the stream ends just before it, so any number of relays
//! may copy at once: they can only write the same. [`core::Core`] does one bounded [`round`] at a time over [`ports`]; what it decides
//! on is plain data ([`judge`], [`confirmed`], [`window`], [`keys`]). [`Relay`] runs it over PostgreSQL and NATS.

mod beat;
pub mod compare;
pub mod confirmed;
pub mod core;
pub mod error;
mod figures;
pub mod jetstream;
pub mod judge;
pub mod keys;
pub mod message;
pub mod mirror;
pub mod ports;
mod postgres;
mod recreate;
pub mod round;
mod run;
#[cfg(test)]
mod sample;
mod schedule;
mod settings;
mod status;
pub mod window;

pub use beat::Beat;
pub use error::RelayError;
pub use judge::WentBack;
pub use recreate::recreate_for_new_history;
pub use run::Relay;
pub use settings::NatsSettings;
pub use status::RelayStatus;
