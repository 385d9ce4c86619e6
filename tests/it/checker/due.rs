//! What subscribers are owed: the changes in MongoDB, which must themselves tell what the log tells.

use super::checkpoint;
use super::log::Log;
use super::subscribers::{Told, Watched};
use crate::harness::stage::Stage;
use futures_util::TryStreamExt;
use millrace_events::{Event, PostId, Recorded, UserId};
use millrace_read::models::content::relations::FOLLOWING;
use millrace_read::models::content::{author_topic, comment, comments_topic, following_topic, post, post_topic};
use millrace_read::projection::{Audience, Change, ChangeKind};
use mongodb::bson::{Bson, Document, doc};
use std::collections::HashMap;

/// All changes of content.
pub struct Due(Vec<Change>);

impl Due {
    /// Reads them, and compares them with the log.
    pub async fn read(stage: &Stage) -> Self {
        let mongodb = stage.mongodb().await;
        let checkpoint = checkpoint(&mongodb, "content").await.expect("a checkpoint");
        let changes = mongodb.collection::<Document>(&format!("{}_changes", checkpoint.collection));
        let found: Vec<Document> =
            changes.find(doc! {}).sort(doc! { "_id": 1 }).await.expect("changes").try_collect().await.expect("changes");
        let due = Self(found.into_iter().map(change).collect());
        due.tells(&Log::of(stage).await.recorded().await);
        due
    }

    /// Each event that surely changes a post or makes a comment has its change.
    fn tells(&self, log: &[Recorded]) {
        for recorded in log {
            let topic = match &recorded.event {
                Event::CommentAdded(e) => comments_topic(e.post_id),
                Event::PostLiked(e) | Event::PostUnliked(e) => post_topic(e.post_id),
                Event::PostCreated(e) | Event::PostEdited(e) => author_topic(e.author_id),
                Event::PostPublished(e) | Event::PostUnpublished(e) => author_topic(e.author_id),
                Event::PostHidden(e) => author_topic(e.author_id),
                Event::PostUnhidden(e) => author_topic(e.author_id),
                Event::CommentHidden(e) => post_topic(e.post_id),
                Event::CommentUnhidden(e) => post_topic(e.post_id),
                _ => continue,
            };
            let changes = self.0.iter().filter(|change| change.position == recorded.position && !is_spread(change));
            let told = changes.filter(|change| change.topics.contains(&topic)).count();
            assert_eq!(told, 1, "changes of {topic} at {}", recorded.position);
        }
    }

    /// What a subscriber is told whose snapshot ends at this change, and what it may be told besides.
    pub fn after(&self, began_at: u64, watched: &Watched) -> (Vec<Told>, Vec<Told>) {
        match watched {
            Watched::Post(id) => (self.told(began_at, |change| on_post(change, &post_topic(post_id(id)))), vec![]),
            Watched::Comments(id) => {
                (self.told(began_at, |change| on_comments(change, &comments_topic(post_id(id)))), vec![])
            }
            Watched::Feed(person) => self.of_feed(began_at, UserId::from_global(&person.id).expect("an id")),
        }
    }

    fn told(&self, began_at: u64, event: impl Fn(&Change) -> Option<&'static str>) -> Vec<Told> {
        let later = self.0.iter().filter(|change| change.seq > began_at);
        later.filter_map(|change| event(change).map(|event| told(change, event))).collect()
    }

    /// Changes by somebody who is followed only later may be told before: who comes back listens at once to all who are followed now.
    fn of_feed(&self, began_at: u64, viewer: UserId) -> (Vec<Told>, Vec<Told>) {
        let followed = self.followed_by(viewer);
        let (mut due, mut allowed) = (Vec::new(), Vec::new());
        for change in self.0.iter().filter(|change| change.seq > began_at) {
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
        let mine = self.0.iter().filter(|change| change.topics.contains(&following_topic(viewer)));
        let followed = mine.map(|change| {
            assert_eq!(change.kind, ChangeKind::Created, "the watcher unfollows nobody");
            let prefix = format!("{FOLLOWING}:{viewer}/");
            let author = change.key.as_str().strip_prefix(&prefix).expect("a key").parse().expect("an id");
            (author_topic(UserId(author)), change.seq)
        });
        followed.collect()
    }
}

fn change(mut document: Document) -> Change {
    document.remove("_id");
    let json = Bson::Document(document).into_relaxed_extjson();
    serde_json::from_value(json).expect("a change")
}

fn post_id(global: &str) -> PostId {
    PostId::from_global(global).expect("an id")
}

fn told(change: &Change, event: &str) -> Told {
    Told { seq: change.seq, event: event.to_owned() }
}

/// Made by a chunk of a fan-out.
fn is_spread(change: &Change) -> bool {
    change.revision.n > 0
}

fn on_post(change: &Change, topic: &str) -> Option<&'static str> {
    (change.topics.contains(topic) && change.key.as_str() == topic).then_some("PostChanged")
}

fn on_comments(change: &Change, topic: &str) -> Option<&'static str> {
    let is_public = |audience: Audience| audience == Audience::Everyone;
    let comes_into_sight = !is_public(change.audience_before) && is_public(change.audience_after);
    (change.key.kind() == comment::KIND && comes_into_sight && change.topics.contains(topic)).then_some("CommentAdded")
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
