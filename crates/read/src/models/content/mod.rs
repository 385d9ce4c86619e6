//! Projection `content`: whole pages of posts, their comments, and the lookups that both need.

pub mod card;
pub mod comment;
mod fan_out;
pub mod hiding;
pub mod post;
pub mod relations;
pub mod window;

#[cfg(test)]
mod tests;

use crate::models::people::user::DELETED;
use crate::projection::{Audience, DocumentKey, FanOut, Lookup, Projection, Touches, Unfoldable};
use card::Card;
use comment::{Comment, LISTED_ON};
use hiding::REASON_OF;
use millrace_events::{Event, PostId, Recorded, UserId};
use post::{Post, Status};
use relations::{Following, Like};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Posts, comments and the feed.
#[derive(Debug, Clone, Copy)]
pub struct Content;

/// A document of [`Content`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum ContentDocument {
    /// The page of a post.
    Post(Arc<Post>),
    /// A comment.
    Comment(Arc<Comment>),
    /// A person as they stand beside what they wrote.
    Author(Arc<Card>),
    /// A person likes a post.
    Like(Like),
    /// A person follows an author.
    Following(Following),
}

impl ContentDocument {
    /// All lists have the newest first.
    pub(super) fn sort_value(&self, _: &str) -> Option<i64> {
        match self {
            Self::Post(post) => Some(post.created_micros),
            Self::Comment(comment) => Some(comment.created_micros),
            Self::Following(following) => Some(following.created_micros),
            Self::Author(_) | Self::Like(_) => None,
        }
    }
}

/// The topic of a post.
pub fn post_topic(id: PostId) -> String {
    post::key(id).to_string()
}

/// The topic of a post's comments.
pub fn comments_topic(id: PostId) -> String {
    format!("{}/comments", post::key(id))
}

/// The topic of an author's posts.
pub fn author_topic(id: UserId) -> String {
    format!("{}/posts", card::key(id))
}

/// The topic of whom a person follows.
pub fn following_topic(follower: UserId) -> String {
    format!("follower:{follower}/following")
}

fn author_of(id: UserId, others: &dyn Lookup<ContentDocument>) -> Option<&Arc<Card>> {
    match others.get(&card::key(id)) {
        Some(ContentDocument::Author(card)) => Some(card),
        Some(_) | None => None,
    }
}

impl Content {
    pub(super) fn left_of(person: UserId) -> Vec<Value> {
        let (id, global, deleted) = (person.to_string(), person.to_global(), DELETED);
        let text = json!([{"title": {"$ne": ""}}, {"body": {"$ne": ""}}, {"tags": {"$ne": []}}, {"author.fullName": {"$ne": deleted}}]);
        let comment = json!([{"text": {"$ne": ""}}, {"author.fullName": {"$ne": deleted}}]);
        let in_window = json!({"author.id": global, "$or": comment.clone()});
        vec![
            json!({"_id": card::key(person), "$or": [{"fullName": {"$ne": deleted}}, {"avatarUrl": {"$ne": null}}]}),
            json!({"kind": post::KIND, "authorId": id, "$or": text}),
            json!({"kind": post::KIND, "cardIds": id, "comments": {"$elemMatch": in_window}}),
            json!({"kind": comment::KIND, "authorId": id, "$or": comment}),
            json!({"kind": post::KIND, REASON_OF: id}),
            json!({"kind": comment::KIND, REASON_OF: id}),
        ]
    }

    pub(super) fn read(key: &DocumentKey, json: &str) -> serde_json::Result<ContentDocument> {
        match key.kind() {
            post::KIND => serde_json::from_str(json).map(ContentDocument::Post),
            comment::KIND => serde_json::from_str(json).map(ContentDocument::Comment),
            _ => serde_json::from_str(json),
        }
    }
}

impl Projection for Content {
    const NAME: &'static str = "content";
    const FOLD_VERSION: u32 = 2;
    type Document = ContentDocument;

    fn touches(event: &Recorded) -> Touches {
        let (writes, reads) = match &event.event {
            Event::UserCreated(e) => (vec![card::key(e.user_id)], vec![]),
            Event::ProfileUpdated(e) => (vec![card::key(e.user_id)], vec![]),
            Event::UserErased(e) => (vec![card::key(e.user_id)], vec![]),
            Event::RoleGranted(_) | Event::RoleRevoked(_) => (vec![], vec![]),
            Event::SessionEnded(_) | Event::AllSessionsEnded(_) | Event::OtherSessionsEnded(_) => (vec![], vec![]),
            Event::PasswordChanged(_) | Event::EmailChangeRequested(_) | Event::EmailVerified(_) => (vec![], vec![]),
            Event::EmailChangeWithdrawn(_) | Event::AccountDeactivated(_) | Event::AccountReactivated(_) => {
                (vec![], vec![])
            }
            Event::IdentityLinked(_) | Event::IdentityUnlinked(_) => (vec![], vec![]),
            Event::ProductCreated(_)
            | Event::ProductUpdated(_)
            | Event::ProductRestocked(_)
            | Event::ProductRetired(_) => (vec![], vec![]),
            Event::StockReserved(_) | Event::StockReleased(_) => (vec![], vec![]),
            Event::OrderPlaced(_) | Event::OrderPaid(_) | Event::OrderCancelled(_) => (vec![], vec![]),
            Event::OrderShipped(_) | Event::OrderDelivered(_) => (vec![], vec![]),
            Event::WalletOpened(_) | Event::WalletMoved(_) => (vec![], vec![]),
            Event::TopUpRequested(_) | Event::TopUpDeclined(_) => (vec![], vec![]),
            Event::UserFollowed(e) | Event::UserUnfollowed(e) => {
                (vec![relations::following_key(e.follower_id, e.followed_id)], vec![])
            }
            Event::PostCreated(e) => (vec![post::key(e.post_id)], vec![card::key(e.author_id)]),
            Event::PostEdited(e) => (vec![post::key(e.post_id)], vec![]),
            Event::PostPublished(e) | Event::PostUnpublished(e) => (vec![post::key(e.post_id)], vec![]),
            Event::PostHidden(e) => (vec![post::key(e.post_id)], vec![]),
            Event::PostUnhidden(e) => (vec![post::key(e.post_id)], vec![]),
            Event::PostDeleted(e) => (vec![post::key(e.post_id)], vec![]),
            Event::CommentAdded(e) => {
                (vec![post::key(e.post_id), comment::key(e.comment_id)], vec![card::key(e.author_id)])
            }
            Event::CommentEdited(e) => (vec![post::key(e.post_id), comment::key(e.comment_id)], vec![]),
            Event::CommentHidden(e) => (vec![post::key(e.post_id), comment::key(e.comment_id)], vec![]),
            Event::CommentUnhidden(e) => {
                (vec![post::key(e.post_id), comment::key(e.comment_id)], vec![card::key(e.author_id)])
            }
            Event::CommentDeleted(e) => (vec![post::key(e.post_id), comment::key(e.comment_id)], vec![]),
            Event::PostLiked(e) | Event::PostUnliked(e) => {
                (vec![post::key(e.post_id), relations::like_key(e.post_id, e.user_id)], vec![])
            }
        };
        Touches { writes, reads }
    }

    fn apply(
        event: &Recorded,
        key: &DocumentKey,
        document: &mut Option<ContentDocument>,
        others: &dyn Lookup<ContentDocument>,
    ) -> Result<(), Unfoldable> {
        let is_post = key.kind() == post::KIND;
        match &event.event {
            Event::UserCreated(e) => card::created(document, event, e, key)?,
            Event::ProfileUpdated(e) => card::profile_updated(document, event, e, key)?,
            Event::UserErased(_) => card::erased(document, event),
            Event::RoleGranted(_) | Event::RoleRevoked(_) => {}
            Event::SessionEnded(_) | Event::AllSessionsEnded(_) | Event::OtherSessionsEnded(_) => {}
            Event::PasswordChanged(_) | Event::EmailChangeRequested(_) | Event::EmailVerified(_) => {}
            Event::EmailChangeWithdrawn(_) | Event::AccountDeactivated(_) | Event::AccountReactivated(_) => {}
            Event::IdentityLinked(_) | Event::IdentityUnlinked(_) => {}
            Event::ProductCreated(_)
            | Event::ProductUpdated(_)
            | Event::ProductRestocked(_)
            | Event::ProductRetired(_) => {}
            Event::StockReserved(_) | Event::StockReleased(_) => {}
            Event::OrderPlaced(_) | Event::OrderPaid(_) | Event::OrderCancelled(_) => {}
            Event::OrderShipped(_) | Event::OrderDelivered(_) => {}
            Event::WalletOpened(_) | Event::WalletMoved(_) => {}
            Event::TopUpRequested(_) | Event::TopUpDeclined(_) => {}
            Event::UserFollowed(e) => relations::followed(document, event, e),
            Event::UserUnfollowed(_) => *document = None,
            Event::PostCreated(e) => post::created(document, event, e, key, others)?,
            Event::PostEdited(e) => post::edited(document, event, e, key)?,
            Event::PostPublished(_) => post::status_changed(document, event, Status::Published),
            Event::PostUnpublished(_) => post::status_changed(document, event, Status::Draft),
            Event::PostHidden(e) => post::hidden(document, event, e, key)?,
            Event::PostUnhidden(e) => post::unhidden(document, event, e),
            Event::PostDeleted(_) => *document = None,
            Event::CommentAdded(e) if is_post => post::comment_added(document, event, e, key, others)?,
            Event::CommentEdited(e) if is_post => post::comment_edited(document, event, e, key)?,
            Event::CommentHidden(e) if is_post => post::comment_hidden(document, event, e),
            Event::CommentUnhidden(e) if is_post => post::comment_unhidden(document, event, e, others),
            Event::CommentDeleted(e) if is_post => post::comment_deleted(document, event, e),
            Event::CommentAdded(e) => comment::added(document, event, e, key, others)?,
            Event::CommentEdited(e) => comment::edited(document, event, e, key)?,
            Event::CommentHidden(e) => comment::hidden(document, event, e, key)?,
            Event::CommentUnhidden(_) => comment::unhidden(document, event),
            Event::CommentDeleted(_) => *document = None,
            Event::PostLiked(_) if is_post => post::liked(document),
            Event::PostUnliked(_) if is_post => post::unliked(document),
            Event::PostLiked(e) => relations::liked(document, e, others),
            Event::PostUnliked(_) => *document = None,
        }
        Ok(())
    }

    fn fan_outs(event: &Recorded, documents: &dyn Lookup<ContentDocument>) -> Vec<FanOut> {
        fan_out::opened(event, documents)
    }

    fn spread(
        fan_out: &FanOut,
        key: &DocumentKey,
        document: &mut Option<ContentDocument>,
        selected: &[(DocumentKey, ContentDocument)],
        others: &dyn Lookup<ContentDocument>,
    ) -> Result<(), Unfoldable> {
        fan_out::spread(fan_out, key, document, selected, others)
    }

    fn refill_reads(selected: &[(DocumentKey, ContentDocument)]) -> Vec<DocumentKey> {
        let authors: BTreeSet<UserId> = selected.iter().filter_map(|(_, document)| commenter(document)).collect();
        authors.into_iter().map(card::key).collect()
    }

    fn topics(key: &DocumentKey, document: &ContentDocument) -> BTreeSet<String> {
        match document {
            ContentDocument::Post(post) => BTreeSet::from([post_topic(post.id), author_topic(post.author_id)]),
            ContentDocument::Comment(comment) => BTreeSet::from([key.to_string(), comments_topic(comment.post_id)]),
            ContentDocument::Following(following) => BTreeSet::from([following_topic(following.follower_id)]),
            ContentDocument::Author(_) | ContentDocument::Like(_) => BTreeSet::from([key.to_string()]),
        }
    }

    /// A comment that is not hidden is everybody's as far as its document knows: who reads one must also look whether its post may be seen.
    fn audience(_: &DocumentKey, document: &ContentDocument) -> Audience {
        match document {
            ContentDocument::Post(post) => match post.status {
                Status::Published => Audience::Everyone,
                Status::Draft | Status::Hidden => Audience::Person(post.author_id),
            },
            ContentDocument::Comment(comment) if comment.hidden.is_some() => Audience::Person(comment.author_id),
            ContentDocument::Comment(_) => Audience::Everyone,
            ContentDocument::Following(following) => Audience::Person(following.follower_id),
            ContentDocument::Author(_) | ContentDocument::Like(_) => Audience::Nobody,
        }
    }

    fn indexes() -> Vec<Value> {
        let newest = |field: &str| json!({field: 1, "createdMicros": -1, "_id": -1});
        let by_key = |field: &str| json!({field: 1, "_id": 1});
        let index = |name: &str, key: Value, kind: &str| json!({"name": name, "key": key, "partialFilterExpression": {"kind": kind}});
        vec![
            index("newest", newest("status"), post::KIND),
            index("newest_of_author", newest("authorId"), post::KIND),
            index("newest_of_tag", newest("tags"), post::KIND),
            index("cards", by_key("cardIds"), post::KIND),
            index("listed_comments", newest(LISTED_ON), comment::KIND),
            index("comments_of_post", by_key("postId"), comment::KIND),
            index("comments_of_author", by_key("authorId"), comment::KIND),
            index("reasons_on_posts", by_key(REASON_OF), post::KIND),
            index("reasons_on_comments", by_key(REASON_OF), comment::KIND),
            index("likes_of_post", by_key("postId"), relations::LIKE),
            index("following", newest("followerId"), relations::FOLLOWING),
            json!({
                "name": "words",
                "key": {"title": "text", "body": "text", "tags": "text"},
                "weights": {"title": 4, "tags": 2, "body": 1},
                "default_language": "none",
                "language_override": "searchLanguage",
            }),
        ]
    }
}

fn commenter(document: &ContentDocument) -> Option<UserId> {
    match document {
        ContentDocument::Comment(comment) => Some(comment.author_id),
        ContentDocument::Post(_)
        | ContentDocument::Author(_)
        | ContentDocument::Like(_)
        | ContentDocument::Following(_) => None,
    }
}
