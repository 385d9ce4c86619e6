//! `post:ID`: the whole page of a post, with its author's card and its newest comments.

use super::card::Card;
use super::comment::{self, Comment};
use super::hiding::Hiding;
use super::window::{WINDOW_KEPT, WINDOW_SERVED, WindowComment, admit};
use super::{ContentDocument, author_of};
use crate::models::fields::{global_id, micros, readable};
use crate::projection::{DocumentKey, Lookup, Unfoldable};
use millrace_events::comment::{CommentDeleted, CommentHidden, CommentUnhidden, CommentWritten};
use millrace_events::post::{PostHidden, PostUnhidden, PostWritten};
use millrace_events::{CommentId, Position, PostId, Recorded, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The kind of these documents.
pub const KIND: &str = "post";

/// Who may see a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, async_graphql::Enum)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[graphql(name = "PostStatus")]
pub enum Status {
    /// Only the author and staff can see it.
    Draft,
    /// Everybody can see it.
    Published,
    /// Staff hide it: only the author and staff can see it.
    Hidden,
}

impl Status {
    /// The text in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "DRAFT",
            Self::Published => "PUBLISHED",
            Self::Hidden => "HIDDEN",
        }
    }
}

/// The page of a post. Title and text are empty once the author is erased.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Post {
    /// Which post.
    #[serde(with = "global_id")]
    pub id: PostId,
    /// Version of the post, for `expectedVersion`.
    pub version: u32,
    /// When it was written first.
    pub created_at: Timestamp,
    /// The same, for sorting.
    pub created_micros: i64,
    /// When its own fields changed last (comments and likes do not count).
    pub updated_at: Timestamp,
    /// Title.
    pub title: String,
    /// Text.
    pub body: String,
    /// Tags.
    pub tags: Vec<String>,
    /// Who may see it.
    pub status: Status,
    /// Who wrote it.
    pub author: Arc<Card>,
    /// The same, for selecting.
    pub author_id: UserId,
    /// How many comments it has; those that are hidden do not count.
    pub comment_count: u32,
    /// How many like it.
    pub like_count: u32,
    /// The newest comments, newest first.
    pub comments: Vec<Arc<WindowComment>>,
    /// Whose cards stand in this document, for selecting.
    pub card_ids: BTreeSet<UserId>,
    /// The event that asked for the refill of the window that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refill_since: Option<Position>,
    /// Set while staff have it hidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<Hiding>,
}

/// The key of a post.
pub fn key(id: PostId) -> DocumentKey {
    DocumentKey::new(KIND, id)
}

/// The post that a key names, if it names one.
pub fn id_in(key: &DocumentKey) -> Option<PostId> {
    key.as_str().strip_prefix(KIND)?.strip_prefix(':')?.parse().ok().map(PostId)
}

impl Post {
    /// True if the window alone can serve the newest comments.
    pub fn window_serves(&self) -> bool {
        self.comments.len() >= WINDOW_SERVED || self.window_holds_all()
    }

    /// True if there are no comments outside the window.
    pub fn window_holds_all(&self) -> bool {
        self.comments.len() >= self.comment_count as usize
    }

    /// Shows a newer card of its author or of who commented. That of an erased one takes away what they wrote here.
    pub(super) fn renew(self: &mut Arc<Self>, card: &Arc<Card>) {
        let post = Arc::make_mut(self);
        post.comments.iter_mut().for_each(|comment| comment.renew(card));
        if !post.author.gives_way_to(card) {
            return;
        }
        post.author = Arc::clone(card);
        if card.erased {
            post.title.clear();
            post.body.clear();
            post.tags.clear();
        }
    }

    /// Takes the reason out if this person gave it.
    pub(super) fn forget_reason(self: &mut Arc<Self>, person: UserId) {
        if let Some(hidden) = &mut Arc::make_mut(self).hidden {
            hidden.forget(person);
        }
    }

    fn note_cards(&mut self) {
        self.card_ids = self.comments.iter().map(|comment| comment.author.id).collect();
        self.card_ids.insert(self.author_id);
    }

    /// A comment stands here no longer.
    fn forget(&mut self, id: CommentId, position: Position) {
        self.comment_count = self.comment_count.saturating_sub(1);
        self.comments.retain(|comment| comment.id != id);
        self.note_cards();
        if !self.window_serves() && self.refill_since.is_none() {
            self.refill_since = Some(position);
        }
    }
}

pub(super) fn created(
    document: &mut Option<ContentDocument>,
    event: &Recorded,
    e: &PostWritten,
    key: &DocumentKey,
    others: &dyn Lookup<ContentDocument>,
) -> Result<(), Unfoldable> {
    let post = Post {
        id: e.post_id,
        version: event.aggregate.version,
        created_at: event.at,
        created_micros: micros(event.at),
        updated_at: event.at,
        title: readable(&e.title, key)?.cloned().unwrap_or_default(),
        body: readable(&e.body, key)?.cloned().unwrap_or_default(),
        tags: readable(&e.tags, key)?.cloned().unwrap_or_default(),
        status: if e.published { Status::Published } else { Status::Draft },
        author: Card::of(e.author_id, others),
        author_id: e.author_id,
        comment_count: 0,
        like_count: 0,
        comments: vec![],
        card_ids: BTreeSet::from([e.author_id]),
        refill_since: None,
        hidden: None,
    };
    *document = Some(ContentDocument::Post(Arc::new(post)));
    Ok(())
}

/// Whether it is published does not change by editing.
pub(super) fn edited(
    document: &mut Option<ContentDocument>,
    event: &Recorded,
    e: &PostWritten,
    key: &DocumentKey,
) -> Result<(), Unfoldable> {
    let Some(post) = page(document) else { return Ok(()) };
    let (title, body, tags) = (readable(&e.title, key)?, readable(&e.body, key)?, readable(&e.tags, key)?);
    post.title = title.cloned().unwrap_or_default();
    post.body = body.cloned().unwrap_or_default();
    post.tags = tags.cloned().unwrap_or_default();
    own_fields_changed(post, event);
    Ok(())
}

pub(super) fn status_changed(document: &mut Option<ContentDocument>, event: &Recorded, status: Status) {
    let Some(post) = page(document) else { return };
    post.status = status;
    own_fields_changed(post, event);
}

pub(super) fn hidden(
    document: &mut Option<ContentDocument>,
    event: &Recorded,
    e: &PostHidden,
    key: &DocumentKey,
) -> Result<(), Unfoldable> {
    let Some(post) = page(document) else { return Ok(()) };
    post.hidden = Some(Hiding::of(event, &e.reason, key)?);
    post.status = Status::Hidden;
    own_fields_changed(post, event);
    Ok(())
}

pub(super) fn unhidden(document: &mut Option<ContentDocument>, event: &Recorded, e: &PostUnhidden) {
    let Some(post) = page(document) else { return };
    post.hidden = None;
    post.status = if e.published { Status::Published } else { Status::Draft };
    own_fields_changed(post, event);
}

pub(super) fn comment_added(
    document: &mut Option<ContentDocument>,
    event: &Recorded,
    e: &CommentWritten,
    key: &DocumentKey,
    others: &dyn Lookup<ContentDocument>,
) -> Result<(), Unfoldable> {
    let Some(post) = page(document) else { return Ok(()) };
    let comment = comment::written(event, e, key, others)?;
    let holds_all = post.window_holds_all();
    post.comment_count = post.comment_count.saturating_add(1);
    admit(&mut post.comments, WindowComment::of(&comment), holds_all);
    post.note_cards();
    Ok(())
}

pub(super) fn comment_edited(
    document: &mut Option<ContentDocument>,
    event: &Recorded,
    e: &CommentWritten,
    key: &DocumentKey,
) -> Result<(), Unfoldable> {
    let Some(post) = page(document) else { return Ok(()) };
    let Some(comment) = post.comments.iter_mut().find(|comment| comment.id == e.comment_id) else { return Ok(()) };
    let comment = Arc::make_mut(comment);
    comment.text = readable(&e.text, key)?.cloned().unwrap_or_default();
    comment.version = event.aggregate.version;
    comment.revision = event.position;
    comment.updated_at = event.at;
    Ok(())
}

pub(super) fn comment_deleted(document: &mut Option<ContentDocument>, event: &Recorded, e: &CommentDeleted) {
    if let Some(post) = page(document).filter(|_| !e.was_hidden) {
        post.forget(e.comment_id, event.position);
    }
}

pub(super) fn comment_hidden(document: &mut Option<ContentDocument>, event: &Recorded, e: &CommentHidden) {
    if let Some(post) = page(document) {
        post.forget(e.comment_id, event.position);
    }
}

/// It comes back to its old place, which may lie outside of the window.
pub(super) fn comment_unhidden(
    document: &mut Option<ContentDocument>,
    event: &Recorded,
    e: &CommentUnhidden,
    others: &dyn Lookup<ContentDocument>,
) {
    let Some(post) = page(document) else { return };
    let Some(comment) = comment::shown_again(event, e, others) else { return };
    let holds_all = post.window_holds_all();
    post.comment_count = post.comment_count.saturating_add(1);
    admit(&mut post.comments, WindowComment::of(&comment), holds_all);
    post.note_cards();
}

pub(super) fn liked(document: &mut Option<ContentDocument>) {
    if let Some(post) = page(document) {
        post.like_count = post.like_count.saturating_add(1);
    }
}

pub(super) fn unliked(document: &mut Option<ContentDocument>) {
    if let Some(post) = page(document) {
        post.like_count = post.like_count.saturating_sub(1);
    }
}

/// Takes in the newest comments, each with the newest card of its author.
pub(super) fn refilled(
    document: &mut Option<ContentDocument>,
    selected: &[(DocumentKey, ContentDocument)],
    others: &dyn Lookup<ContentDocument>,
) {
    let Some(post) = page(document) else { return };
    let comments = selected.iter().filter_map(|(_, document)| comment_of(document));
    post.comments = comments.map(|comment| Arc::new(WindowComment::of(comment))).collect();
    post.comments.truncate(WINDOW_KEPT);
    for comment in &mut post.comments {
        if let Some(card) = author_of(comment.author.id, others) {
            comment.renew(card);
        }
    }
    post.note_cards();
    post.refill_since = None;
}

fn own_fields_changed(post: &mut Post, event: &Recorded) {
    post.version = event.aggregate.version;
    post.updated_at = event.at;
}

fn page(document: &mut Option<ContentDocument>) -> Option<&mut Post> {
    match document {
        Some(ContentDocument::Post(post)) => Some(Arc::make_mut(post)),
        Some(_) | None => None,
    }
}

fn comment_of(document: &ContentDocument) -> Option<&Comment> {
    match document {
        ContentDocument::Comment(comment) => Some(comment),
        ContentDocument::Post(_)
        | ContentDocument::Author(_)
        | ContentDocument::Like(_)
        | ContentDocument::Following(_) => None,
    }
}
