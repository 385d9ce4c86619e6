//! `payments`: the payment provider.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The payment provider.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PaymentSettings {
    /// What the provider signs its notices with: at least 32 bytes. Empty: no notices are taken, and no wallet is ever topped up.
    pub webhook_secret_file: PathBuf,
    /// How long a top-up that the provider does not answer counts among the ten of a wallet that may wait, in seconds. An answer that comes
    /// later counts all the same.
    pub top_up_waits_s: u32,
    /// For development: answers each top-up itself, by calling this webhook. Empty: only the real provider answers.
    pub development_webhook_url: String,
}

impl Default for PaymentSettings {
    fn default() -> Self {
        Self { webhook_secret_file: PathBuf::new(), top_up_waits_s: 86_400, development_webhook_url: String::new() }
    }
}
