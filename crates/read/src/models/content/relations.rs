//! `like:POST/USER` and `following:FOLLOWER/FOLLOWED`: the projection's own lookups for `viewerHasLiked` and the feed.

use super::{ContentDocument, post};
use crate::models::fields::micros;
use crate::projection::{DocumentKey, Lookup};
use millrace_events::follow::FollowChanged;
use millrace_events::like::LikeChanged;
use millrace_events::{PostId, Recorded, UserId};
use serde::{Deserialize, Serialize};

/// The kind of likes.
pub const LIKE: &str = "like";
/// The kind of follow lookups.
pub const FOLLOWING: &str = "following";

/// A person likes a post.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Like {
    /// Which post.
    pub post_id: PostId,
    /// Who likes it.
    pub user_id: UserId,
}

/// A person follows an author.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Following {
    /// Who follows.
    pub follower_id: UserId,
    /// Whose posts are wanted.
    pub followed_id: UserId,
    /// Since when, for sorting.
    pub created_micros: i64,
}

/// The key of a like.
pub fn like_key(post: PostId, user: UserId) -> DocumentKey {
    DocumentKey::new(LIKE, format_args!("{post}/{user}"))
}

/// The key of a follow lookup.
pub fn following_key(follower: UserId, followed: UserId) -> DocumentKey {
    DocumentKey::new(FOLLOWING, format_args!("{follower}/{followed}"))
}

pub(super) fn liked(document: &mut Option<ContentDocument>, e: &LikeChanged, others: &dyn Lookup<ContentDocument>) {
    if others.get(&post::key(e.post_id)).is_some() {
        *document = Some(ContentDocument::Like(Like { post_id: e.post_id, user_id: e.user_id }));
    }
}

pub(super) fn followed(document: &mut Option<ContentDocument>, event: &Recorded, e: &FollowChanged) {
    let following =
        Following { follower_id: e.follower_id, followed_id: e.followed_id, created_micros: micros(event.at) };
    *document = Some(ContentDocument::Following(following));
}
