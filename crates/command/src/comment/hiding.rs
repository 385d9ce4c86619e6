//! Comments: hiding them, which is for staff, and taking it back.
//!
//! A hidden comment is in no list and counted nowhere; its author and staff find it by its id. Its author may still rewrite and
//! delete it.

use super::{CommentChanged, Found};
use crate::CommandError;
use crate::command::{Command, Handled, Sender};
use crate::fields::{Fields, check_version};
use crate::rows::{self, comment};
use crate::unit_of_work::{Handling, UnitOfWork};
use async_graphql::InputObject;
use millrace_events::comment::{CommentHidden, CommentUnhidden};
use millrace_events::values::Reason;
use millrace_events::{CommentId, Event, Personal, PostId, UserId};
use sea_orm::Set;
use serde::{Deserialize, Serialize};

/// Hides a comment from everybody but its author and staff. Hiding it twice is no error: the first reason stays. For staff.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "HideCommentInput")]
#[serde(rename_all = "camelCase")]
pub struct HideComment {
    /// Which comment.
    pub comment_id: CommentId,
    /// Why, up to 500 characters. Its author is shown it.
    pub reason: String,
    /// The version that the comment must still be at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u32>,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// Hides a comment no longer: it stands in its old place again. Doing so twice is no error. For staff.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "UnhideCommentInput")]
#[serde(rename_all = "camelCase")]
pub struct UnhideComment {
    /// Which comment.
    pub comment_id: CommentId,
    /// The version that the comment must still be at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u32>,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// The wish to hide a comment, parsed.
#[derive(Debug, Clone)]
pub struct CommentHiding {
    comment_id: CommentId,
    reason: Reason,
    expected_version: Option<u32>,
}

impl Command for HideComment {
    const NAME: &'static str = "hideComment";
    const SENDER: Sender = Sender::Staff;
    type Valid = CommentHiding;
    type Outcome = CommentChanged;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<CommentHiding, Vec<CommandError>> {
        let mut fields = Fields::default();
        let reason = fields.take("reason", Reason::parse(&self.reason));
        let (comment_id, expected_version) = (self.comment_id, self.expected_version);
        fields.finish(reason.map(|reason| CommentHiding { comment_id, reason, expected_version }))
    }

    async fn handle(valid: &CommentHiding, unit: &mut UnitOfWork) -> Handling<Handled<CommentChanged>> {
        let found = Found::load(unit, valid.comment_id).await?;
        let event = decide_hide(&found, unit.user_id()?, valid.expected_version, &valid.reason)?;
        change(unit, &found, event).await
    }
}

impl Command for UnhideComment {
    const NAME: &'static str = "unhideComment";
    const SENDER: Sender = Sender::Staff;
    type Valid = Self;
    type Outcome = CommentChanged;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<Self, Vec<CommandError>> {
        Ok(self.clone())
    }

    async fn handle(valid: &Self, unit: &mut UnitOfWork) -> Handling<Handled<CommentChanged>> {
        let found = Found::load(unit, valid.comment_id).await?;
        let event = decide_unhide(&found, valid.expected_version)?;
        change(unit, &found, event).await
    }
}

async fn change(unit: &mut UnitOfWork, found: &Found, event: Option<Event>) -> Handling<Handled<CommentChanged>> {
    let (comment, version) = (&found.comment, rows::version(found.comment.version));
    let id = CommentId(comment.id);
    let handled = Handled::new(CommentChanged { comment: id, post: PostId(comment.post_id) });
    let Some(event) = event else { return Ok(handled.at(id, version)) };
    let at = unit.at().moment();
    let columns = comment::ActiveModel { hidden_at: Set((!found.is_hidden()).then_some(at)), ..Default::default() };
    comment::advance(unit.db(), comment, columns, at).await?;
    unit.record(comment.id, version + 1, event);
    Ok(handled.at(id, version + 1))
}

/// What happens; `None` if it is hidden already.
pub(super) fn decide_hide(
    found: &Found,
    writer: UserId,
    expected: Option<u32>,
    reason: &Reason,
) -> Result<Option<Event>, CommandError> {
    let comment = &found.comment;
    check_version(expected, rows::version(comment.version))?;
    let hidden = CommentHidden {
        comment_id: CommentId(comment.id),
        post_id: PostId(comment.post_id),
        author_id: UserId(comment.author_id),
        reason: Personal::known(writer, reason.as_str().to_owned()),
    };
    Ok((!found.is_hidden()).then_some(Event::CommentHidden(hidden)))
}

/// What happens; `None` if it is not hidden.
pub(super) fn decide_unhide(found: &Found, expected: Option<u32>) -> Result<Option<Event>, CommandError> {
    let comment = &found.comment;
    check_version(expected, rows::version(comment.version))?;
    let shown = CommentUnhidden {
        comment_id: CommentId(comment.id),
        post_id: PostId(comment.post_id),
        author_id: UserId(comment.author_id),
    };
    Ok(found.is_hidden().then_some(Event::CommentUnhidden(shown)))
}
