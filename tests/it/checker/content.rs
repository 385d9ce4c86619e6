//! What the documents of content must be, made apart from the projection's fold: each field is looked up, or counted anew, in the events.

use super::life::{Documents, Life, first, last, lives, micros, text, with};
use super::people::{card, follows};
use millrace_events::{AggregateKind, Event, Personal, PostId, Recorded, Timestamp, UserId};
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use uuid::Uuid;

/// A post keeps at most so many of its newest comments, and with fewer than are served it has them all.
const WINDOW_SERVED: usize = 20;
const WINDOW_KEPT: usize = 40;

type Cards = BTreeMap<UserId, Value>;

/// Since when staff hide something, and why.
type Hidden<'a> = Option<(Timestamp, &'a Personal<String>)>;

/// All documents of content. How many comments a post shows depends on when its window was refilled: `windows` has that by key.
pub fn documents(log: &[Recorded], windows: &BTreeMap<String, usize>) -> Documents {
    let people = lives(log, AggregateKind::User).into_iter();
    let cards: Cards = people.map(|(id, life)| (UserId(id), card(UserId(id), &life))).collect();
    let (posts, likes) = (posts(log), likes(log));
    let comments = comments(log, &posts);
    let mut all = Documents::new();
    for (id, post) in &posts {
        let key = format!("post:{id}");
        let own = comments.iter().filter(|comment| comment.post == *id && comment.hidden.is_none()).collect();
        let shown = windows.get(&key).copied().unwrap_or_default();
        let mut document = post.document(*id, &cards, own, shown);
        document["likeCount"] = json!(likes.iter().filter(|(post, _)| post == id).count());
        all.insert(key, document);
    }
    all.extend(comments.iter().map(|comment| (format!("comment:{}", comment.id), comment.document(&cards))));
    all.extend(likes.iter().filter(|(post, _)| posts.contains_key(post)).map(|(post, user)| {
        (format!("like:{post}/{user}"), json!({ "kind": "like", "postId": post, "userId": user }))
    }));
    all.extend(follows(log).iter().map(|([follower, followed], at)| {
        let ends = json!({ "kind": "following", "followerId": follower, "followedId": followed });
        (format!("following:{follower}/{followed}"), with(ends, "createdMicros", Some(json!(micros(*at)))))
    }));
    all.extend(cards.into_iter().map(|(id, card)| (format!("author:{id}"), super::life::kind("author", card))));
    all
}

/// The authors of all posts that everybody may see, as often as they have one.
pub fn authors_of_public_posts(log: &[Recorded]) -> Vec<UserId> {
    posts(log).into_values().filter(Post::is_public).map(|post| post.author).collect()
}

/// How many comments the stored posts show, which must be so many as a window may have.
pub fn windows(stored: &Documents) -> BTreeMap<String, usize> {
    let posts = stored.iter().filter(|(_, document)| document["kind"] == "post");
    let windows = posts.map(|(key, post)| {
        let (shown, all) = (post["comments"].as_array().expect("a window").len(), &post["commentCount"]);
        let may_be = window(usize::try_from(all.as_u64().expect("a count")).expect("a count"));
        assert!(may_be.contains(&shown), "{key} shows {shown} of {all} comments");
        (key.clone(), shown)
    });
    windows.collect()
}

fn window(all: usize) -> RangeInclusive<usize> {
    all.min(WINDOW_SERVED)..=all.min(WINDOW_KEPT)
}

struct Post<'a> {
    life: Life<'a>,
    author: UserId,
    title: String,
    body: String,
    tags: Vec<String>,
    published: bool,
    hidden: Hidden<'a>,
}

/// All that were not deleted.
fn posts(log: &[Recorded]) -> BTreeMap<PostId, Post<'_>> {
    let posts = lives(log, AggregateKind::Post).into_iter();
    posts.filter_map(|(id, life)| Some((PostId(id), Post::of(life)?))).collect()
}

impl<'a> Post<'a> {
    /// None if it was deleted.
    fn of(life: Life<'a>) -> Option<Self> {
        let Event::PostCreated(e) = &first(&life).event else { panic!("a post begins with {:?}", life[0]) };
        let (title, body, tags) = (text(&e.title), text(&e.body), text(&e.tags));
        let mut post = Self { author: e.author_id, title, body, tags, published: e.published, hidden: None, life };
        for recorded in post.life.clone() {
            match &recorded.event {
                Event::PostCreated(_) => {}
                Event::PostEdited(e) => {
                    assert_eq!(e.published, post.published, "an edit publishes nothing");
                    (post.title, post.body, post.tags) = (text(&e.title), text(&e.body), text(&e.tags));
                }
                Event::PostPublished(_) => post.published = true,
                Event::PostUnpublished(_) => post.published = false,
                Event::PostHidden(e) => {
                    assert_eq!((e.was_published, post.hidden), (post.published, None), "what was hidden");
                    post.hidden = Some((recorded.at, &e.reason));
                }
                Event::PostUnhidden(e) => {
                    assert!(e.published == post.published && post.hidden.is_some(), "what is shown again");
                    post.hidden = None;
                }
                Event::PostDeleted(e) => {
                    assert_eq!(e.was_published, post.is_public(), "whether everybody saw it");
                    return None;
                }
                other => panic!("this happens to no post: {other:?}"),
            }
        }
        Some(post)
    }

    fn is_public(&self) -> bool {
        self.published && self.hidden.is_none()
    }

    fn status(&self) -> &'static str {
        match (self.hidden, self.published) {
            (Some(_), _) => "HIDDEN",
            (None, true) => "PUBLISHED",
            (None, false) => "DRAFT",
        }
    }

    /// With so many of these comments, the newest.
    fn document(&self, id: PostId, cards: &Cards, mut comments: Vec<&Comment>, shown: usize) -> Value {
        comments.sort_by_key(|comment| Reverse((micros(first(&comment.life).at), comment.id)));
        let (count, shown) = (comments.len(), &comments[..shown.min(comments.len())]);
        let commenters = shown.iter().map(|comment| comment.author);
        let document = json!({
            "kind": "post",
            "id": id.to_global(),
            "version": self.life.len(),
            "createdAt": first(&self.life).at,
            "createdMicros": micros(first(&self.life).at),
            "updatedAt": last(&self.life).at,
            "title": self.title,
            "body": self.body,
            "tags": self.tags,
            "status": self.status(),
            "author": cards[&self.author],
            "authorId": self.author,
            "commentCount": count,
            "comments": shown.iter().map(|comment| comment.in_window(cards)).collect::<Vec<_>>(),
            "cardIds": commenters.chain([self.author]).collect::<BTreeSet<_>>(),
        });
        with(document, "hidden", hiding(self.hidden))
    }
}

/// What an erased person gave as a reason is gone, and that they gave it too.
fn hiding(hidden: Hidden) -> Option<Value> {
    let (at, reason) = hidden?;
    let given_by = reason.value().map(|_| json!(reason.of()));
    Some(with(json!({ "at": at, "reason": reason.value() }), "reasonOf", given_by))
}

struct Comment<'a> {
    life: Life<'a>,
    id: Uuid,
    post: PostId,
    author: UserId,
    text: String,
    hidden: Hidden<'a>,
}

/// All that were not deleted, nor were their posts.
fn comments<'a>(log: &'a [Recorded], posts: &BTreeMap<PostId, Post>) -> Vec<Comment<'a>> {
    let comments = lives(log, AggregateKind::Comment).into_iter();
    let comments = comments.filter_map(|(id, life)| Comment::of(id, life));
    comments.filter(|comment| posts.contains_key(&comment.post)).collect()
}

impl<'a> Comment<'a> {
    /// None if it was deleted itself.
    fn of(id: Uuid, life: Life<'a>) -> Option<Self> {
        let Event::CommentAdded(e) = &first(&life).event else { panic!("a comment begins with {:?}", life[0]) };
        let mut comment = Self { id, post: e.post_id, author: e.author_id, text: text(&e.text), hidden: None, life };
        for recorded in comment.life.clone() {
            match &recorded.event {
                Event::CommentAdded(_) => {}
                Event::CommentEdited(e) => comment.text = text(&e.text),
                Event::CommentHidden(e) => {
                    assert_eq!(comment.hidden, None, "hidden twice");
                    comment.hidden = Some((recorded.at, &e.reason));
                }
                Event::CommentUnhidden(_) => assert!(comment.hidden.take().is_some(), "not hidden"),
                Event::CommentDeleted(e) => {
                    assert_eq!(e.was_hidden, comment.hidden.is_some(), "whether it was hidden");
                    return None;
                }
                other => panic!("this happens to no comment: {other:?}"),
            }
        }
        Some(comment)
    }

    fn in_window(&self, cards: &Cards) -> Value {
        json!({
            "id": millrace_events::CommentId(self.id).to_global(),
            "version": self.life.len(),
            "revision": last(&self.life).position.to_string(),
            "createdAt": first(&self.life).at,
            "createdMicros": micros(first(&self.life).at),
            "updatedAt": last(&self.life).at,
            "text": self.text,
            "author": cards[&self.author],
        })
    }

    fn document(&self, cards: &Cards) -> Value {
        let mut document = super::life::kind("comment", self.in_window(cards));
        document["authorId"] = json!(self.author);
        document["postId"] = json!(self.post);
        let document = with(document, "listedOn", self.hidden.is_none().then(|| json!(self.post)));
        with(document, "hidden", hiding(self.hidden))
    }
}

/// Which post, and who likes it; of deleted posts too.
fn likes(log: &[Recorded]) -> Vec<(PostId, UserId)> {
    let likes = lives(log, AggregateKind::Like).into_values().filter_map(|life| match &last(&life).event {
        Event::PostLiked(e) => Some((e.post_id, e.user_id)),
        Event::PostUnliked(_) => None,
        other => panic!("this happens to no like: {other:?}"),
    });
    likes.collect()
}
