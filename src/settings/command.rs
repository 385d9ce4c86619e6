//! `command`: where commands go when they are not handled in this process.

use super::numbers::at_least_one;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// The command side's place.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CommandSettings {
    /// Where the query role sends commands; empty: handled in this process.
    pub url: String,
    /// Where a command role listens for them.
    pub listen: SocketAddr,
    /// How long a command's transaction may take, in milliseconds: until its COMMIT, and the COMMIT again. PostgreSQL ends a statement
    /// after 10 s, waiting for locks included; this is for a PostgreSQL that is gone without a word. What is not answered by then has no
    /// effect, or is asked for over another connection.
    #[serde(deserialize_with = "at_least_one")]
    pub transaction_ms_max: u64,
}

impl Default for CommandSettings {
    fn default() -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 4010));
        Self { url: String::new(), listen, transaction_ms_max: 60_000 }
    }
}
