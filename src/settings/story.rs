//! `story`: what goes on by itself in `millrace dev`.

use serde::{Deserialize, Serialize};

/// The story of the demo shop: in `millrace dev` people order, pay and comment, and staff send what is paid.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StorySettings {
    /// Tell it.
    pub told: bool,
    /// The time between two steps, in milliseconds.
    pub step_ms: u64,
    /// So many orders, then it rests until the next start.
    pub orders_max: u32,
}

impl Default for StorySettings {
    fn default() -> Self {
        Self { told: true, step_ms: 3_000, orders_max: 1_000 }
    }
}
