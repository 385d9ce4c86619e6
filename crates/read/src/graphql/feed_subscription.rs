//! The live feed.

use super::context::RequestContext;
use super::error::Refusal;
use super::live_event::{FeedEvent, FeedPostAdded, FeedPostChanged, FeedPostGone, FeedSnapshot, Occasion};
use super::page::PageArguments;
use super::part::Happening;
use super::post::Post;
use super::post_query::{followed_by, posts_of};
use super::telling::{Item, Teller, Told, Wanted, cursor, events};
use crate::models::content::relations::FOLLOWING;
use crate::models::content::{Content, author_topic, following_topic, post};
use crate::projection::{Audience, Change};
use async_graphql::{Context, Result, Subscription};
use futures_util::Stream;
use millrace_events::{PostId, UserId};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Subscriptions to the feed.
#[derive(Debug, Default)]
pub struct FeedSubscription;

#[Subscription]
impl FeedSubscription {
    /// The viewer's feed: a snapshot first, then each change of its posts. With `after`: each change after that cursor. Whenever the
    /// viewer follows or unfollows somebody, a new snapshot comes.
    async fn feed_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The cursor of the last event that was received.")] after: Option<String>,
    ) -> Result<impl Stream<Item = Result<FeedEvent>> + use<>> {
        let request = Arc::clone(RequestContext::of(ctx)?);
        let viewer = request.person()?.user_id;
        let after = cursor(after)?;
        // Without a cursor the first item says from which moment on the followed people's topics are listened to.
        let is_resumed = after.is_some() && request.part().begins();
        let authors = if is_resumed { followed_by(&request, viewer).await? } else { vec![] };
        let wanted = Wanted { topics: topics(viewer, &authors), documents: vec![], after };
        let teller = FeedTeller { request: Arc::clone(&request), viewer };
        Ok(events(request, wanted, teller).await?)
    }
}

struct FeedTeller {
    request: Arc<RequestContext>,
    viewer: UserId,
}

impl Teller for FeedTeller {
    type Projection = Content;
    type Event = FeedEvent;

    async fn tell(&self, item: Item<Self>) -> Result<Told<FeedEvent>, Refusal> {
        match item {
            Happening::Snapshot(occasion, _) => self.begin(occasion).await,
            Happening::Changed(occasion, change) | Happening::Gone(occasion, change)
                if change.key.kind() == FOLLOWING =>
            {
                self.begin(occasion).await
            }
            Happening::Changed(occasion, change) | Happening::Gone(occasion, change) => {
                self.post(occasion, &change).await
            }
        }
    }
}

impl FeedTeller {
    /// Listens to whom the viewer follows now, from this occasion on.
    async fn begin(&self, occasion: Occasion) -> Result<Told<FeedEvent>, Refusal> {
        let authors = followed_by(&self.request, self.viewer).await?;
        self.request.part().listen_to(topics(self.viewer, &authors));
        let paging = PageArguments::default().parse(post::KIND)?;
        let posts = posts_of(&self.request, &authors, &paging).await?;
        Ok(Told::Event(FeedEvent::Snapshot(FeedSnapshot { occasion, posts })))
    }

    async fn post(&self, occasion: Occasion, change: &Change) -> Result<Told<FeedEvent>, Refusal> {
        let Some(post_id) = post::id_in(&change.key) else { return Ok(Told::Nothing) };
        Ok(match showing_in_feed(change) {
            None => Told::Nothing,
            Some(Showing::Gone) => Told::Event(FeedEvent::Gone(FeedPostGone { occasion, post_id })),
            Some(Showing::Added) => {
                let post = self.published(post_id).await?;
                Told::Event(FeedEvent::Added(FeedPostAdded { occasion, post_id, post }))
            }
            Some(Showing::Changed) => {
                let post = self.published(post_id).await?;
                Told::Event(FeedEvent::Changed(FeedPostChanged { occasion, post_id, post }))
            }
        })
    }

    async fn published(&self, id: PostId) -> Result<Option<Post>, Refusal> {
        Ok(Post::find(&self.request, id).await?.filter(|post| post.page().status == post::Status::Published))
    }
}

/// What a change is to a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Showing {
    Added,
    Changed,
    Gone,
}

/// A feed has what everybody can see, for staff too.
fn showing_in_feed(change: &Change) -> Option<Showing> {
    let is_public = |audience| audience == Audience::Everyone;
    match (is_public(change.audience_before), is_public(change.audience_after)) {
        (false, true) => Some(Showing::Added),
        (true, true) => Some(Showing::Changed),
        (true, false) => Some(Showing::Gone),
        (false, false) => None,
    }
}

fn topics(viewer: UserId, authors: &[UserId]) -> BTreeSet<String> {
    authors.iter().map(|author| author_topic(*author)).chain([following_topic(viewer)]).collect()
}
