//! One person liking a post.

use crate::{PostId, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A person began or ended liking a post.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LikeChanged {
    /// Which post.
    pub post_id: PostId,
    /// Who likes it.
    pub user_id: UserId,
}
