//! Posts: hiding them, which is for staff, and taking it back.
//!
//! A hidden post is its author's and staff's alone, as a draft is. Its author may still rewrite and delete it; whether it is published
//! can only change once staff show it again.

use super::PostChanged;
use super::standing::Found;
use crate::CommandError;
use crate::command::{Command, Handled, Sender};
use crate::fields::{Fields, check_version};
use crate::rows::post;
use crate::unit_of_work::{Handling, UnitOfWork};
use async_graphql::InputObject;
use millrace_events::post::{PostHidden, PostUnhidden};
use millrace_events::values::Reason;
use millrace_events::{Event, Personal, PostId, UserId};
use sea_orm::Set;
use serde::{Deserialize, Serialize};

/// Hides a post from everybody but its author and staff. Hiding it twice is no error: the first reason stays. For staff.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "HidePostInput")]
#[serde(rename_all = "camelCase")]
pub struct HidePost {
    /// Which post.
    pub post_id: PostId,
    /// Why, up to 500 characters. Its author is shown it.
    pub reason: String,
    /// The version that the post must still be at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u32>,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// Hides a post no longer: it is again what it was before, public or a draft. Doing so twice is no error. For staff.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "UnhidePostInput")]
#[serde(rename_all = "camelCase")]
pub struct UnhidePost {
    /// Which post.
    pub post_id: PostId,
    /// The version that the post must still be at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u32>,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// The wish to hide a post, parsed.
#[derive(Debug, Clone)]
pub struct PostHiding {
    post_id: PostId,
    reason: Reason,
    expected_version: Option<u32>,
}

impl Command for HidePost {
    const NAME: &'static str = "hidePost";
    const SENDER: Sender = Sender::Staff;
    type Valid = PostHiding;
    type Outcome = PostChanged;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<PostHiding, Vec<CommandError>> {
        let mut fields = Fields::default();
        let reason = fields.take("reason", Reason::parse(&self.reason));
        let (post_id, expected_version) = (self.post_id, self.expected_version);
        fields.finish(reason.map(|reason| PostHiding { post_id, reason, expected_version }))
    }

    async fn handle(valid: &PostHiding, unit: &mut UnitOfWork) -> Handling<Handled<PostChanged>> {
        let (found, _) = Found::load(unit, valid.post_id).await?;
        let event = decide_hide(&found, unit.user_id()?, valid.expected_version, &valid.reason)?;
        change(unit, &found, event).await
    }
}

impl Command for UnhidePost {
    const NAME: &'static str = "unhidePost";
    const SENDER: Sender = Sender::Staff;
    type Valid = Self;
    type Outcome = PostChanged;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<Self, Vec<CommandError>> {
        Ok(self.clone())
    }

    async fn handle(valid: &Self, unit: &mut UnitOfWork) -> Handling<Handled<PostChanged>> {
        let (found, _) = Found::load(unit, valid.post_id).await?;
        let event = decide_unhide(&found, valid.expected_version)?;
        change(unit, &found, event).await
    }
}

async fn change(unit: &mut UnitOfWork, found: &Found, event: Option<Event>) -> Handling<Handled<PostChanged>> {
    let handled = Handled::new(PostChanged { post: found.id });
    let Some(event) = event else { return Ok(handled.at(found.id, found.version())) };
    let at = unit.at().moment();
    let columns = post::ActiveModel { hidden_at: Set((!found.hidden).then_some(at)), ..Default::default() };
    post::advance(unit.db(), found.id.0, found.version, columns, at).await?;
    unit.record(found.id.0, found.version() + 1, event);
    Ok(handled.at(found.id, found.version() + 1))
}

/// What happens; `None` if it is hidden already.
pub(super) fn decide_hide(
    found: &Found,
    writer: UserId,
    expected: Option<u32>,
    reason: &Reason,
) -> Result<Option<Event>, CommandError> {
    check_version(expected, found.version())?;
    let hidden = PostHidden {
        post_id: found.id,
        author_id: found.author,
        was_published: found.published,
        reason: Personal::known(writer, reason.as_str().to_owned()),
    };
    Ok((!found.hidden).then_some(Event::PostHidden(hidden)))
}

/// What happens; `None` if it is not hidden.
pub(super) fn decide_unhide(found: &Found, expected: Option<u32>) -> Result<Option<Event>, CommandError> {
    check_version(expected, found.version())?;
    let shown = PostUnhidden { post_id: found.id, author_id: found.author, published: found.published };
    Ok(found.hidden.then_some(Event::PostUnhidden(shown)))
}
