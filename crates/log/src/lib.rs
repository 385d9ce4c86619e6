//! Outbox, sequencing, log and keys of persons in PostgreSQL.
//!
//! A command records its events into the outbox in its own transaction ([`outbox`]). Sequencing moves committed events into the log,
//! each at the next position ([`Log::sequence`], joined by many at once through [`Sequencer`]). Readers copy the log from wherever they
//! are ([`Log::read`]), woken by [`Log::listen`].

mod backlog;
mod connection;
mod error;
mod head;
mod history;
pub mod keys;
mod log;
mod migrations;
pub mod outbox;
mod page;
mod sequencer;
mod settings;
mod spaced;
mod wakeups;

pub use backlog::{Call, Moved, sequence_backlog};
pub use error::{LogError, is_retryable};
pub use head::LogHead;
pub use keys::{KEYS_MAX, KeyRow};
pub use log::{Log, SEQUENCED_AT_ONCE};
pub use migrations::migrate;
pub use outbox::{EVENT_BYTES_MAX, EVENTS_PER_COMMAND_MAX, NewEvent, command_ordinal};
pub use page::{READ_BYTES_MAX, READ_EVENTS_MAX};
pub use sequencer::{Sequencer, Sequencing};
pub use settings::PostgresSettings;
pub use spaced::Spaced;
pub use wakeups::Wakeups;
