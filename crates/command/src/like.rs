//! Liking posts.

use crate::CommandError;
use crate::command::{Command, Handled};
use crate::post::Standing;
use crate::rows::{self, like, post};
use crate::unit_of_work::{Handling, UnitOfWork};
use async_graphql::InputObject;
use millrace_events::aggregate::pair_id;
use millrace_events::like::LikeChanged;
use millrace_events::{Event, PostId, UserId};
use serde::{Deserialize, Serialize};

const UNSEEN: &str = "A post that only you see cannot be liked.";

/// Likes a post. Liking it twice is no error.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "LikePostInput")]
#[serde(rename_all = "camelCase")]
pub struct LikePost {
    /// Which post.
    pub post_id: PostId,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// Likes a post no longer. Ending it twice is no error.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "UnlikePostInput")]
#[serde(rename_all = "camelCase")]
pub struct UnlikePost {
    /// Which post.
    pub post_id: PostId,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// Which post it was about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LikeDone {
    /// The post that is liked, or no longer.
    pub post: PostId,
}

impl Command for LikePost {
    const NAME: &'static str = "likePost";
    type Valid = PostId;
    type Outcome = LikeDone;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<PostId, Vec<CommandError>> {
        Ok(self.post_id)
    }

    async fn handle(post_id: &PostId, unit: &mut UnitOfWork) -> Handling<Handled<LikeDone>> {
        set(unit, *post_id, true).await
    }
}

impl Command for UnlikePost {
    const NAME: &'static str = "unlikePost";
    type Valid = PostId;
    type Outcome = LikeDone;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<PostId, Vec<CommandError>> {
        Ok(self.post_id)
    }

    async fn handle(post_id: &PostId, unit: &mut UnitOfWork) -> Handling<Handled<LikeDone>> {
        set(unit, *post_id, false).await
    }
}

async fn set(unit: &mut UnitOfWork, post_id: PostId, active: bool) -> Handling<Handled<LikeDone>> {
    let user_id = unit.user_id()?;
    let standing = Standing::of(post::relied_on(unit.db(), post_id.0).await?, user_id);
    let pair = like::locked(unit.db(), post_id.0, user_id.0).await?;
    let handled = Handled::new(LikeDone { post: post_id });
    let Some(event) = decide(standing, pair.as_ref().map(|pair| pair.active), post_id, user_id, active)? else {
        return Ok(match pair {
            Some(pair) => handled.at_version(rows::version(pair.version)),
            None => handled,
        });
    };
    let version = write(unit, pair, post_id, user_id, active).await?;
    unit.record(pair_id(post_id.0, user_id.0), version, event);
    Ok(handled.at_version(version))
}

/// What happens; `None` if it is so already.
fn decide(
    standing: Standing,
    now: Option<bool>,
    post_id: PostId,
    user_id: UserId,
    active: bool,
) -> Result<Option<Event>, CommandError> {
    standing.must_be_public(UNSEEN)?;
    let changed = LikeChanged { post_id, user_id };
    Ok(match (now.unwrap_or(false), active) {
        (false, true) => Some(Event::PostLiked(changed)),
        (true, false) => Some(Event::PostUnliked(changed)),
        _ => None,
    })
}

async fn write(
    unit: &UnitOfWork,
    pair: Option<like::Model>,
    post_id: PostId,
    user_id: UserId,
    active: bool,
) -> Handling<u32> {
    let changed_at = unit.at().moment();
    if let Some(pair) = pair {
        like::advance(unit.db(), &pair, active, changed_at).await?;
        return Ok(rows::version(pair.version) + 1);
    }
    let (post_id, user_id) = (post_id.0, user_id.0);
    rows::insert(unit.db(), like::Model { post_id, user_id, version: 1, active, changed_at }).await?;
    Ok(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_change_is_an_event() {
        let (post_id, user_id) = (PostId::generate(), UserId::generate());
        let changed = LikeChanged { post_id, user_id };
        for (now, wanted, then) in [
            (None, true, Some(Event::PostLiked(changed.clone()))),
            (Some(false), true, Some(Event::PostLiked(changed.clone()))),
            (Some(true), true, None),
            (None, false, None),
            (Some(false), false, None),
            (Some(true), false, Some(Event::PostUnliked(changed))),
        ] {
            assert_eq!(decide(Standing::Public, now, post_id, user_id, wanted), Ok(then), "{now:?} {wanted}");
        }
    }

    #[test]
    fn what_one_may_not_see_is_not_there_and_an_unseen_one_of_ones_own_cannot_be_liked() {
        let decided = |standing| decide(standing, None, PostId::generate(), UserId::generate(), true).unwrap_err();
        assert_eq!(decided(Standing::Absent), CommandError::not_found("post", "postId"));
        assert_eq!(decided(Standing::Unseen), CommandError::not_allowed(UNSEEN, "postId"));
    }
}
