//! What happens to a comment.

use crate::{CommentId, Personal, PostId, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A comment was written or rewritten. Carries the whole text as it is now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommentWritten {
    /// Which comment.
    pub comment_id: CommentId,
    /// On which post.
    pub post_id: PostId,
    /// Who wrote it.
    pub author_id: UserId,
    /// What it says.
    pub text: Personal<String>,
}

/// A comment was deleted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommentDeleted {
    /// Which comment.
    pub comment_id: CommentId,
    /// On which post.
    pub post_id: PostId,
    /// Who wrote it.
    pub author_id: UserId,
    /// True if staff had hidden it: then it was counted no longer.
    pub was_hidden: bool,
}

/// Staff hid a comment: it stands among its post's comments no longer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommentHidden {
    /// Which comment.
    pub comment_id: CommentId,
    /// On which post.
    pub post_id: PostId,
    /// Who wrote it.
    pub author_id: UserId,
    /// Why, in the words of whoever hid it.
    pub reason: Personal<String>,
}

/// Staff hide a comment no longer: it stands in its old place again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommentUnhidden {
    /// Which comment.
    pub comment_id: CommentId,
    /// On which post.
    pub post_id: PostId,
    /// Who wrote it.
    pub author_id: UserId,
}
