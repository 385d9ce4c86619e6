//! Starts real PostgreSQL, Redis, MongoDB and NATS for development and tests.
//!
//! [`provide`] finds the servers on this machine or gets them into a private folder, [`Servers::start`] runs them on
//! loopback over a data folder, and [`Shared`] gives tests the set that `millrace-servers exec` started. Nothing is
//! installed system-wide, and no server outlives the process that started it, however that process ends.

mod account;
mod apt;
mod bson;
mod data;
mod entropy;
mod error;
mod find;
mod kind;
mod launch;
mod mongodb;
mod nats;
mod nursery;
mod options;
mod ports;
mod postgresql;
mod probe;
mod process;
mod provide;
mod redis;
mod room;
mod server;
mod servers;
mod setup;
mod shared;
mod wheel;

pub use data::{copy_folder, home_folder};
pub use entropy::unique_name;
pub use error::{Error, FetchError};
pub use kind::Kind;
pub use nursery::{EndWith, spawn_bound};
pub use options::{NatsSync, Options};
pub use ports::Port;
pub use provide::{Binaries, Program, Progress, provide};
pub use server::Server;
pub use servers::{Servers, Urls};
pub use shared::{BINARIES_VARIABLE, SERVERS_VARIABLE, Shared};
