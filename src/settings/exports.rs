//! `exports`: exports of one's own data.

use crate::http::exports;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Exports of one's own data.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExportSettings {
    /// Where clients reach exports; a link's token is appended. The default is a path where GraphQL is served, `https://…/exports/` names
    /// the host too.
    pub url: String,
    /// How long a link is good, in seconds.
    pub link_s: u32,
    /// Exports that one process writes at once. A person has one at a time.
    pub at_once_max: usize,
    /// The longest time that an export may take, however slowly its client takes it, in milliseconds (command and query roles).
    pub time_ms_max: u64,
    /// The longest time that one piece of an export may wait for its client, in milliseconds (command role).
    pub piece_ms_max: u64,
}

impl Default for ExportSettings {
    fn default() -> Self {
        Self { url: exports::PATH.into(), link_s: 300, at_once_max: 4, time_ms_max: 120_000, piece_ms_max: 10_000 }
    }
}

impl ExportSettings {
    /// The longest time that an export may take.
    pub fn time_max(&self) -> Duration {
        Duration::from_millis(self.time_ms_max)
    }
}
