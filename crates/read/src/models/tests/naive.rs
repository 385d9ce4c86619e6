//! The same documents, made another way: events become plain sets, and counters are recounted from them at the end.

use crate::models::content::card::Card;
use crate::models::content::comment::Comment;
use crate::models::content::hiding::Hiding;
use crate::models::content::post::{Post, Status};
use crate::models::content::relations::{Following, Like};
use crate::models::content::window::WindowComment;
use crate::models::content::{Content, ContentDocument};
use crate::models::people::access::{Access, EndedSession, OthersEnded};
use crate::models::people::follow::Follow;
use crate::models::people::identity::Identity;
use crate::models::people::user::User;
use crate::models::people::{People, PeopleDocument};
use crate::projection::{DocumentKey, Projection};
use millrace_events::comment::CommentWritten;
use millrace_events::identity::identity_digest;
use millrace_events::post::PostWritten;
use millrace_events::user::{ProfileUpdated, UserCreated};
use millrace_events::{CommentId, Event, Personal, Position, PostId, Recorded, Role, SessionId, Timestamp, UserId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

type Documents<P> = BTreeMap<DocumentKey, <P as Projection>::Document>;

#[derive(Debug, Clone)]
pub struct Account {
    pub created: (UserCreated, Timestamp),
    pub profile: Option<(ProfileUpdated, Timestamp)>,
    pub version: u32,
    pub card_position: Position,
    pub roles: BTreeSet<Role>,
    pub ended: Vec<EndedSession>,
    pub issued_until: Option<Timestamp>,
    pub others: Vec<OthersEnded>,
    pub linked: BTreeMap<SessionId, Identity>,
    pub email: String,
    pub email_verified: bool,
    pub pending_email: Option<String>,
    pub deactivated: bool,
    pub page_updated: Timestamp,
    pub access_was_touched: bool,
    pub erased_at: Option<Timestamp>,
}

#[derive(Debug, Clone)]
pub struct Written<T> {
    pub content: T,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub version: u32,
    pub position: Position,
}

/// What is true after a log.
#[derive(Debug, Clone, Default)]
pub struct Naive {
    pub accounts: BTreeMap<UserId, Account>,
    pub posts: BTreeMap<PostId, (Written<PostWritten>, bool)>,
    pub comments: BTreeMap<CommentId, Written<CommentWritten>>,
    pub hidden_posts: BTreeMap<PostId, (Timestamp, Personal<String>)>,
    pub hidden_comments: BTreeMap<CommentId, (Timestamp, Personal<String>)>,
    pub likes: BTreeSet<(PostId, UserId)>,
    pub follows: BTreeMap<(UserId, UserId), Timestamp>,
}

impl Naive {
    #[expect(clippy::too_many_lines, reason = "one arm for each event")]
    pub fn take(&mut self, event: &Recorded) {
        let (at, version, position) = (event.at, event.aggregate.version, event.position);
        match event.event.clone() {
            Event::UserCreated(e) => {
                let account = Account {
                    created: (e.clone(), at),
                    profile: None,
                    version,
                    card_position: position,
                    roles: BTreeSet::new(),
                    ended: vec![],
                    issued_until: None,
                    others: vec![],
                    linked: BTreeMap::new(),
                    email: e.email.value().cloned().unwrap(),
                    email_verified: false,
                    pending_email: None,
                    deactivated: false,
                    page_updated: at,
                    access_was_touched: false,
                    erased_at: None,
                };
                self.accounts.insert(e.user_id, account);
            }
            Event::ProfileUpdated(e) => {
                let account = self.account(e.user_id, version);
                let avatar = |profile: &Option<(ProfileUpdated, Timestamp)>| {
                    profile.as_ref().and_then(|(profile, _)| profile.avatar_url.value().cloned().flatten())
                };
                let before = (account.first(), avatar(&account.profile));
                account.profile = Some((e, at));
                account.page_updated = at;
                if before != (account.first(), avatar(&account.profile)) {
                    account.card_position = position;
                }
            }
            Event::RoleGranted(e) => {
                self.access(e.user_id, version).roles.insert(e.role);
            }
            Event::RoleRevoked(e) => {
                self.access(e.user_id, version).roles.remove(&e.role);
            }
            Event::SessionEnded(e) => {
                self.access(e.user_id, version).ended.push(EndedSession { session_id: e.session_id, at });
            }
            Event::AllSessionsEnded(e) => {
                let account = self.access(e.user_id, version);
                account.issued_until = account.issued_until.max(Some(e.issued_until));
            }
            Event::OtherSessionsEnded(e) => {
                let others = OthersEnded { kept_session_id: e.kept_session_id, issued_until: e.issued_until };
                self.access(e.user_id, version).others.push(others);
            }
            Event::PasswordChanged(e) => {
                let account = self.account(e.user_id, version);
                if account.pending_email.take().is_some() {
                    account.page_updated = at;
                }
            }
            Event::EmailChangeRequested(e) => {
                let account = self.account(e.user_id, version);
                (account.pending_email, account.page_updated) = (e.new_email.value().cloned(), at);
            }
            Event::EmailChangeWithdrawn(e) => {
                let account = self.account(e.user_id, version);
                (account.pending_email, account.page_updated) = (None, at);
            }
            Event::EmailVerified(e) => {
                let account = self.account(e.user_id, version);
                let email = e.email.value().cloned().unwrap();
                account.pending_email.take_if(|pending| *pending == email);
                (account.email, account.email_verified, account.page_updated) = (email, true, at);
            }
            Event::IdentityLinked(e) => {
                let (issuer, subject) = (e.issuer.value().cloned().unwrap(), e.subject.value().cloned().unwrap());
                let digest = identity_digest(&issuer, &subject);
                let (user_id, session_id) = (e.user_id, e.session_id);
                let (linked_at, created_micros, issued_until) = (at, micros(at), e.issued_until);
                let identity =
                    Identity { user_id, session_id, digest, issuer, linked_at, created_micros, issued_until };
                self.access(user_id, version).linked.insert(session_id, identity);
            }
            Event::IdentityUnlinked(e) => {
                let account = self.access(e.user_id, version);
                account.linked.remove(&e.session_id);
                account.ended.push(EndedSession { session_id: e.session_id, at });
            }
            Event::AccountDeactivated(e) => {
                let account = self.account(e.user_id, version);
                (account.deactivated, account.page_updated) = (true, at);
            }
            Event::AccountReactivated(e) => {
                let account = self.account(e.user_id, version);
                (account.deactivated, account.page_updated) = (false, at);
            }
            Event::UserErased(e) => {
                let account = self.access(e.user_id, version);
                account.issued_until = account.issued_until.max(Some(e.issued_until));
                account.roles.clear();
                account.linked.clear();
                (account.erased_at, account.card_position) = (Some(at), position);
            }
            Event::UserFollowed(e) => {
                self.follows.insert((e.follower_id, e.followed_id), at);
            }
            Event::UserUnfollowed(e) => {
                self.follows.remove(&(e.follower_id, e.followed_id));
            }
            Event::PostCreated(e) => {
                let published = e.published;
                self.posts.insert(
                    e.post_id,
                    (Written { content: e, created: at, updated: at, version, position }, published),
                );
            }
            Event::PostEdited(e) => {
                let (post, _) = self.posts.get_mut(&e.post_id).unwrap();
                *post = Written { content: e, created: post.created, updated: at, version, position };
            }
            Event::PostPublished(e) => self.show(e.post_id, true, event),
            Event::PostUnpublished(e) => self.show(e.post_id, false, event),
            Event::PostHidden(e) => {
                self.hidden_posts.insert(e.post_id, (at, e.reason));
                self.touch_post(e.post_id, event);
            }
            Event::PostUnhidden(e) => {
                self.hidden_posts.remove(&e.post_id);
                self.touch_post(e.post_id, event);
            }
            Event::PostDeleted(e) => {
                self.posts.remove(&e.post_id);
                self.comments.retain(|_, comment| comment.content.post_id != e.post_id);
                self.hidden_posts.remove(&e.post_id);
                self.hidden_comments.retain(|id, _| self.comments.contains_key(id));
                self.likes.retain(|(post, _)| *post != e.post_id);
            }
            Event::CommentAdded(e) => {
                self.comments.insert(e.comment_id, Written { content: e, created: at, updated: at, version, position });
            }
            Event::CommentEdited(e) => {
                let comment = self.comments.get_mut(&e.comment_id).unwrap();
                *comment = Written { content: e, created: comment.created, updated: at, version, position };
            }
            Event::CommentHidden(e) => {
                self.hidden_comments.insert(e.comment_id, (at, e.reason));
                self.touch_comment(e.comment_id, event);
            }
            Event::CommentUnhidden(e) => {
                self.hidden_comments.remove(&e.comment_id);
                self.touch_comment(e.comment_id, event);
            }
            Event::CommentDeleted(e) => {
                self.hidden_comments.remove(&e.comment_id);
                self.comments.remove(&e.comment_id);
            }
            Event::PostLiked(e) => {
                self.likes.insert((e.post_id, e.user_id));
            }
            Event::PostUnliked(e) => {
                self.likes.remove(&(e.post_id, e.user_id));
            }
            // The shop's own folds are compared with a shop of their own.
            Event::ProductCreated(_)
            | Event::ProductUpdated(_)
            | Event::ProductRestocked(_)
            | Event::ProductRetired(_) => {}
            Event::StockReserved(_) | Event::StockReleased(_) => {}
            Event::OrderPlaced(_) | Event::OrderPaid(_) | Event::OrderCancelled(_) => {}
            Event::OrderShipped(_) | Event::OrderDelivered(_) => {}
            Event::WalletOpened(_) | Event::WalletMoved(_) => {}
            Event::TopUpRequested(_) | Event::TopUpDeclined(_) => {}
        }
    }

    /// A post's comments that are not hidden, newest first.
    pub fn comments_of(&self, post: PostId) -> Vec<CommentId> {
        let listed = |id: &CommentId| !self.hidden_comments.contains_key(id);
        let on_post = self.comments.iter().filter(|(id, comment)| comment.content.post_id == post && listed(id));
        let mut found: Vec<_> = on_post.collect();
        found.sort_by_key(|(id, comment)| std::cmp::Reverse((comment.created, **id)));
        found.into_iter().map(|(id, _)| *id).collect()
    }

    pub fn people(&self) -> Documents<People> {
        let mut documents = Documents::<People>::new();
        for (id, account) in &self.accounts {
            documents.insert(DocumentKey::new("user", id), PeopleDocument::User(Arc::new(self.user(*id, account))));
            if account.access_was_touched {
                let access = Access {
                    user_id: *id,
                    roles: account.roles.clone(),
                    ended_sessions: account.ended.clone(),
                    issued_until: account.issued_until.max(account.superseded()),
                    identities: account.linked.keys().copied().collect(),
                    others_ended: account.others.last().cloned(),
                };
                documents.insert(DocumentKey::new("access", id), PeopleDocument::Access(access));
            }
        }
        let linked = self.accounts.values().flat_map(|account| &account.linked);
        documents.extend(
            linked.map(|(id, identity)| (DocumentKey::new("identity", id), PeopleDocument::Identity(identity.clone()))),
        );
        for ((follower, followed), at) in &self.follows {
            let follow =
                Follow { follower_id: *follower, followed_id: *followed, created_at: *at, created_micros: micros(*at) };
            documents
                .insert(DocumentKey::new("follow", format!("{follower}/{followed}")), PeopleDocument::Follow(follow));
        }
        documents
    }

    /// Each post's window is given `window_length` comments.
    pub fn content(&self, window_length: impl Fn(PostId) -> usize) -> Documents<Content> {
        let mut documents = Documents::<Content>::new();
        for id in self.accounts.keys() {
            documents.insert(DocumentKey::new("author", id), ContentDocument::Author(self.card(*id)));
        }
        for id in self.posts.keys() {
            let post = self.post(*id, window_length(*id));
            documents.insert(DocumentKey::new("post", id), ContentDocument::Post(Arc::new(post)));
        }
        for id in self.comments.keys() {
            documents.insert(DocumentKey::new("comment", id), ContentDocument::Comment(Arc::new(self.comment(*id))));
        }
        for (post, user) in &self.likes {
            let like = Like { post_id: *post, user_id: *user };
            documents.insert(DocumentKey::new("like", format!("{post}/{user}")), ContentDocument::Like(like));
        }
        for ((follower, followed), at) in &self.follows {
            let following = Following { follower_id: *follower, followed_id: *followed, created_micros: micros(*at) };
            let key = DocumentKey::new("following", format!("{follower}/{followed}"));
            documents.insert(key, ContentDocument::Following(following));
        }
        documents
    }

    fn account(&mut self, id: UserId, version: u32) -> &mut Account {
        let account = self.accounts.get_mut(&id).unwrap();
        account.version = version;
        account
    }

    fn access(&mut self, id: UserId, version: u32) -> &mut Account {
        let account = self.account(id, version);
        account.access_was_touched = true;
        account
    }

    fn show(&mut self, id: PostId, published: bool, event: &Recorded) {
        let (post, shown) = self.posts.get_mut(&id).unwrap();
        (post.version, post.updated, *shown) = (event.aggregate.version, event.at, published);
    }

    fn touch_post(&mut self, id: PostId, event: &Recorded) {
        let (post, _) = self.posts.get_mut(&id).unwrap();
        (post.version, post.updated) = (event.aggregate.version, event.at);
    }

    fn touch_comment(&mut self, id: CommentId, event: &Recorded) {
        let comment = self.comments.get_mut(&id).unwrap();
        (comment.version, comment.updated, comment.position) = (event.aggregate.version, event.at, event.position);
    }

    /// True if everybody may see the post.
    pub fn is_public(&self, id: PostId) -> bool {
        self.posts[&id].1 && !self.hidden_posts.contains_key(&id)
    }

    fn hiding(&self, (at, reason): &(Timestamp, Personal<String>)) -> Hiding {
        let known = !self.is_erased(reason.of());
        let text = known.then(|| reason.value().cloned().unwrap());
        Hiding { at: *at, reason: text, reason_of: known.then(|| reason.of()) }
    }

    /// What this person wrote; nothing once they are erased.
    fn said<T: Clone + Default>(&self, author: UserId, text: &Personal<T>) -> T {
        if self.is_erased(author) { T::default() } else { text.value().cloned().unwrap() }
    }

    pub fn is_erased(&self, id: UserId) -> bool {
        self.accounts[&id].erased_at.is_some()
    }

    fn user(&self, id: UserId, account: &Account) -> User {
        let user = self.user_before(id, account);
        let Some(updated_at) = account.erased_at else { return user };
        User {
            first_name: "Deleted".into(),
            last_name: "user".into(),
            full_name: "Deleted user".into(),
            email: None,
            email_verified: false,
            pending_email: None,
            deactivated: false,
            avatar_url: None,
            bio: None,
            updated_at,
            ..user
        }
    }

    fn user_before(&self, id: UserId, account: &Account) -> User {
        let profile = account.profile.as_ref();
        let own = self.posts.iter().filter(|(_, (post, _))| post.content.author_id == id);
        let published = own.filter(|(post, _)| self.is_public(**post)).count();
        User {
            id,
            version: account.version,
            first_name: account.first(),
            last_name: "Test".into(),
            full_name: format!("{} Test", account.first()),
            email: Some(account.email.clone()),
            email_verified: account.email_verified,
            pending_email: account.pending_email.clone(),
            deactivated: account.deactivated,
            profile_url: format!("/users/{}", id.to_global()),
            avatar_url: profile.and_then(|(profile, _)| profile.avatar_url.value().cloned().flatten()),
            bio: profile.and_then(|(profile, _)| profile.bio.value().cloned().flatten()),
            post_count: count(published),
            follower_count: count(self.follows.keys().filter(|(_, followed)| *followed == id).count()),
            following_count: count(self.follows.keys().filter(|(follower, _)| *follower == id).count()),
            created_at: account.created.1,
            created_micros: micros(account.created.1),
            updated_at: account.page_updated,
        }
    }

    fn card(&self, id: UserId) -> Arc<Card> {
        let account = &self.accounts[&id];
        let user = self.user(id, account);
        Arc::new(Card {
            id,
            first_name: user.first_name,
            last_name: user.last_name,
            full_name: user.full_name,
            profile_url: user.profile_url,
            avatar_url: user.avatar_url,
            erased: account.erased_at.is_some(),
            revision: account.card_position,
        })
    }

    fn post(&self, id: PostId, window_length: usize) -> Post {
        let (post, shown) = &self.posts[&id];
        let e = &post.content;
        let comments = self.comments_of(id);
        let window: Vec<_> = comments.iter().take(window_length).map(|id| Arc::new(self.window_comment(*id))).collect();
        let mut card_ids: BTreeSet<_> = window.iter().map(|comment| comment.author.id).collect();
        card_ids.insert(e.author_id);
        Post {
            id,
            version: post.version,
            created_at: post.created,
            created_micros: micros(post.created),
            updated_at: post.updated,
            title: self.said(e.author_id, &e.title),
            body: self.said(e.author_id, &e.body),
            tags: self.said(e.author_id, &e.tags),
            status: match (self.hidden_posts.contains_key(&id), *shown) {
                (true, _) => Status::Hidden,
                (false, true) => Status::Published,
                (false, false) => Status::Draft,
            },
            author: self.card(e.author_id),
            author_id: e.author_id,
            comment_count: count(comments.len()),
            like_count: count(self.likes.iter().filter(|(post, _)| *post == id).count()),
            comments: window,
            card_ids,
            refill_since: None,
            hidden: self.hidden_posts.get(&id).map(|hidden| self.hiding(hidden)),
        }
    }

    fn comment(&self, id: CommentId) -> Comment {
        let comment = &self.comments[&id];
        Comment {
            id,
            version: comment.version,
            revision: comment.position,
            created_at: comment.created,
            created_micros: micros(comment.created),
            updated_at: comment.updated,
            text: self.said(comment.content.author_id, &comment.content.text),
            author: self.card(comment.content.author_id),
            author_id: comment.content.author_id,
            post_id: comment.content.post_id,
            listed_on: (!self.hidden_comments.contains_key(&id)).then_some(comment.content.post_id),
            hidden: self.hidden_comments.get(&id).map(|hidden| self.hiding(hidden)),
        }
    }

    fn window_comment(&self, id: CommentId) -> WindowComment {
        let Comment { id, version, revision, created_at, created_micros, updated_at, text, author, .. } =
            self.comment(id);
        WindowComment { id, version, revision, created_at, created_micros, updated_at, text, author }
    }
}

impl Account {
    /// The moment until which nobody's token is good, because two different sign-ins were kept one after the other.
    fn superseded(&self) -> Option<Timestamp> {
        let pairs = self.others.windows(2).filter(|pair| pair[0].kept_session_id != pair[1].kept_session_id);
        pairs.map(|pair| pair[0].issued_until).max()
    }

    fn first(&self) -> String {
        match &self.profile {
            Some((profile, _)) => profile.first_name.value().cloned().unwrap(),
            None => self.created.0.first_name.value().cloned().unwrap(),
        }
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap()
}

fn micros(at: Timestamp) -> i64 {
    at.moment().unix_timestamp() * 1_000_000 + i64::from(at.moment().microsecond())
}
