//! Live posts and comments.

use super::comment::Comment;
use super::context::RequestContext;
use super::error::Refusal;
use super::live_event::{
    CommentAdded, CommentAddedEvent, CommentsSnapshot, Occasion, PostChanged, PostDeleted, PostEvent, PostSnapshot,
};
use super::part::Happening;
use super::post::Post;
use super::read_side::Found;
use super::telling::{Item, Teller, Told, Wanted, cursor, events};
use crate::live::may_see;
use crate::models::content::window::WINDOW_SERVED;
use crate::models::content::{Content, ContentDocument, comment, comments_topic, post, post_topic};
use crate::projection::{Audience, Change, ChangeKind, DocumentKey};
use async_graphql::{Context, ID, Result, Subscription};
use futures_util::Stream;
use millrace_events::{CommentId, PostId, Revision};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Subscriptions to a post.
#[derive(Debug, Default)]
pub struct PostSubscription;

#[Subscription]
impl PostSubscription {
    /// A post: a snapshot first, then each of its changes. With `after`: each change after that cursor, and no snapshot.
    async fn post_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The post's id.")] id: ID,
        #[graphql(desc = "The cursor of the last event that was received.")] after: Option<String>,
    ) -> Result<impl Stream<Item = Result<PostEvent>> + use<>> {
        let request = Arc::clone(RequestContext::of(ctx)?);
        let id = PostId::from_global(&id).map_err(Refusal::Id)?;
        let topics = BTreeSet::from([post_topic(id)]);
        let wanted = Wanted { topics, documents: vec![post::key(id)], after: cursor(after)? };
        let teller = PostTeller { request: Arc::clone(&request), id };
        Ok(events(request, wanted, teller).await?)
    }

    /// Comments on a post: its newest ones first, then each that is added, or shown again after staff had hidden it. With `after`:
    /// each that was so after that cursor. Whenever the post itself comes into sight, its newest ones come again.
    async fn comment_added(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The post's id.")] post_id: ID,
        #[graphql(desc = "The cursor of the last event that was received.")] after: Option<String>,
    ) -> Result<impl Stream<Item = Result<CommentAddedEvent>> + use<>> {
        let request = Arc::clone(RequestContext::of(ctx)?);
        let id = PostId::from_global(&post_id).map_err(Refusal::Id)?;
        let topics = BTreeSet::from([post_topic(id), comments_topic(id)]);
        let wanted = Wanted { topics, documents: vec![post::key(id)], after: cursor(after)? };
        let teller = CommentTeller { request: Arc::clone(&request), id };
        Ok(events(request, wanted, teller).await?)
    }
}

struct PostTeller {
    request: Arc<RequestContext>,
    id: PostId,
}

impl Teller for PostTeller {
    type Projection = Content;
    type Event = PostEvent;

    async fn tell(&self, item: Item<Self>) -> Result<Told<PostEvent>, Refusal> {
        Ok(match item {
            Happening::Snapshot(occasion, documents) => {
                let post = post_among(&self.request, documents);
                Told::Event(PostEvent::Snapshot(PostSnapshot { occasion, post }))
            }
            Happening::Changed(occasion, _) => {
                let post = Post::find(&self.request, self.id).await?;
                Told::Event(PostEvent::Changed(PostChanged { occasion, post }))
            }
            Happening::Gone(occasion, change) => gone(occasion, &change, self.id).map(PostEvent::Deleted),
        })
    }
}

struct CommentTeller {
    request: Arc<RequestContext>,
    id: PostId,
}

impl Teller for CommentTeller {
    type Projection = Content;
    type Event = CommentAddedEvent;

    async fn tell(&self, item: Item<Self>) -> Result<Told<CommentAddedEvent>, Refusal> {
        match item {
            Happening::Snapshot(occasion, documents) => {
                let post = post_among(&self.request, documents);
                Ok(Told::Event(CommentAddedEvent::Snapshot(self.snapshot(occasion, post).await?)))
            }
            Happening::Changed(occasion, change) if change.key == post::key(self.id) => {
                self.back(occasion, &change).await
            }
            Happening::Changed(occasion, change) => match comment_in(&change) {
                Some(id) if comes_into_sight(&change) => self.added(occasion, id).await,
                Some(_) | None => Ok(Told::Nothing),
            },
            Happening::Gone(occasion, change) if change.key == post::key(self.id) => {
                Ok(gone(occasion, &change, self.id).map(CommentAddedEvent::Deleted))
            }
            Happening::Gone(..) => Ok(Told::Nothing),
        }
    }
}

impl CommentTeller {
    async fn snapshot(&self, occasion: Occasion, post: Option<Post>) -> Result<CommentsSnapshot, Refusal> {
        let comments = match &post {
            Some(post) => super::comment::newest(post, &self.request, WINDOW_SERVED).await?,
            None => vec![],
        };
        Ok(CommentsSnapshot { occasion, post, comments })
    }

    /// A post that comes into sight has comments of which nothing was told while it was out of it.
    async fn back(&self, occasion: Occasion, change: &Change) -> Result<Told<CommentAddedEvent>, Refusal> {
        if !comes_into_sight(change) || may_see(self.request.viewer(), change.audience_before) {
            return Ok(Told::Nothing);
        }
        // One that has gone again is told so by a later change.
        let Some(post) = Post::find(&self.request, self.id).await? else { return Ok(Told::Nothing) };
        Ok(Told::Event(CommentAddedEvent::Snapshot(self.snapshot(occasion, Some(post)).await?)))
    }

    /// Of a post that the viewer may not see (any more) nobody learns that somebody commented on it.
    async fn added(&self, occasion: Occasion, comment_id: CommentId) -> Result<Told<CommentAddedEvent>, Refusal> {
        if Post::find(&self.request, self.id).await?.is_none() {
            return Ok(Told::Nothing);
        }
        let comment = Comment::find(&self.request, comment_id).await?;
        Ok(Told::Event(CommentAddedEvent::Added(CommentAdded { occasion, comment_id, comment })))
    }
}

/// True of what was not everybody's until now: it is new, or hidden no longer.
fn comes_into_sight(change: &Change) -> bool {
    change.audience_before != Audience::Everyone && change.audience_after == Audience::Everyone
}

/// What is removed never comes back; what is hidden may.
fn gone(occasion: Occasion, change: &Change, post_id: PostId) -> Told<PostDeleted> {
    let deleted = PostDeleted { occasion, post_id };
    if change.kind == ChangeKind::Removed { Told::Last(deleted) } else { Told::Event(deleted) }
}

fn post_among(request: &RequestContext, documents: Vec<(DocumentKey, Revision, ContentDocument)>) -> Option<Post> {
    let (_, revision, document) = documents.into_iter().next()?;
    Post::shown_to(|| request.viewer(), Found { revision, document })
}

/// The id of the comment that changed, if it was a comment.
fn comment_in(change: &Change) -> Option<CommentId> {
    comment::id_in(&change.key)
}
