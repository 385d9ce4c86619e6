//! `postgres`: the write side's database.

use super::SecretUrl;
use serde::{Deserialize, Serialize};

/// PostgreSQL.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PostgresSettings {
    /// Address, user, password and database.
    pub url: SecretUrl,
    /// Connections of this process at the most.
    pub connections_max: u32,
}

impl Default for PostgresSettings {
    fn default() -> Self {
        Self { url: SecretUrl("postgres://millrace@127.0.0.1:5432/millrace".into()), connections_max: 20 }
    }
}
