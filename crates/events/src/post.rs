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
    /// False for a draft. Staff may hide what is published: see [`PostHidden`].
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

/// Staff hid a post: it is its author's and staff's now, as a draft is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PostHidden {
    /// Which post.
    pub post_id: PostId,
    /// Who wrote it.
    pub author_id: UserId,
    /// True if everybody could see it until now, false for a draft.
    pub was_published: bool,
    /// Why, in the words of whoever hid it.
    pub reason: Personal<String>,
}

/// Staff hide a post no longer: it is again what it was before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PostUnhidden {
    /// Which post.
    pub post_id: PostId,
    /// Who wrote it.
    pub author_id: UserId,
    /// True if everybody can see it from now on, false for a draft.
    pub published: bool,
}
