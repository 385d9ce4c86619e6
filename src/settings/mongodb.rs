//! `mongodb`: the documents.

use super::SecretUrl;
use serde::{Deserialize, Serialize};

/// MongoDB.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MongoSettings {
    /// Address and credentials; must be a replica set.
    pub url: SecretUrl,
    /// The database.
    pub database: String,
    /// How long changes are kept for subscriptions that resume, in hours.
    pub changes_kept_hours: u64,
}

impl Default for MongoSettings {
    fn default() -> Self {
        Self {
            url: SecretUrl("mongodb://127.0.0.1:27017/?directConnection=true".into()),
            database: "millrace".into(),
            changes_kept_hours: 24,
        }
    }
}
