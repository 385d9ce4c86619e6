//! A second fold, as simple as can be: plain maps, everything counted anew when asked. Written apart from the projections' folds.

use millrace_events::{CommentId, Event, Personal, PostId, Recorded, Timestamp, UserId};
use std::collections::{BTreeMap, BTreeSet};

/// A person.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct User {
    pub first_name: String,
    pub last_name: String,
    pub email: Option<String>,
}

/// A post.
#[derive(Debug, Clone)]
pub struct Post {
    pub author: UserId,
    pub title: String,
    pub body: String,
    pub tags: Vec<String>,
    pub published: bool,
    /// Why staff hide it, if they do; none within if whoever said so is erased.
    pub hidden: Option<Option<String>>,
    pub version: u32,
}

impl Post {
    /// True if everybody may see it.
    pub fn is_public(&self) -> bool {
        self.published && self.hidden.is_none()
    }
}

/// A comment.
#[derive(Debug, Clone)]
pub struct Comment {
    pub post: PostId,
    pub author: UserId,
    pub text: String,
    pub at: Timestamp,
    /// Why staff hide it, if they do; none within if whoever said so is erased.
    pub hidden: Option<Option<String>>,
    pub version: u32,
}

/// Everything that the log says is so now.
#[derive(Debug, Default)]
pub struct World {
    pub users: BTreeMap<UserId, User>,
    pub posts: BTreeMap<PostId, Post>,
    pub comments: BTreeMap<CommentId, Comment>,
    pub likes: BTreeSet<(PostId, UserId)>,
    pub follows: BTreeSet<(UserId, UserId)>,
}

/// What an erased person wrote is nothing.
fn known<T: Clone + Default>(personal: &Personal<T>) -> T {
    assert!(!matches!(personal, Personal::Sealed { .. }), "still sealed");
    personal.value().cloned().unwrap_or_default()
}

impl World {
    /// Folds a log.
    pub fn of(log: &[Recorded]) -> Self {
        let mut world = Self::default();
        log.iter().for_each(|recorded| world.apply(recorded));
        world
    }

    fn apply(&mut self, recorded: &Recorded) {
        let version = recorded.aggregate.version;
        match &recorded.event {
            Event::UserCreated(e) => {
                let email = e.email.value().cloned();
                let user = User { first_name: known(&e.first_name), last_name: known(&e.last_name), email };
                self.users.insert(e.user_id, user);
            }
            Event::ProfileUpdated(e) => {
                let user = self.users.get_mut(&e.user_id).expect("a person");
                (user.first_name, user.last_name) = (known(&e.first_name), known(&e.last_name));
            }
            Event::RoleGranted(_) | Event::RoleRevoked(_) | Event::SessionEnded(_) | Event::AllSessionsEnded(_) => {}
            Event::OtherSessionsEnded(_) | Event::PasswordChanged(_) | Event::EmailChangeRequested(_) => {}
            Event::EmailChangeWithdrawn(_) | Event::AccountDeactivated(_) | Event::AccountReactivated(_) => {}
            Event::EmailVerified(e) => {
                self.users.get_mut(&e.user_id).expect("a person").email = e.email.value().cloned();
            }
            // The log reads as erased from position 1 on: there is nothing to take away.
            Event::UserErased(e) => {
                let user = self.users.get_mut(&e.user_id).expect("a person");
                assert_eq!(*user, User::default(), "the key of an erased person still opens");
                (user.first_name, user.last_name) = ("Deleted".into(), "user".into());
            }
            Event::UserFollowed(e) => assert!(self.follows.insert((e.follower_id, e.followed_id)), "followed twice"),
            Event::UserUnfollowed(e) => assert!(self.follows.remove(&(e.follower_id, e.followed_id)), "not followed"),
            Event::PostCreated(e) | Event::PostEdited(e) => {
                let (title, body, tags) = (known(&e.title), known(&e.body), known(&e.tags));
                let hidden = self.posts.get(&e.post_id).and_then(|post| post.hidden.clone());
                let post = Post { author: e.author_id, title, body, tags, published: e.published, hidden, version };
                self.posts.insert(e.post_id, post);
            }
            Event::PostPublished(e) => self.publish(e.post_id, true, version),
            Event::PostUnpublished(e) => self.publish(e.post_id, false, version),
            Event::PostDeleted(e) => {
                let post = self.posts.remove(&e.post_id).expect("a post");
                assert_eq!(e.was_published, post.is_public(), "whether everybody saw it");
                self.comments.retain(|_, comment| comment.post != e.post_id);
                self.likes.retain(|(post, _)| *post != e.post_id);
            }
            Event::CommentAdded(e) => {
                let comment = Comment {
                    post: e.post_id,
                    author: e.author_id,
                    text: known(&e.text),
                    at: recorded.at,
                    hidden: None,
                    version,
                };
                self.comments.insert(e.comment_id, comment);
            }
            Event::CommentEdited(e) => {
                let comment = self.comments.get_mut(&e.comment_id).expect("a comment");
                (comment.text, comment.version) = (known(&e.text), version);
            }
            Event::CommentDeleted(e) => {
                let comment = self.comments.remove(&e.comment_id).expect("a comment");
                assert_eq!(e.was_hidden, comment.hidden.is_some(), "whether it was hidden");
            }
            Event::PostLiked(e) => assert!(self.likes.insert((e.post_id, e.user_id)), "liked twice"),
            Event::PostHidden(_) | Event::PostUnhidden(_) | Event::CommentHidden(_) | Event::CommentUnhidden(_) => {
                self.moderate(&recorded.event, version);
            }
            // The shop has a fold of its own.
            Event::ProductCreated(_)
            | Event::ProductUpdated(_)
            | Event::ProductRestocked(_)
            | Event::ProductRetired(_) => {}
            Event::StockReserved(_) | Event::StockReleased(_) => {}
            Event::OrderPlaced(_) | Event::OrderPaid(_) | Event::OrderCancelled(_) => {}
            Event::OrderShipped(_) | Event::OrderDelivered(_) => {}
            Event::WalletOpened(_) | Event::WalletMoved(_) => {}
            Event::TopUpRequested(_) | Event::TopUpDeclined(_) => {}
            Event::PostUnliked(e) => assert!(self.likes.remove(&(e.post_id, e.user_id)), "not liked"),
        }
    }

    fn moderate(&mut self, event: &Event, version: u32) {
        match event {
            Event::PostHidden(e) => {
                let post = self.posts.get_mut(&e.post_id).expect("a post");
                assert_eq!((e.was_published, &post.hidden), (post.published, &None), "what was hidden");
                (post.hidden, post.version) = (Some(e.reason.value().cloned()), version);
            }
            Event::PostUnhidden(e) => {
                let post = self.posts.get_mut(&e.post_id).expect("a post");
                assert!(e.published == post.published && post.hidden.is_some(), "what is shown again");
                (post.hidden, post.version) = (None, version);
            }
            Event::CommentHidden(e) => {
                let comment = self.comments.get_mut(&e.comment_id).expect("a comment");
                assert_eq!(comment.hidden, None, "hidden twice");
                (comment.hidden, comment.version) = (Some(e.reason.value().cloned()), version);
            }
            Event::CommentUnhidden(e) => {
                let comment = self.comments.get_mut(&e.comment_id).expect("a comment");
                assert!(comment.hidden.is_some(), "not hidden");
                (comment.hidden, comment.version) = (None, version);
            }
            _ => {}
        }
    }

    fn publish(&mut self, id: PostId, published: bool, version: u32) {
        let post = self.posts.get_mut(&id).expect("a post");
        (post.published, post.version) = (published, version);
    }

    /// Both names of a person.
    pub fn full_name(&self, id: UserId) -> String {
        let user = &self.users[&id];
        format!("{} {}", user.first_name, user.last_name)
    }

    /// A post's comments that are not hidden, newest first.
    pub fn comments_of(&self, id: PostId) -> Vec<(CommentId, &Comment)> {
        let listed = self.comments.iter().filter(|(_, c)| c.post == id && c.hidden.is_none());
        let mut found: Vec<_> = listed.map(|(id, c)| (*id, c)).collect();
        found.sort_by_key(|(id, comment)| std::cmp::Reverse((comment.at, *id)));
        found
    }
}
