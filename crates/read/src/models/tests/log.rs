//! Writes a log by hand: positions, versions and times come by themselves.

use millrace_events::aggregate::pair_id;
use millrace_events::comment::{CommentDeleted, CommentHidden, CommentUnhidden, CommentWritten};
use millrace_events::follow::FollowChanged;
use millrace_events::like::LikeChanged;
use millrace_events::order::{OrderPlaced, OrderedLine};
use millrace_events::post::{PostDeleted, PostHidden, PostUnhidden, PostVisibilityChanged, PostWritten};
use millrace_events::user::{
    AccountDeactivated, AccountReactivated, AllSessionsEnded, EmailChangeRequested, EmailChangeWithdrawn,
    EmailVerified, IdentityLinked, IdentityUnlinked, OtherSessionsEnded, PasswordChanged, ProfileUpdated, RoleChanged,
    SessionEnded, UserCreated, UserErased,
};
use millrace_events::{
    Aggregate, CommandId, CommentId, Currency, Date, ErasureId, Event, EventId, KeyState, Money, OrderId, PersonKey,
    Personal, Position, PostId, ProductId, Recorded, Role, SessionId, Timestamp, UserId, seal,
};
use std::collections::{BTreeSet, HashMap};
use time::macros::date;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// Why staff hide something here.
pub const REASON: &str = "It names a neighbour.";

/// By whom people are signed in here.
pub const ISSUER: &str = "https://id.example";

const START_SECOND: i64 = 1_800_000_000;

/// A small number as an id.
pub const fn id(n: u8) -> Uuid {
    Uuid::from_u128(n as u128 + 0x0190_0000_0000_7000_8000_0000_0000_0000)
}

/// A log that grows.
#[derive(Debug, Clone, Default)]
pub struct Log {
    pub events: Vec<Recorded>,
    versions: HashMap<Uuid, u32>,
    skew_s: i64,
}

impl Log {
    /// The next event comes from a process whose clock is wrong by this much.
    pub fn skewed(&mut self, seconds: i64) -> &mut Self {
        self.skew_s = seconds;
        self
    }

    pub fn last(&self) -> &Recorded {
        self.events.last().unwrap()
    }

    pub fn record(&mut self, event: Event) -> &mut Self {
        let position = Position(self.events.len() as u64 + 1);
        let aggregate_id = aggregate_id(&event);
        let version = self.versions.entry(aggregate_id).or_default();
        *version += 1;
        let second = i64::try_from(position.0).unwrap() + std::mem::take(&mut self.skew_s);
        self.events.push(Recorded {
            position,
            event_id: EventId(Uuid::from_u128(u128::from(position.0))),
            command_id: CommandId(Uuid::from_u128(u128::from(position.0) << 32)),
            command_index: 0,
            command_count: 1,
            aggregate: Aggregate { kind: event.kind().aggregate(), id: aggregate_id, version: *version },
            actor: None,
            at: at(second),
            event,
        });
        self
    }

    /// One command, and who sent it.
    pub fn command(&mut self, actor: Option<UserId>, events: Vec<Event>) -> &mut Self {
        let (start, count) = (self.events.len(), u32::try_from(events.len()).unwrap());
        for event in events {
            self.record(event);
        }
        let first = self.events[start].clone();
        for (index, recorded) in (0..).zip(&mut self.events[start..]) {
            (recorded.command_id, recorded.command_index, recorded.command_count) = (first.command_id, index, count);
            (recorded.actor, recorded.at) = (actor, first.at);
        }
        self
    }

    pub fn sign_up(&mut self, user: UserId, first: &str) -> &mut Self {
        let known = |text: &str| Personal::known(user, text.to_owned());
        let (first_name, last_name) = (known(first), known("Test"));
        let email = known(&format!("{first}@millrace.example"));
        self.record(Event::UserCreated(UserCreated { user_id: user, first_name, last_name, email }))
    }

    pub fn profile(&mut self, user: UserId, first: &str, avatar: Option<&str>, bio: Option<&str>) -> &mut Self {
        let known = |text: &str| Personal::known(user, text.to_owned());
        self.record(Event::ProfileUpdated(ProfileUpdated {
            user_id: user,
            first_name: known(first),
            last_name: known("Test"),
            avatar_url: Personal::known(user, avatar.map(str::to_owned)),
            bio: Personal::known(user, bio.map(str::to_owned)),
        }))
    }

    pub fn grant(&mut self, user_id: UserId, role: Role) -> &mut Self {
        self.record(Event::RoleGranted(RoleChanged { user_id, role }))
    }

    pub fn revoke(&mut self, user_id: UserId, role: Role) -> &mut Self {
        self.record(Event::RoleRevoked(RoleChanged { user_id, role }))
    }

    pub fn sign_out(&mut self, user_id: UserId, session_id: SessionId) -> &mut Self {
        self.record(Event::SessionEnded(SessionEnded { user_id, session_id }))
    }

    pub fn sign_out_everywhere(&mut self, user_id: UserId, issued_until: Timestamp) -> &mut Self {
        self.record(Event::AllSessionsEnded(AllSessionsEnded { user_id, issued_until }))
    }

    pub fn sign_out_others(&mut self, user_id: UserId, kept: SessionId, issued_until: Timestamp) -> &mut Self {
        self.record(Event::OtherSessionsEnded(OtherSessionsEnded { user_id, kept_session_id: kept, issued_until }))
    }

    pub fn change_password(&mut self, user_id: UserId) -> &mut Self {
        self.record(Event::PasswordChanged(PasswordChanged { user_id }))
    }

    pub fn want_email(&mut self, user: UserId, email: &str) -> &mut Self {
        let new_email = Personal::known(user, email.to_owned());
        self.record(Event::EmailChangeRequested(EmailChangeRequested { user_id: user, new_email }))
    }

    pub fn keep_email(&mut self, user_id: UserId) -> &mut Self {
        self.record(Event::EmailChangeWithdrawn(EmailChangeWithdrawn { user_id }))
    }

    pub fn verify_email(&mut self, user: UserId, email: &str) -> &mut Self {
        let email = Personal::known(user, email.to_owned());
        self.record(Event::EmailVerified(EmailVerified { user_id: user, email }))
    }

    pub fn link(&mut self, user: UserId, session_id: SessionId, subject: &str) -> &mut Self {
        self.link_after(user, session_id, subject, None)
    }

    /// A link that takes nothing that was issued by then.
    pub fn link_after(
        &mut self,
        user: UserId,
        session_id: SessionId,
        subject: &str,
        issued_until: Option<Timestamp>,
    ) -> &mut Self {
        let issuer = Personal::known(user, ISSUER.to_owned());
        let subject = Personal::known(user, subject.to_owned());
        self.record(Event::IdentityLinked(IdentityLinked { user_id: user, session_id, issuer, subject, issued_until }))
    }

    pub fn unlink(&mut self, user_id: UserId, session_id: SessionId) -> &mut Self {
        self.record(Event::IdentityUnlinked(IdentityUnlinked { user_id, session_id }))
    }

    pub fn deactivate(&mut self, user_id: UserId) -> &mut Self {
        self.record(Event::AccountDeactivated(AccountDeactivated { user_id }))
    }

    pub fn reactivate(&mut self, user_id: UserId) -> &mut Self {
        self.record(Event::AccountReactivated(AccountReactivated { user_id }))
    }

    pub fn erase(&mut self, user_id: UserId) -> &mut Self {
        let issued_until = at(i64::try_from(self.events.len()).unwrap());
        let erased = UserErased { user_id, erasure_id: ErasureId(id(200)), issued_until };
        self.record(Event::UserErased(erased))
    }

    pub fn follow(&mut self, follower_id: UserId, followed_id: UserId) -> &mut Self {
        self.record(Event::UserFollowed(FollowChanged { follower_id, followed_id }))
    }

    pub fn unfollow(&mut self, follower_id: UserId, followed_id: UserId) -> &mut Self {
        self.record(Event::UserUnfollowed(FollowChanged { follower_id, followed_id }))
    }

    pub fn post(&mut self, post: PostId, author: UserId, published: bool) -> &mut Self {
        self.record(Event::PostCreated(written(post, author, "Title", &["water"], published)))
    }

    pub fn edit_post(&mut self, post: PostId, author: UserId, title: &str) -> &mut Self {
        self.record(Event::PostEdited(written(post, author, title, &["wood"], true)))
    }

    pub fn publish(&mut self, post_id: PostId, author_id: UserId) -> &mut Self {
        self.record(Event::PostPublished(PostVisibilityChanged { post_id, author_id }))
    }

    pub fn unpublish(&mut self, post_id: PostId, author_id: UserId) -> &mut Self {
        self.record(Event::PostUnpublished(PostVisibilityChanged { post_id, author_id }))
    }

    pub fn hide_post(&mut self, post_id: PostId, author_id: UserId, was_published: bool, staff: UserId) -> &mut Self {
        let reason = Personal::known(staff, REASON.to_owned());
        self.record(Event::PostHidden(PostHidden { post_id, author_id, was_published, reason }))
    }

    pub fn unhide_post(&mut self, post_id: PostId, author_id: UserId, published: bool) -> &mut Self {
        self.record(Event::PostUnhidden(PostUnhidden { post_id, author_id, published }))
    }

    pub fn delete_post(&mut self, post_id: PostId, author_id: UserId, was_published: bool) -> &mut Self {
        self.record(Event::PostDeleted(PostDeleted { post_id, author_id, was_published }))
    }

    pub fn comment(&mut self, comment: CommentId, post: PostId, author: UserId, text: &str) -> &mut Self {
        self.record(Event::CommentAdded(said(comment, post, author, text)))
    }

    pub fn edit_comment(&mut self, comment: CommentId, post: PostId, author: UserId, text: &str) -> &mut Self {
        self.record(Event::CommentEdited(said(comment, post, author, text)))
    }

    pub fn hide_comment(
        &mut self,
        comment_id: CommentId,
        post_id: PostId,
        author_id: UserId,
        staff: UserId,
    ) -> &mut Self {
        let reason = Personal::known(staff, REASON.to_owned());
        self.record(Event::CommentHidden(CommentHidden { comment_id, post_id, author_id, reason }))
    }

    pub fn unhide_comment(&mut self, comment_id: CommentId, post_id: PostId, author_id: UserId) -> &mut Self {
        self.record(Event::CommentUnhidden(CommentUnhidden { comment_id, post_id, author_id }))
    }

    pub fn delete_comment(&mut self, comment_id: CommentId, post_id: PostId, author_id: UserId) -> &mut Self {
        self.record(Event::CommentDeleted(CommentDeleted { comment_id, post_id, author_id, was_hidden: false }))
    }

    pub fn delete_hidden_comment(&mut self, comment_id: CommentId, post_id: PostId, author_id: UserId) -> &mut Self {
        self.record(Event::CommentDeleted(CommentDeleted { comment_id, post_id, author_id, was_hidden: true }))
    }

    pub fn like(&mut self, post_id: PostId, user_id: UserId) -> &mut Self {
        self.record(Event::PostLiked(LikeChanged { post_id, user_id }))
    }

    pub fn unlike(&mut self, post_id: PostId, user_id: UserId) -> &mut Self {
        self.record(Event::PostUnliked(LikeChanged { post_id, user_id }))
    }

    /// An order of so many lines, each of two pieces of oak.
    pub fn place_order(&mut self, order_id: OrderId, customer_id: UserId, lines: usize) -> &mut Self {
        let line = OrderedLine {
            product_id: OAK,
            product_name: "Oak".into(),
            product_image: None,
            quantity: 2,
            price: eur(300),
        };
        self.record(Event::OrderPlaced(OrderPlaced {
            order_id,
            customer_id,
            customer_name: Personal::known(customer_id, "Ada Test".into()),
            customer_email: Personal::known(customer_id, "ada@millrace.example".into()),
            delivery_address: Personal::known(customer_id, "Mill Lane 1".into()),
            lines: vec![line; lines],
            total: eur(600),
            estimated_delivery: Date(date!(2026 - 11 - 30)),
            pay_until: at(900),
        }))
    }
}

/// What is ordered here.
pub const OAK: ProductId = ProductId(id(2));

/// So many cents.
pub fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::parse("EUR").unwrap())
}

/// The moment this many seconds after the log began.
pub fn at(second: i64) -> Timestamp {
    Timestamp::new(OffsetDateTime::from_unix_timestamp(START_SECOND).unwrap() + Duration::seconds(second))
}

fn written(post_id: PostId, author_id: UserId, title: &str, tags: &[&str], published: bool) -> PostWritten {
    PostWritten {
        post_id,
        author_id,
        title: Personal::known(author_id, title.to_owned()),
        body: Personal::known(author_id, format!("{title}, at length")),
        tags: Personal::known(author_id, tags.iter().map(|tag| (*tag).to_owned()).collect()),
        published,
    }
}

fn said(comment_id: CommentId, post_id: PostId, author_id: UserId, text: &str) -> CommentWritten {
    CommentWritten { comment_id, post_id, author_id, text: Personal::known(author_id, text.to_owned()) }
}

fn aggregate_id(event: &Event) -> Uuid {
    match event {
        Event::UserCreated(e) => e.user_id.0,
        Event::ProfileUpdated(e) => e.user_id.0,
        Event::RoleGranted(e) | Event::RoleRevoked(e) => e.user_id.0,
        Event::SessionEnded(e) => e.user_id.0,
        Event::AllSessionsEnded(e) => e.user_id.0,
        Event::OtherSessionsEnded(e) => e.user_id.0,
        Event::PasswordChanged(e) => e.user_id.0,
        Event::EmailChangeRequested(e) => e.user_id.0,
        Event::EmailChangeWithdrawn(e) => e.user_id.0,
        Event::EmailVerified(e) => e.user_id.0,
        Event::IdentityLinked(e) => e.user_id.0,
        Event::IdentityUnlinked(e) => e.user_id.0,
        Event::AccountDeactivated(e) => e.user_id.0,
        Event::AccountReactivated(e) => e.user_id.0,
        Event::UserErased(e) => e.user_id.0,
        Event::UserFollowed(e) | Event::UserUnfollowed(e) => pair_id(e.follower_id.0, e.followed_id.0),
        Event::PostCreated(e) | Event::PostEdited(e) => e.post_id.0,
        Event::PostPublished(e) | Event::PostUnpublished(e) => e.post_id.0,
        Event::PostHidden(e) => e.post_id.0,
        Event::PostUnhidden(e) => e.post_id.0,
        Event::PostDeleted(e) => e.post_id.0,
        Event::CommentAdded(e) | Event::CommentEdited(e) => e.comment_id.0,
        Event::CommentHidden(e) => e.comment_id.0,
        Event::CommentUnhidden(e) => e.comment_id.0,
        Event::CommentDeleted(e) => e.comment_id.0,
        Event::PostLiked(e) | Event::PostUnliked(e) => pair_id(e.post_id.0, e.user_id.0),
        Event::ProductCreated(e) => e.product_id.0,
        Event::ProductUpdated(e) => e.product_id.0,
        Event::ProductRestocked(e) => e.product_id.0,
        Event::ProductRetired(e) => e.product_id.0,
        Event::StockReserved(e) | Event::StockReleased(e) => e.product_id.0,
        Event::OrderPlaced(e) => e.order_id.0,
        Event::OrderPaid(e) => e.order_id.0,
        Event::OrderShipped(e) | Event::OrderDelivered(e) => e.order_id.0,
        Event::OrderCancelled(e) => e.order_id.0,
        Event::WalletOpened(e) => e.wallet_id.0,
        Event::TopUpRequested(e) => e.wallet_id.0,
        Event::TopUpDeclined(e) => e.wallet_id.0,
        Event::WalletMoved(e) => e.wallet_id.0,
    }
}

/// The same events, read again after this person's key was destroyed: sealed and opened as in the log.
pub fn after_erasing(events: &[Recorded], person: UserId) -> Vec<Recorded> {
    after_erasing_all(events, &BTreeSet::from([person]))
}

/// The same after several persons' keys were destroyed.
pub fn after_erasing_all(events: &[Recorded], persons: &BTreeSet<UserId>) -> Vec<Recorded> {
    let key = PersonKey::generate();
    let live = |_| Some(KeyState::Live(key.clone()));
    let now = |of| Some(if persons.contains(&of) { KeyState::Destroyed } else { KeyState::Live(key.clone()) });
    let reread = |event: &Recorded| {
        let mut payload = event.event.payload().unwrap();
        seal::seal(&mut payload, event.event_id, &live).unwrap();
        seal::open(&mut payload, event.event_id, &now).unwrap();
        let kind = event.event.kind();
        let event_again = Event::decode(kind.name(), kind.schema_version(), payload).unwrap();
        Recorded { event: event_again, ..event.clone() }
    };
    events.iter().map(reread).collect()
}
