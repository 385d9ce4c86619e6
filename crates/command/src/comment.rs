//! Comments on posts.

mod hiding;
#[cfg(test)]
mod tests;

use crate::CommandError;
use crate::command::{Command, Handled};
use crate::fields::{Fields, check_version};
use crate::post::Standing;
use crate::rows::{self, comment, post};
use crate::unit_of_work::{Handling, UnitOfWork};
use async_graphql::InputObject;
use millrace_events::comment::{CommentDeleted, CommentWritten};
use millrace_events::values::CommentText;
use millrace_events::{CommentId, Event, Personal, PostId, UserId};
use sea_orm::Set;
use serde::{Deserialize, Serialize};

pub use self::hiding::{HideComment, UnhideComment};

const UNSEEN: &str = "A post that only you see takes no comments.";

/// Adds a comment to a post that everybody may see.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "AddCommentInput")]
#[serde(rename_all = "camelCase")]
pub struct AddComment {
    /// Which post.
    pub post_id: PostId,
    /// What to say, up to 2,000 characters.
    pub text: String,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// What adding a comment did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommentAdded {
    /// The new comment.
    pub comment: CommentId,
    /// The post that it is on.
    pub post: PostId,
}

/// A new comment whose text is parsed.
#[derive(Debug, Clone)]
pub struct NewComment {
    post_id: PostId,
    text: CommentText,
}

impl Command for AddComment {
    const NAME: &'static str = "addComment";
    type Valid = NewComment;
    type Outcome = CommentAdded;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<NewComment, Vec<CommandError>> {
        let mut fields = Fields::default();
        let text = fields.take("text", CommentText::parse(&self.text));
        fields.finish(text.map(|text| NewComment { post_id: self.post_id, text }))
    }

    async fn handle(valid: &NewComment, unit: &mut UnitOfWork) -> Handling<Handled<CommentAdded>> {
        let (author_id, post_id) = (unit.user_id()?, valid.post_id);
        let standing = Standing::of(post::relied_on(unit.db(), post_id.0).await?, author_id);
        standing.must_be_public(UNSEEN)?;
        let (comment_id, at) = (CommentId::generate(), unit.at().moment());
        let row = comment::Model {
            id: comment_id.0,
            version: 1,
            post_id: post_id.0,
            author_id: author_id.0,
            text: valid.text.as_str().to_owned(),
            hidden_at: None,
            created_at: at,
            updated_at: at,
        };
        let event = Event::CommentAdded(written(&row, &valid.text));
        rows::insert(unit.db(), row).await?;
        unit.record(comment_id.0, 1, event);
        Ok(Handled::new(CommentAdded { comment: comment_id, post: post_id }).at(comment_id, 1))
    }
}

fn written(comment: &comment::Model, text: &CommentText) -> CommentWritten {
    let author_id = UserId(comment.author_id);
    CommentWritten {
        comment_id: CommentId(comment.id),
        post_id: PostId(comment.post_id),
        author_id,
        text: Personal::known(author_id, text.as_str().to_owned()),
    }
}

/// Rewrites a comment of yours.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "EditCommentInput")]
#[serde(rename_all = "camelCase")]
pub struct EditComment {
    /// Which comment.
    pub comment_id: CommentId,
    /// What it shall say, up to 2,000 characters.
    pub text: String,
    /// The version that the comment must still be at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u32>,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// What changing a comment did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommentChanged {
    /// The comment.
    pub comment: CommentId,
    /// The post that it is on.
    pub post: PostId,
}

/// A wanted text of a comment, parsed.
#[derive(Debug, Clone)]
pub struct CommentChange {
    comment_id: CommentId,
    text: CommentText,
    expected_version: Option<u32>,
}

impl Command for EditComment {
    const NAME: &'static str = "editComment";
    type Valid = CommentChange;
    type Outcome = CommentChanged;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<CommentChange, Vec<CommandError>> {
        let mut fields = Fields::default();
        let text = fields.take("text", CommentText::parse(&self.text));
        let (comment_id, expected_version) = (self.comment_id, self.expected_version);
        fields.finish(text.map(|text| CommentChange { comment_id, text, expected_version }))
    }

    async fn handle(valid: &CommentChange, unit: &mut UnitOfWork) -> Handling<Handled<CommentChanged>> {
        let found = Found::load(unit, valid.comment_id).await?;
        let (comment, version) = (&found.comment, rows::version(found.comment.version));
        let post = PostId(comment.post_id);
        let handled = Handled::new(CommentChanged { comment: valid.comment_id, post });
        if !decide_edit(&found, unit.user_id()?, valid)? {
            return Ok(handled.at(valid.comment_id, version));
        }
        let columns = comment::ActiveModel { text: Set(valid.text.as_str().to_owned()), ..Default::default() };
        comment::advance(unit.db(), comment, columns, unit.at().moment()).await?;
        unit.record(comment.id, version + 1, Event::CommentEdited(written(comment, &valid.text)));
        Ok(handled.at(valid.comment_id, version + 1))
    }
}

/// A comment as somebody finds it: locked, with what the post allows.
#[derive(Debug, Clone, PartialEq)]
struct Found {
    comment: comment::Model,
    post_author: UserId,
    post: Standing,
}

impl Found {
    async fn load(unit: &UnitOfWork, comment_id: CommentId) -> Handling<Self> {
        let absent = || CommandError::not_found("comment", "commentId");
        let post_id = comment::post_of(unit.db(), comment_id.0).await?.ok_or_else(absent)?;
        let post = post::relied_on(unit.db(), post_id).await?.ok_or_else(absent)?;
        let comment = comment::locked(unit.db(), comment_id.0).await?.ok_or_else(absent)?;
        let post_author = UserId(post.0);
        Ok(Self { comment, post_author, post: Standing::of(Some(post), unit.user_id()?) })
    }

    /// True while staff have it hidden.
    fn is_hidden(&self) -> bool {
        self.comment.hidden_at.is_some()
    }

    /// Its author always sees it, whatever became of it or of the post; others see it where they see the post, if it is not hidden.
    fn check_visible(&self, viewer: UserId) -> Result<(), CommandError> {
        let is_seen = self.post != Standing::Absent && !self.is_hidden();
        if !is_seen && self.comment.author_id != viewer.0 {
            return Err(CommandError::not_found("comment", "commentId"));
        }
        Ok(())
    }
}

/// True if there is something to change.
fn decide_edit(found: &Found, viewer: UserId, change: &CommentChange) -> Result<bool, CommandError> {
    found.check_visible(viewer)?;
    if found.comment.author_id != viewer.0 {
        return Err(CommandError::not_allowed("Only its author may edit a comment.", "commentId"));
    }
    check_version(change.expected_version, rows::version(found.comment.version))?;
    Ok(found.comment.text != change.text.as_str())
}

/// Deletes a comment: one of yours, or anybody's on a post of yours.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "DeleteCommentInput")]
#[serde(rename_all = "camelCase")]
pub struct DeleteComment {
    /// Which comment.
    pub comment_id: CommentId,
    /// The version that the comment must still be at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u32>,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// What deleting a comment did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommentRemoved {
    /// The comment that is no more.
    pub deleted_comment_id: CommentId,
    /// The post that it was on.
    pub post: PostId,
}

impl Command for DeleteComment {
    const NAME: &'static str = "deleteComment";
    type Valid = Self;
    type Outcome = CommentRemoved;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<Self, Vec<CommandError>> {
        Ok(self.clone())
    }

    async fn handle(valid: &Self, unit: &mut UnitOfWork) -> Handling<Handled<CommentRemoved>> {
        let found = Found::load(unit, valid.comment_id).await?;
        let event = decide_delete(&found, unit.user_id()?, valid.expected_version)?;
        let version = rows::version(found.comment.version) + 1;
        comment::delete(unit.db(), found.comment.id).await?;
        let outcome = CommentRemoved { deleted_comment_id: valid.comment_id, post: event.post_id };
        unit.record(found.comment.id, version, Event::CommentDeleted(event));
        Ok(Handled::new(outcome).at(valid.comment_id, version))
    }
}

fn decide_delete(found: &Found, viewer: UserId, expected: Option<u32>) -> Result<CommentDeleted, CommandError> {
    found.check_visible(viewer)?;
    let comment = &found.comment;
    if comment.author_id != viewer.0 && found.post_author != viewer {
        let refused = "Only its author and the post's author may delete a comment.";
        return Err(CommandError::not_allowed(refused, "commentId"));
    }
    check_version(expected, rows::version(comment.version))?;
    Ok(CommentDeleted {
        comment_id: CommentId(comment.id),
        post_id: PostId(comment.post_id),
        author_id: UserId(comment.author_id),
        was_hidden: found.is_hidden(),
    })
}
