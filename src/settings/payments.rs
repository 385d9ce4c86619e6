//! `payments`: the payment provider.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The payment provider.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PaymentSettings {
    /// What the provider signs its notices with: at least 32 bytes. Empty: no notices are taken, and no wallet is ever topped up.
    pub webhook_secret_file: PathBuf,
    /// For development: answers each top-up itself, by calling this webhook. Empty: only the real provider answers.
    pub development_webhook_url: String,
}

impl Default for PaymentSettings {
    fn default() -> Self {
        Self { webhook_secret_file: PathBuf::new(), development_webhook_url: String::new() }
    }
}
