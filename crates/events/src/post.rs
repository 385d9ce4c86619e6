//! What happens to a post.

use crate::{Personal, PostId, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A post was written or rewritten. Carries the whole content as it is now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PostWritten {
    /// Which post.
    pub post_id: PostId,
    /// Who wrote it.
    pub author_id: UserId,
    /// Title.
    pub title: Personal<String>,
    /// Text.
    pub body: Personal<String>,
    /// Tags, without `#`, in lower case.
    pub tags: Personal<Vec<String>>,
    /// True if everybody may see it, false for a draft.
    pub published: bool,
}

/// A draft became public, or a public post a draft.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PostVisibilityChanged {
    /// Which post.
    pub post_id: PostId,
    /// Who wrote it.
    pub author_id: UserId,
}

/// A post was deleted, with all that hangs on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PostDeleted {
    /// Which post.
    pub post_id: PostId,
    /// Who wrote it.
    pub author_id: UserId,
    /// True if everybody could see it until now.
    pub was_published: bool,
}
