//! `command`: where commands go when they are not handled in this process.

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
}

impl Default for CommandSettings {
    fn default() -> Self {
        Self { url: String::new(), listen: SocketAddr::from(([127, 0, 0, 1], 4010)) }
    }
}
