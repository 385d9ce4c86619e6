//! `comment:ID`: a comment with its author's card.

use super::card::Card;
use super::hiding::Hiding;
use super::{ContentDocument, author_of, post};
use crate::models::fields::{big_int, global_id, micros, readable};
use crate::projection::{DocumentKey, Lookup, Unfoldable};
use millrace_events::comment::{CommentHidden, CommentUnhidden, CommentWritten};
use millrace_events::{CommentId, Position, PostId, Recorded, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The kind of these documents.
pub const KIND: &str = "comment";
/// What a post's list of comments is selected by: the field of that name.
pub const LISTED_ON: &str = "listedOn";

/// A comment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Comment {
    /// Which comment.
    #[serde(with = "global_id")]
    pub id: CommentId,
    /// Version of the comment, for `expectedVersion`.
    pub version: u32,
    /// Position of the event that changed it last.
    #[serde(with = "big_int")]
    pub revision: Position,
    /// When it was written.
    pub created_at: Timestamp,
    /// The same, for sorting.
    pub created_micros: i64,
    /// When its text changed last, or staff hid it or showed it again.
    pub updated_at: Timestamp,
    /// What it says; empty once its author is erased.
    pub text: String,
    /// Who wrote it.
    pub author: Arc<Card>,
    /// The same, for selecting.
    pub author_id: UserId,
    /// On which post.
    pub post_id: PostId,
    /// The post in whose list it stands, for selecting; none while it is hidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed_on: Option<PostId>,
    /// Set while staff have it hidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<Hiding>,
}

/// The key of a comment.
pub fn key(id: CommentId) -> DocumentKey {
    DocumentKey::new(KIND, id)
}

/// The comment that a key names, if it names one.
pub fn id_in(key: &DocumentKey) -> Option<CommentId> {
    key.as_str().strip_prefix(KIND)?.strip_prefix(':')?.parse().ok().map(CommentId)
}

impl Comment {
    /// Shows a newer card of its author. That of an erased one takes the text away.
    pub(super) fn renew(self: &mut Arc<Self>, card: &Arc<Card>) {
        if !self.author.gives_way_to(card) {
            return;
        }
        let comment = Arc::make_mut(self);
        comment.author = Arc::clone(card);
        if card.erased {
            comment.text.clear();
        }
    }

    /// Takes the reason out if this person gave it.
    pub(super) fn forget_reason(self: &mut Arc<Self>, person: UserId) {
        if let Some(hidden) = &mut Arc::make_mut(self).hidden {
            hidden.forget(person);
        }
    }

    fn note_change(&mut self, event: &Recorded) {
        self.version = event.aggregate.version;
        self.revision = event.position;
        self.updated_at = event.at;
    }

    fn show_again(&mut self, event: &Recorded) {
        self.hidden = None;
        self.listed_on = Some(self.post_id);
        self.note_change(event);
    }

    /// Position of the last change of it or of its author; its copy in the post's window says the same.
    pub fn revision(&self) -> Position {
        self.revision.max(self.author.revision)
    }
}

/// The comment that an event brings into being.
pub(super) fn written(
    event: &Recorded,
    e: &CommentWritten,
    key: &DocumentKey,
    others: &dyn Lookup<ContentDocument>,
) -> Result<Comment, Unfoldable> {
    Ok(Comment {
        id: e.comment_id,
        version: event.aggregate.version,
        revision: event.position,
        created_at: event.at,
        created_micros: micros(event.at),
        updated_at: event.at,
        text: readable(&e.text, key)?.cloned().unwrap_or_default(),
        author: Card::of(e.author_id, others),
        author_id: e.author_id,
        post_id: e.post_id,
        listed_on: Some(e.post_id),
        hidden: None,
    })
}

pub(super) fn added(
    document: &mut Option<ContentDocument>,
    event: &Recorded,
    e: &CommentWritten,
    key: &DocumentKey,
    others: &dyn Lookup<ContentDocument>,
) -> Result<(), Unfoldable> {
    if others.get(&post::key(e.post_id)).is_some() {
        *document = Some(ContentDocument::Comment(Arc::new(written(event, e, key, others)?)));
    }
    Ok(())
}

pub(super) fn edited(
    document: &mut Option<ContentDocument>,
    event: &Recorded,
    e: &CommentWritten,
    key: &DocumentKey,
) -> Result<(), Unfoldable> {
    let Some(ContentDocument::Comment(comment)) = document else { return Ok(()) };
    let comment = Arc::make_mut(comment);
    comment.text = readable(&e.text, key)?.cloned().unwrap_or_default();
    comment.note_change(event);
    Ok(())
}

pub(super) fn hidden(
    document: &mut Option<ContentDocument>,
    event: &Recorded,
    e: &CommentHidden,
    key: &DocumentKey,
) -> Result<(), Unfoldable> {
    let Some(ContentDocument::Comment(comment)) = document else { return Ok(()) };
    let comment = Arc::make_mut(comment);
    comment.hidden = Some(Hiding::of(event, &e.reason, key)?);
    comment.listed_on = None;
    comment.note_change(event);
    Ok(())
}

pub(super) fn unhidden(document: &mut Option<ContentDocument>, event: &Recorded) {
    if let Some(ContentDocument::Comment(comment)) = document {
        Arc::make_mut(comment).show_again(event);
    }
}

/// The comment that stands in its place again after this event, with the newest card of its author.
pub(super) fn shown_again(
    event: &Recorded,
    e: &CommentUnhidden,
    others: &dyn Lookup<ContentDocument>,
) -> Option<Arc<Comment>> {
    let Some(ContentDocument::Comment(comment)) = others.get(&key(e.comment_id)) else { return None };
    let mut comment = Arc::clone(comment);
    Arc::make_mut(&mut comment).show_again(event);
    if let Some(card) = author_of(e.author_id, others) {
        comment.renew(card);
    }
    Some(comment)
}
