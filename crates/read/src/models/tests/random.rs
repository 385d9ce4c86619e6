//! Any valid log, with fan-outs done at any moments, folds to what the naive fold says.

use super::checker::{self, as_json};
use super::naive::Naive;
use super::{Folded, Log, after_erasing_all, id};
use crate::models::commands::Commands;
use crate::models::content::post::{self, Post};
use crate::models::content::window::{WINDOW_KEPT, WINDOW_SERVED};
use crate::models::content::{Content, ContentDocument};
use crate::models::people::People;
use crate::projection::Projection;
use millrace_events::comment::CommentWritten;
use millrace_events::{CommentId, PostId, Recorded, Role, SessionId, UserId};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;
use uuid::Uuid;

#[derive(Debug, Clone)]
pub enum Step {
    Profile { user: u8, variant: u8 },
    Role { user: u8 },
    SignOut { user: u8 },
    SignOutEverywhere { user: u8 },
    ChangePassword { user: u8, kept: u8 },
    Deactivate { user: u8 },
    WantEmail { user: u8, variant: u8 },
    VerifyEmail { user: u8, variant: u8 },
    Link { user: u8, ends: bool },
    Erase { user: u8 },
    Follow { follower: u8, followed: u8 },
    Post { user: u8, published: bool },
    EditPost { post: u8 },
    Publish { post: u8 },
    HidePost { post: u8, staff: u8 },
    DeletePost { post: u8 },
    Comments { post: u8, user: u8, count: u8, skew_s: i64 },
    EditComment { comment: u8 },
    DeleteComments { post: u8, count: u8, oldest: bool },
    HideComments { post: u8, count: u8, oldest: bool, staff: u8 },
    UnhideComments { count: u8 },
    DeleteHidden { comment: u8 },
    Like { post: u8, user: u8 },
    Chunks { count: u8, limit: usize },
}

const USERS: u8 = 4;

pub fn step() -> impl Strategy<Value = Step> {
    let user = || 0..USERS;
    let post = || prop_oneof![4 => Just(0u8), 1 => 0..4u8];
    prop_oneof![
        3 => (user(), 0..3u8).prop_map(|(user, variant)| Step::Profile { user, variant }),
        1 => user().prop_map(|user| Step::Role { user }),
        1 => user().prop_map(|user| Step::SignOut { user }),
        1 => user().prop_map(|user| Step::SignOutEverywhere { user }),
        2 => (user(), 0..2u8).prop_map(|(user, kept)| Step::ChangePassword { user, kept }),
        1 => user().prop_map(|user| Step::Deactivate { user }),
        1 => (user(), 0..2u8).prop_map(|(user, variant)| Step::WantEmail { user, variant }),
        1 => (user(), 0..2u8).prop_map(|(user, variant)| Step::VerifyEmail { user, variant }),
        1 => (user(), any::<bool>()).prop_map(|(user, ends)| Step::Link { user, ends }),
        1 => user().prop_map(|user| Step::Erase { user }),
        2 => (user(), user()).prop_map(|(follower, followed)| Step::Follow { follower, followed }),
        2 => (user(), any::<bool>()).prop_map(|(user, published)| Step::Post { user, published }),
        1 => post().prop_map(|post| Step::EditPost { post }),
        2 => post().prop_map(|post| Step::Publish { post }),
        2 => (post(), user()).prop_map(|(post, staff)| Step::HidePost { post, staff }),
        1 => (0..4u8).prop_map(|post| Step::DeletePost { post }),
        8 => (post(), user(), 1..45u8, prop_oneof![2 => Just(0), 1 => -200..30i64])
            .prop_map(|(post, user, count, skew_s)| Step::Comments { post, user, count, skew_s }),
        2 => any::<u8>().prop_map(|comment| Step::EditComment { comment }),
        5 => (post(), 1..45u8, prop::bool::weighted(0.2)).prop_map(|(post, count, oldest)| Step::DeleteComments { post, count, oldest }),
        3 => (post(), 1..45u8, prop::bool::weighted(0.2), user())
            .prop_map(|(post, count, oldest, staff)| Step::HideComments { post, count, oldest, staff }),
        3 => (1..45u8).prop_map(|count| Step::UnhideComments { count }),
        1 => any::<u8>().prop_map(|comment| Step::DeleteHidden { comment }),
        2 => (post(), user()).prop_map(|(post, user)| Step::Like { post, user }),
        4 => (1..4u8, 1..8usize).prop_map(|(count, limit)| Step::Chunks { count, limit }),
    ]
}

/// A log that only ever gets events that a command could have recorded, and the folds of it.
struct World {
    log: Log,
    naive: Naive,
    people: Folded<People>,
    content: Folded<Content>,
    commands: Folded<Commands>,
    ids: u128,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            log: Log::default(),
            naive: Naive::default(),
            people: Folded::default(),
            content: Folded::default(),
            commands: Folded::default(),
            ids: 1_000,
        };
        for n in 0..USERS {
            world.log.sign_up(UserId(id(n)), &format!("User{n}"));
            world.fold();
        }
        world.log.post(PostId(id(9)), UserId(id(0)), true);
        world.fold();
        world
    }

    fn fold(&mut self) {
        let event = self.log.last().clone();
        self.naive.take(&event);
        self.people.event(&event);
        self.content.event(&event);
        self.commands.event(&event);
    }

    fn fresh(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(self.ids)
    }

    fn nth_post(&self, n: u8) -> Option<(PostId, UserId, bool)> {
        let count = self.naive.posts.len().max(1);
        let (id, (post, published)) = self.naive.posts.iter().nth(usize::from(n) % count)?;
        Some((*id, post.content.author_id, *published))
    }

    /// The same, if its author is still there to change it.
    fn nth_own_post(&self, n: u8) -> Option<(PostId, UserId, bool)> {
        self.nth_post(n).filter(|(_, author, _)| !self.naive.is_erased(*author))
    }

    fn nth_hidden_comment(&self, n: u8) -> Option<CommentWritten> {
        let count = self.naive.hidden_comments.len().max(1);
        let (id, _) = self.naive.hidden_comments.iter().nth(usize::from(n) % count)?;
        Some(self.naive.comments[id].content.clone())
    }

    /// Nobody acts as an erased person, or upon one.
    fn person(&self, n: u8) -> Option<UserId> {
        let user = UserId(id(n % USERS));
        (!self.naive.is_erased(user)).then_some(user)
    }

    fn erased(&self) -> BTreeSet<UserId> {
        (0..USERS).filter(|n| self.person(*n).is_none()).map(|n| UserId(id(n))).collect()
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each step")]
    fn step(&mut self, step: &Step) -> Option<()> {
        match *step {
            Step::Profile { user, variant } => self.profile(user, variant)?,
            Step::Role { user } => {
                let user = self.person(user)?;
                if self.naive.accounts[&user].roles.contains(&Role::Staff) {
                    self.log.revoke(user, Role::Staff);
                } else {
                    self.log.grant(user, Role::Staff);
                }
            }
            Step::SignOut { user } => {
                let (user, session) = (self.person(user)?, SessionId(self.fresh()));
                self.log.sign_out(user, session);
            }
            Step::SignOutEverywhere { user } => {
                let until = self.log.last().at;
                self.log.sign_out_everywhere(self.person(user)?, until);
            }
            Step::Link { user, ends: false } => {
                let (user, session) = (self.person(user)?, SessionId(self.fresh()));
                self.log.link(user, session, &session.to_string());
            }
            Step::Link { user, ends: true } => {
                let user = self.person(user)?;
                let session = *self.naive.accounts[&user].linked.keys().next()?;
                self.log.unlink(user, session);
            }
            Step::Erase { user } => {
                self.log.erase(self.person(user)?);
            }
            Step::ChangePassword { user, kept } => {
                let user = self.person(user)?;
                self.log.change_password(user);
                self.fold();
                let until = self.log.last().at;
                self.log.sign_out_others(user, SessionId(id(100 + kept)), until);
            }
            Step::Deactivate { user } => {
                let user = self.person(user)?;
                if self.naive.accounts[&user].deactivated {
                    self.log.reactivate(user);
                } else {
                    self.log.deactivate(user);
                }
            }
            Step::WantEmail { user, variant: 0 }
                if self.naive.accounts[&self.person(user)?].pending_email.is_some() =>
            {
                self.log.keep_email(self.person(user)?);
            }
            Step::WantEmail { user, variant } => {
                self.log.want_email(self.person(user)?, &format!("{user}-{variant}@millrace.example"));
            }
            Step::VerifyEmail { user, variant } => {
                self.log.verify_email(self.person(user)?, &format!("{user}-{variant}@millrace.example"));
            }
            Step::Follow { follower, followed } if follower != followed => {
                let (follower, followed) = (self.person(follower)?, self.person(followed)?);
                if self.naive.follows.contains_key(&(follower, followed)) {
                    self.log.unfollow(follower, followed);
                } else {
                    self.log.follow(follower, followed);
                }
            }
            Step::Follow { .. } => return None,
            Step::Post { user, published } => {
                let post = PostId(self.fresh());
                self.log.post(post, self.person(user)?, published);
            }
            Step::Comments { post, user, count, skew_s } => return self.comments(post, user, count, skew_s),
            Step::DeleteComments { post, count, oldest } => return self.delete_comments(post, count, oldest),
            Step::HideComments { post, count, oldest, staff } => return self.hide_comments(post, count, oldest, staff),
            Step::UnhideComments { count } => return self.unhide_comments(count),
            Step::DeleteHidden { comment } => {
                let e = self.nth_hidden_comment(comment).filter(|e| !self.naive.is_erased(e.author_id))?;
                self.log.delete_hidden_comment(e.comment_id, e.post_id, e.author_id);
            }
            Step::Chunks { count, limit } => {
                (0..count).for_each(|_| self.content.chunk(limit));
                return None;
            }
            Step::EditPost { post } => {
                let (post, author, _) = self.nth_own_post(post)?;
                let title = format!("Title {}", self.log.events.len());
                self.log.edit_post(post, author, &title);
            }
            Step::Publish { post } => {
                let (post, author, published) = self.nth_own_post(post)?;
                if self.naive.hidden_posts.contains_key(&post) {
                    return None;
                }
                if published {
                    self.log.unpublish(post, author);
                } else {
                    self.log.publish(post, author);
                }
            }
            Step::HidePost { post, staff } => {
                let (post, author, published) = self.nth_post(post)?;
                if self.naive.hidden_posts.contains_key(&post) {
                    self.log.unhide_post(post, author, published);
                } else {
                    let staff = self.person(staff)?;
                    self.log.hide_post(post, author, published, staff);
                }
            }
            Step::DeletePost { post } => {
                let (post, author, _) = self.nth_own_post(post)?;
                self.log.delete_post(post, author, self.naive.is_public(post));
            }
            Step::EditComment { comment } => {
                let count = self.naive.comments.len().max(1);
                let (_, comment) = self.naive.comments.iter().nth(usize::from(comment) % count)?;
                let (e, text) = (comment.content.clone(), format!("edited {}", self.log.events.len()));
                if self.naive.is_erased(e.author_id) {
                    return None;
                }
                self.log.edit_comment(e.comment_id, e.post_id, e.author_id, &text);
            }
            Step::Like { post, user } => {
                let (post, user) = (self.nth_post(post)?.0, self.person(user)?);
                if self.naive.likes.contains(&(post, user)) {
                    self.log.unlike(post, user);
                } else {
                    self.log.like(post, user);
                }
            }
        }
        self.fold();
        Some(())
    }

    fn profile(&mut self, n: u8, variant: u8) -> Option<()> {
        let (user, bio) = (self.person(n)?, format!("bio {variant}"));
        let avatar = (variant == 2).then_some("https://example/a.png");
        let name = if variant == 1 { format!("Renamed{}", self.log.events.len()) } else { format!("User{n}") };
        self.log.profile(user, &name, avatar, Some(&bio));
        Some(())
    }

    fn comments(&mut self, post: u8, user: u8, count: u8, skew_s: i64) -> Option<()> {
        let (post, _, _) = self.nth_post(post)?;
        for n in 0..count {
            let (author, comment) = (self.person(user + n % 2)?, CommentId(self.fresh()));
            self.log.skewed(skew_s).comment(comment, post, author, "Said.");
            self.fold();
            self.check_window(post);
        }
        Some(())
    }

    fn delete_comments(&mut self, post: u8, count: u8, oldest: bool) -> Option<()> {
        let (post, _, _) = self.nth_post(post)?;
        let mut comments = self.naive.comments_of(post);
        if oldest {
            comments.reverse();
        }
        for comment in comments.into_iter().take(usize::from(count)) {
            let author = self.naive.comments[&comment].content.author_id;
            self.log.delete_comment(comment, post, author);
            self.fold();
            self.check_window(post);
        }
        Some(())
    }

    fn hide_comments(&mut self, post: u8, count: u8, oldest: bool, staff: u8) -> Option<()> {
        let ((post, _, _), staff) = (self.nth_post(post)?, self.person(staff)?);
        let mut comments = self.naive.comments_of(post);
        if oldest {
            comments.reverse();
        }
        for comment in comments.into_iter().take(usize::from(count)) {
            let author = self.naive.comments[&comment].content.author_id;
            self.log.hide_comment(comment, post, author, staff);
            self.fold();
            self.check_window(post);
        }
        Some(())
    }

    /// Wherever they stand: at the window's top, in its middle, beyond its end.
    fn unhide_comments(&mut self, count: u8) -> Option<()> {
        for n in 0..count {
            let e = self.nth_hidden_comment(n.wrapping_mul(7))?;
            self.log.unhide_comment(e.comment_id, e.post_id, e.author_id);
            self.fold();
            self.check_window(e.post_id);
        }
        Some(())
    }

    fn page(&self, id: PostId) -> &Post {
        match self.content.get(&post::key(id)) {
            Some(ContentDocument::Post(post)) => post,
            other => panic!("{other:?}"),
        }
    }

    /// At every moment a window is a prefix of all comments, and one that falls short waits for its refill.
    fn check_window(&self, id: PostId) {
        let (page, all) = (self.page(id), self.naive.comments_of(id));
        let window: Vec<_> = page.comments.iter().map(|comment| comment.id).collect();
        assert_eq!(window, all[..window.len()]);
        assert_eq!(page.comment_count as usize, all.len());
        assert!(page.window_serves() || page.refill_since.is_some(), "falls short and nobody knows");
        let refills = self.content.open.iter().filter(|fan_out| Some(fan_out.position) == page.refill_since).count();
        assert_eq!(refills, usize::from(page.refill_since.is_some()), "exactly one refill is under way, or none");
    }

    fn check_end(&mut self) {
        self.content.drain();
        self.people.drain();
        assert_eq!(self.people.documents, self.naive.people());
        let lengths = |id| self.page(id).comments.len();
        assert_eq!(self.content.documents, self.naive.content(lengths));
        for id in self.naive.posts.keys() {
            let (length, all) = (lengths(*id), self.naive.comments_of(*id).len());
            assert!((all.min(WINDOW_SERVED)..=all.min(WINDOW_KEPT)).contains(&length), "{length} of {all}");
        }
        checker::compare(&as_json(&self.commands), &checker::commands::documents(&self.log.events));
        assert!(self.people.open.is_empty() && self.commands.open.is_empty());
    }
}

/// The log that steps write, and who is erased in it.
pub fn log_of(steps: &[Step]) -> (Vec<Recorded>, BTreeSet<UserId>) {
    let mut world = World::new();
    for step in steps {
        world.step(step);
    }
    let erased = world.erased();
    (world.log.events, erased)
}

/// The log again, from the start, with other moments for the fan-outs.
fn refolded<P: Projection>(events: &[Recorded], chunk_every: usize) -> Folded<P> {
    let mut folded = Folded::default();
    for (count, event) in events.iter().enumerate() {
        folded.event(event);
        if count % chunk_every == 0 {
            folded.chunk(2);
        }
    }
    folded.drain();
    folded
}

/// Window lengths may differ by when refills ran; what a client is served may not.
pub fn served(folded: &Folded<Content>) -> Vec<ContentDocument> {
    let cut = |document: &ContentDocument| {
        let mut document = document.clone();
        if let ContentDocument::Post(post) = &mut document {
            let post = Arc::make_mut(post);
            post.comments.truncate(WINDOW_SERVED);
            post.card_ids.clear();
        }
        document
    };
    folded.documents.values().map(cut).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_fold_equals_the_naive_one(steps in vec(step(), 1..60)) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
        world.check_end();
    }

    #[test]
    fn what_is_served_does_not_depend_on_when_fan_outs_run(steps in vec(step(), 1..40), every in 1..20usize) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
        world.content.drain();
        prop_assert_eq!(served(&world.content), served(&refolded(&world.log.events, every)));
    }

    /// A rebuild meets erased values from position 1 on, where the live fold had met readable ones.
    #[test]
    fn a_rebuild_after_erasures_gives_the_documents_that_were_cleaned(steps in vec(step(), 1..50), every in 1..20usize) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
        world.content.drain();
        world.people.drain();
        let reread = after_erasing_all(&world.log.events, &world.erased());
        prop_assert_eq!(served(&world.content), served(&refolded(&reread, every)));
        prop_assert_eq!(world.people.documents, refolded::<People>(&reread, every).documents);
    }
}
