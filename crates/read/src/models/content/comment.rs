//! `comment:ID`: a comment with its author's card.

use super::ContentDocument;
use super::card::Card;
use super::post;
use crate::models::fields::{big_int, global_id, micros, readable};
use crate::projection::{DocumentKey, Lookup, Unfoldable};
use millrace_events::comment::CommentWritten;
use millrace_events::{CommentId, Position, PostId, Recorded, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The kind of these documents.
pub const KIND: &str = "comment";

/// A comment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Comment {
    /// Which comment.
    #[serde(with = "global_id")]
    pub id: CommentId,
    /// Version of the comment, for `expectedVersion`.
    pub version: u32,
    /// Position of the event that changed its text last.
    #[serde(with = "big_int")]
    pub revision: Position,
    /// When it was written.
    pub created_at: Timestamp,
    /// The same, for sorting.
    pub created_micros: i64,
    /// When its text changed last.
    pub updated_at: Timestamp,
    /// What it says; empty once its author is erased.
    pub text: String,
    /// Who wrote it.
    pub author: Arc<Card>,
    /// The same, for selecting.
    pub author_id: UserId,
    /// On which post.
    pub post_id: PostId,
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

    /// Position of the last change of text or author; its copy in the post's window says the same.
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
    comment.version = event.aggregate.version;
    comment.revision = event.position;
    comment.updated_at = event.at;
    Ok(())
}
