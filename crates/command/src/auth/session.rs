//! The credentials that a sign-in gives.

use async_graphql::SimpleObject;
use millrace_events::Timestamp;
use serde::{Deserialize, Serialize};

/// A sign-in on one device: what a client sends to be known.
#[derive(Clone, PartialEq, Eq, SimpleObject, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// For the header `Authorization: Bearer …`, good for a few minutes.
    pub access_token: String,
    /// For `refreshSession`, good for one use: each use gives the next one. Keep it secret.
    pub refresh_token: String,
    /// When the access token ends.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}
