//! One person following another.

use crate::UserId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A person began or ended following another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FollowChanged {
    /// Who follows.
    pub follower_id: UserId,
    /// Who is followed.
    pub followed_id: UserId,
}
