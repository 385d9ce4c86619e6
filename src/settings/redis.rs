//! `redis`: the cache.

use super::SecretUrl;
use serde::{Deserialize, Serialize};

/// Redis.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedisSettings {
    /// Address and credentials.
    pub url: SecretUrl,
    /// First part of every key.
    pub prefix: String,
    /// How long a document stays cached, in seconds.
    pub document_ttl_s: u64,
}

impl Default for RedisSettings {
    fn default() -> Self {
        Self { url: SecretUrl("redis://127.0.0.1:6379".into()), prefix: "millrace".into(), document_ttl_s: 3_600 }
    }
}
