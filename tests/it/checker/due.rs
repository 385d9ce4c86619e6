//! What subscribers are owed: the changes in MongoDB, which must themselves tell what the log tells.

use super::checkpoint;
use super::log::Log;
use super::subscribers::{Told, Watched};
use crate::harness::client::Person;
use crate::harness::stage::Stage;
use futures_util::TryStreamExt;
use millrace_events::{Event, PostId, Recorded, UserId};
use millrace_read::models::content::relations::FOLLOWING;
use millrace_read::models::content::{
    Content, author_topic, comment, comments_topic, following_topic, post, post_topic,
};
use millrace_read::models::shop::{Shop, orders_topic, wallets_topic};
use millrace_read::projection::{Audience, Change, ChangeKind, Projection};
use mongodb::Database;
use mongodb::bson::{Bson, Document, doc};
use std::collections::HashMap;

/// All changes of the projections that are watched.
pub struct Due {
    content: Vec<Change>,
    shop: Vec<Change>,
}

impl Due {
    /// Reads them, and compares them with the log.
    pub async fn read(stage: &Stage) -> Self {
        let mongodb = stage.mongodb().await;
        let due = Self { content: changes(&mongodb, Content::NAME).await, shop: changes(&mongodb, Shop::NAME).await };
        due.tells(&Log::of(stage).await.recorded().await);
        due
    }

    /// Each event that surely changes something that is watched has its change.
    fn tells(&self, log: &[Recorded]) {
        for recorded in log {
            let (changes, topic) = match (topic_in_content(&recorded.event), topic_in_shop(&recorded.event)) {
                (Some(topic), _) => (&self.content, topic),
                (None, Some(topic)) => (&self.shop, topic),
                (None, None) => continue,
            };
            let changes = changes.iter().filter(|change| change.position == recorded.position && !is_spread(change));
            let told = changes.filter(|change| change.topics.contains(&topic)).count();
            assert_eq!(told, 1, "changes of {topic} at {}: {:?}", recorded.position, recorded.event);
        }
    }

    /// What a subscriber is told whose snapshot ends at this change, and what it may be told besides.
    pub fn after(&self, began_at: u64, watched: &Watched) -> (Vec<Told>, Vec<Told>) {
        let (content, shop) = (later(&self.content, began_at), later(&self.shop, began_at));
        let told = match watched {
            Watched::Post(id) => told_of(content, |change| on_post(change, post_id(id))),
            Watched::Comments(id) => told_of(content, |change| on_comments(change, post_id(id))),
            Watched::Feed(person) => return self.of_feed(began_at, user_id(person)),
            Watched::Orders(person) => {
                told_of(shop, |change| on(change, &orders_topic(user_id(person)), "OrderChanged"))
            }
            Watched::Wallets(person) => {
                told_of(shop, |change| on(change, &wallets_topic(user_id(person)), "WalletChanged"))
            }
        };
        (told, vec![])
    }

    /// Changes by somebody who is followed only later may be told before: who comes back listens at once to all who are followed now.
    fn of_feed(&self, began_at: u64, viewer: UserId) -> (Vec<Told>, Vec<Told>) {
        let followed = self.followed_by(viewer);
        let (mut due, mut allowed) = (Vec::new(), Vec::new());
        for change in later(&self.content, began_at) {
            if change.topics.contains(&following_topic(viewer)) {
                due.push(told(change, "FeedSnapshot"));
            }
            let followed_at = followed.iter().find(|(author, _)| change.topics.contains(*author)).map(|(_, seq)| *seq);
            if let (Some(followed_at), Some(event)) = (followed_at, in_feed(change)) {
                let list = if followed_at < change.seq { &mut due } else { &mut allowed };
                list.push(told(change, event));
            }
        }
        (due, allowed)
    }

    /// The topics of the authors whom a person follows, each with the change that began it. Nobody may be unfollowed.
    fn followed_by(&self, viewer: UserId) -> HashMap<String, u64> {
        let mine = self.content.iter().filter(|change| change.topics.contains(&following_topic(viewer)));
        let followed = mine.map(|change| {
            assert_eq!(change.kind, ChangeKind::Created, "the watcher unfollows nobody");
            let prefix = format!("{FOLLOWING}:{viewer}/");
            let author = change.key.as_str().strip_prefix(&prefix).expect("a key").parse().expect("an id");
            (author_topic(UserId(author)), change.seq)
        });
        followed.collect()
    }
}

/// A topic under which an event of content surely has one change.
fn topic_in_content(event: &Event) -> Option<String> {
    Some(match event {
        Event::CommentAdded(e) | Event::CommentEdited(e) => comments_topic(e.post_id),
        Event::CommentDeleted(e) => comments_topic(e.post_id),
        Event::CommentHidden(e) => post_topic(e.post_id),
        Event::CommentUnhidden(e) => post_topic(e.post_id),
        Event::PostLiked(e) | Event::PostUnliked(e) => post_topic(e.post_id),
        Event::PostCreated(e) | Event::PostEdited(e) => author_topic(e.author_id),
        Event::PostPublished(e) | Event::PostUnpublished(e) => author_topic(e.author_id),
        Event::PostHidden(e) => author_topic(e.author_id),
        Event::PostUnhidden(e) => author_topic(e.author_id),
        Event::PostDeleted(e) => author_topic(e.author_id),
        _ => return None,
    })
}

/// The same of the shop.
fn topic_in_shop(event: &Event) -> Option<String> {
    Some(match event {
        Event::OrderPlaced(e) => orders_topic(e.customer_id),
        Event::OrderPaid(e) => orders_topic(e.customer_id),
        Event::OrderShipped(e) | Event::OrderDelivered(e) => orders_topic(e.customer_id),
        Event::OrderCancelled(e) => orders_topic(e.customer_id),
        Event::WalletOpened(e) => wallets_topic(e.user_id),
        Event::WalletMoved(e) => wallets_topic(e.user_id),
        Event::TopUpRequested(e) => wallets_topic(e.user_id),
        Event::TopUpDeclined(e) => wallets_topic(e.user_id),
        _ => return None,
    })
}

/// All changes of a projection's served generation.
async fn changes(mongodb: &Database, projection: &str) -> Vec<Change> {
    let checkpoint = checkpoint(mongodb, projection).await.expect("a checkpoint");
    let changes = mongodb.collection::<Document>(&format!("{}_changes", checkpoint.collection));
    let found = changes.find(doc! {}).sort(doc! { "_id": 1 }).await.expect("changes");
    let found: Vec<Document> = found.try_collect().await.expect("changes");
    found.into_iter().map(change).collect()
}

fn change(mut document: Document) -> Change {
    document.remove("_id");
    let json = Bson::Document(document).into_relaxed_extjson();
    serde_json::from_value(json).expect("a change")
}

fn post_id(global: &str) -> PostId {
    PostId::from_global(global).expect("an id")
}

fn user_id(person: &Person) -> UserId {
    UserId::from_global(&person.id).expect("an id")
}

fn later(changes: &[Change], began_at: u64) -> impl Iterator<Item = &Change> {
    changes.iter().filter(move |change| change.seq > began_at)
}

fn told_of<'a>(
    changes: impl Iterator<Item = &'a Change>,
    event: impl Fn(&Change) -> Option<&'static str>,
) -> Vec<Told> {
    changes.filter_map(|change| event(change).map(|event| told(change, event))).collect()
}

fn told(change: &Change, event: &str) -> Told {
    Told { seq: change.seq, event: event.to_owned() }
}

/// Made by a chunk of a fan-out.
fn is_spread(change: &Change) -> bool {
    change.revision.n > 0
}

fn on(change: &Change, topic: &str, event: &'static str) -> Option<&'static str> {
    change.topics.contains(topic).then_some(event)
}

/// A post that nobody hides: it changes until it is deleted.
fn on_post(change: &Change, id: PostId) -> Option<&'static str> {
    let is_it = change.key == post::key(id);
    is_it.then_some(if change.kind == ChangeKind::Removed { "PostDeleted" } else { "PostChanged" })
}

/// Comments on such a post.
fn on_comments(change: &Change, id: PostId) -> Option<&'static str> {
    let is_public = |audience: Audience| audience == Audience::Everyone;
    let comes_into_sight = !is_public(change.audience_before) && is_public(change.audience_after);
    if change.key.kind() == comment::KIND && comes_into_sight {
        return on(change, &comments_topic(id), "CommentAdded");
    }
    on_post(change, id).filter(|_| change.kind == ChangeKind::Removed)
}

fn in_feed(change: &Change) -> Option<&'static str> {
    let is_public = |audience: Audience| audience == Audience::Everyone;
    match (is_public(change.audience_before), is_public(change.audience_after)) {
        _ if change.key.kind() != post::KIND => None,
        (false, true) => Some("FeedPostAdded"),
        (true, true) => Some("FeedPostChanged"),
        (true, false) => Some("FeedPostGone"),
        (false, false) => None,
    }
}
