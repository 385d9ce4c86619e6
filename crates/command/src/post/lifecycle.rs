//! Posts: publishing and deleting them.

use super::PostChanged;
use super::standing::Found;
use crate::CommandError;
use crate::command::{Command, Handled};
use crate::rows::post;
use crate::unit_of_work::{Handling, UnitOfWork};
use async_graphql::InputObject;
use millrace_events::post::{PostDeleted, PostVisibilityChanged};
use millrace_events::{Event, PostId, UserId};
use sea_orm::Set;
use serde::{Deserialize, Serialize};

/// Shows a draft of yours to everybody. Publishing twice is no error. One that staff hide cannot be published.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "PublishPostInput")]
#[serde(rename_all = "camelCase")]
pub struct PublishPost {
    /// Which post.
    pub post_id: PostId,
    /// The version that the post must still be at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u32>,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// Makes a post of yours a draft again, which nobody else sees. Doing so twice is no error. One that staff hide stays what it is.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "UnpublishPostInput")]
#[serde(rename_all = "camelCase")]
pub struct UnpublishPost {
    /// Which post.
    pub post_id: PostId,
    /// The version that the post must still be at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u32>,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

impl Command for PublishPost {
    const NAME: &'static str = "publishPost";
    type Valid = Self;
    type Outcome = PostChanged;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<Self, Vec<CommandError>> {
        Ok(self.clone())
    }

    async fn handle(valid: &Self, unit: &mut UnitOfWork) -> Handling<Handled<PostChanged>> {
        show(unit, valid.post_id, valid.expected_version, true).await
    }
}

impl Command for UnpublishPost {
    const NAME: &'static str = "unpublishPost";
    type Valid = Self;
    type Outcome = PostChanged;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<Self, Vec<CommandError>> {
        Ok(self.clone())
    }

    async fn handle(valid: &Self, unit: &mut UnitOfWork) -> Handling<Handled<PostChanged>> {
        show(unit, valid.post_id, valid.expected_version, false).await
    }
}

async fn show(
    unit: &mut UnitOfWork,
    post_id: PostId,
    expected: Option<u32>,
    published: bool,
) -> Handling<Handled<PostChanged>> {
    let (found, _) = Found::load(unit, post_id).await?;
    let handled = Handled::new(PostChanged { post: post_id });
    let Some(event) = decide_show(&found, unit.user_id()?, expected, published)? else {
        return Ok(handled.at(post_id, found.version()));
    };
    let columns = post::ActiveModel { published: Set(published), ..Default::default() };
    post::advance(unit.db(), post_id.0, found.version, columns, unit.at().moment()).await?;
    unit.record(post_id.0, found.version() + 1, event);
    Ok(handled.at(post_id, found.version() + 1))
}

/// What happens; `None` if it is so already. What staff hide stays as it is until they show it again.
pub(super) fn decide_show(
    found: &Found,
    viewer: UserId,
    expected: Option<u32>,
    published: bool,
) -> Result<Option<Event>, CommandError> {
    found.check_change(viewer, expected)?;
    if found.hidden {
        let wanted = if published { "PUBLISHED" } else { "DRAFT" };
        return Err(CommandError::invalid_transition("HIDDEN", wanted, "postId"));
    }
    let changed = PostVisibilityChanged { post_id: found.id, author_id: found.author };
    Ok(match (found.published, published) {
        (false, true) => Some(Event::PostPublished(changed)),
        (true, false) => Some(Event::PostUnpublished(changed)),
        _ => None,
    })
}

/// Deletes a post of yours with its comments and likes.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "DeletePostInput")]
#[serde(rename_all = "camelCase")]
pub struct DeletePost {
    /// Which post.
    pub post_id: PostId,
    /// The version that the post must still be at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u32>,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// What deleting a post did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PostRemoved {
    /// The post that is no more.
    pub deleted_post_id: PostId,
}

impl Command for DeletePost {
    const NAME: &'static str = "deletePost";
    type Valid = Self;
    type Outcome = PostRemoved;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<Self, Vec<CommandError>> {
        Ok(self.clone())
    }

    /// One event tells it all: readers know which comments and likes hang on the post.
    async fn handle(valid: &Self, unit: &mut UnitOfWork) -> Handling<Handled<PostRemoved>> {
        let (found, _) = Found::load(unit, valid.post_id).await?;
        let event = decide_delete(&found, unit.user_id()?, valid.expected_version)?;
        post::delete(unit.db(), found.id.0).await?;
        unit.record(found.id.0, found.version() + 1, Event::PostDeleted(event));
        Ok(Handled::new(PostRemoved { deleted_post_id: found.id }).at(found.id, found.version() + 1))
    }
}

pub(super) fn decide_delete(found: &Found, viewer: UserId, expected: Option<u32>) -> Result<PostDeleted, CommandError> {
    found.check_change(viewer, expected)?;
    Ok(PostDeleted { post_id: found.id, author_id: found.author, was_published: found.is_public() })
}
