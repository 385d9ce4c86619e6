//! Projection `people`: a person's page, their access, and who follows whom.

pub mod access;
pub mod follow;
pub mod identity;
pub mod user;

#[cfg(test)]
mod tests;

use crate::projection::{Audience, DocumentKey, ERASURE, FanOut, Lookup, Projection, Touches, Unfoldable};
use access::Access;
use follow::Follow;
use identity::Identity;
use millrace_events::{Event, Recorded, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use user::User;

/// People, as they are shown and as they may act.
#[derive(Debug, Clone, Copy)]
pub struct People;

/// A document of [`People`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum PeopleDocument {
    /// A person's page.
    User(Arc<User>),
    /// What a person may do, and which of their sign-ins ended.
    Access(Access),
    /// One person follows another.
    Follow(Follow),
    /// An account with an OpenID provider.
    Identity(Identity),
}

impl PeopleDocument {
    /// All lists have the newest first.
    pub(super) fn sort_value(&self, _: &str) -> Option<i64> {
        match self {
            Self::User(user) => Some(user.created_micros),
            Self::Follow(follow) => Some(follow.created_micros),
            Self::Identity(identity) => Some(identity.created_micros),
            Self::Access(_) => None,
        }
    }
}

impl People {
    pub(super) fn left_of(person: UserId) -> Vec<Value> {
        let names = [json!({"fullName": {"$ne": user::DELETED}}), json!({"email": {"$ne": null}})];
        let pending = [json!({"pendingEmail": {"$ne": null}})];
        let words = [json!({"avatarUrl": {"$ne": null}}), json!({"bio": {"$ne": null}})];
        let any: Vec<Value> = names.into_iter().chain(pending).chain(words).collect();
        let access = [json!({"roles": {"$ne": []}}), json!({"identities.0": {"$exists": true}})];
        vec![
            json!({"_id": user::key(person), "$or": any}),
            json!({"_id": access::key(person), "$or": access}),
            json!({"kind": identity::KIND, "userId": person.to_string()}),
        ]
    }

    pub(super) fn read(key: &DocumentKey, json: &str) -> serde_json::Result<PeopleDocument> {
        match key.kind() {
            user::KIND => serde_json::from_str(json).map(PeopleDocument::User),
            _ => serde_json::from_str(json),
        }
    }
}

impl Projection for People {
    const NAME: &'static str = "people";
    const FOLD_VERSION: u32 = 3;
    type Document = PeopleDocument;

    fn touches(event: &Recorded) -> Touches {
        let writes = match &event.event {
            Event::UserCreated(e) => vec![user::key(e.user_id)],
            Event::ProfileUpdated(e) => vec![user::key(e.user_id)],
            Event::RoleGranted(e) | Event::RoleRevoked(e) => vec![user::key(e.user_id), access::key(e.user_id)],
            Event::SessionEnded(e) => vec![user::key(e.user_id), access::key(e.user_id)],
            Event::AllSessionsEnded(e) => vec![user::key(e.user_id), access::key(e.user_id)],
            Event::OtherSessionsEnded(e) => vec![user::key(e.user_id), access::key(e.user_id)],
            Event::PasswordChanged(e) => vec![user::key(e.user_id)],
            Event::EmailChangeRequested(e) => vec![user::key(e.user_id)],
            Event::EmailChangeWithdrawn(e) => vec![user::key(e.user_id)],
            Event::EmailVerified(e) => vec![user::key(e.user_id)],
            Event::IdentityLinked(e) => {
                vec![user::key(e.user_id), access::key(e.user_id), identity::key(e.session_id)]
            }
            Event::IdentityUnlinked(e) => {
                vec![user::key(e.user_id), access::key(e.user_id), identity::key(e.session_id)]
            }
            Event::AccountDeactivated(e) => vec![user::key(e.user_id)],
            Event::AccountReactivated(e) => vec![user::key(e.user_id)],
            Event::UserErased(e) => vec![user::key(e.user_id), access::key(e.user_id)],
            Event::UserFollowed(e) | Event::UserUnfollowed(e) if e.follower_id != e.followed_id => {
                vec![follow::key(e.follower_id, e.followed_id), user::key(e.follower_id), user::key(e.followed_id)]
            }
            Event::PostCreated(e) if e.published => vec![user::key(e.author_id)],
            Event::PostPublished(e) | Event::PostUnpublished(e) => vec![user::key(e.author_id)],
            Event::PostHidden(e) if e.was_published => vec![user::key(e.author_id)],
            Event::PostUnhidden(e) if e.published => vec![user::key(e.author_id)],
            Event::PostDeleted(e) if e.was_published => vec![user::key(e.author_id)],
            Event::UserFollowed(_) | Event::UserUnfollowed(_) | Event::PostCreated(_) | Event::PostDeleted(_) => vec![],
            Event::PostHidden(_) | Event::PostUnhidden(_) => vec![],
            Event::PostEdited(_) | Event::PostLiked(_) | Event::PostUnliked(_) => vec![],
            Event::CommentAdded(_) | Event::CommentEdited(_) | Event::CommentDeleted(_) => vec![],
            Event::CommentHidden(_) | Event::CommentUnhidden(_) => vec![],
            Event::ProductCreated(_)
            | Event::ProductUpdated(_)
            | Event::ProductRestocked(_)
            | Event::ProductRetired(_) => vec![],
            Event::StockReserved(_) | Event::StockReleased(_) => vec![],
            Event::OrderPlaced(_) | Event::OrderPaid(_) | Event::OrderCancelled(_) => vec![],
            Event::OrderShipped(_) | Event::OrderDelivered(_) => vec![],
            Event::WalletOpened(_) | Event::WalletMoved(_) => vec![],
            Event::TopUpRequested(_) | Event::TopUpDeclined(_) => vec![],
        };
        Touches { writes, reads: vec![] }
    }

    fn apply(
        event: &Recorded,
        key: &DocumentKey,
        document: &mut Option<PeopleDocument>,
        _: &dyn Lookup<PeopleDocument>,
    ) -> Result<(), Unfoldable> {
        let is_access = key.kind() == access::KIND;
        let is_follow = key.kind() == follow::KIND;
        let is_identity = key.kind() == identity::KIND;
        match &event.event {
            Event::UserCreated(e) => return user::created(document, event, e, key),
            Event::ProfileUpdated(e) => return user::profile_updated(document, event, e, key),
            Event::RoleGranted(e) if is_access => access::role_granted(document, e),
            Event::RoleRevoked(e) if is_access => access::role_revoked(document, e),
            Event::SessionEnded(e) if is_access => access::session_ended(document, event, e),
            Event::AllSessionsEnded(e) if is_access => access::all_sessions_ended(document, e),
            Event::OtherSessionsEnded(e) if is_access => access::other_sessions_ended(document, e),
            Event::EmailChangeRequested(e) => return user::email_change_requested(document, event, e, key),
            Event::EmailChangeWithdrawn(_) => user::email_change_withdrawn(document, event),
            Event::EmailVerified(e) => return user::email_verified(document, event, e, key),
            Event::UserErased(e) if is_access => access::erased(document, e),
            Event::UserErased(_) => user::erased(document, event),
            Event::RoleGranted(_) | Event::RoleRevoked(_) => user::brought_to_version(document, event),
            Event::SessionEnded(_) | Event::AllSessionsEnded(_) => user::brought_to_version(document, event),
            Event::AccountDeactivated(_) => user::deactivated(document, event, true),
            Event::AccountReactivated(_) => user::deactivated(document, event, false),
            Event::OtherSessionsEnded(_) => user::brought_to_version(document, event),
            Event::IdentityLinked(e) if is_access => access::identity_linked(document, e),
            Event::IdentityUnlinked(e) if is_access => access::identity_unlinked(document, event, e),
            Event::IdentityLinked(e) if is_identity => return identity::linked(document, event, e, key),
            Event::IdentityUnlinked(_) if is_identity => *document = None,
            Event::IdentityLinked(_) | Event::IdentityUnlinked(_) => user::brought_to_version(document, event),
            Event::PasswordChanged(_) => user::password_changed(document, event),
            Event::UserFollowed(e) if is_follow => follow::followed(document, event, e),
            Event::UserUnfollowed(_) if is_follow => *document = None,
            Event::UserFollowed(e) => user::followed(document, e, key),
            Event::UserUnfollowed(e) => user::unfollowed(document, e, key),
            Event::PostCreated(_) | Event::PostPublished(_) | Event::PostUnhidden(_) => user::post_shown(document),
            Event::PostUnpublished(_) | Event::PostHidden(_) | Event::PostDeleted(_) => user::post_hidden(document),
            Event::PostEdited(_) | Event::PostLiked(_) | Event::PostUnliked(_) => {}
            Event::CommentAdded(_) | Event::CommentEdited(_) | Event::CommentDeleted(_) => {}
            Event::CommentHidden(_) | Event::CommentUnhidden(_) => {}
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
        Ok(())
    }

    fn fan_outs(event: &Recorded, _: &dyn Lookup<PeopleDocument>) -> Vec<FanOut> {
        identity::opened(event)
    }

    fn spread(
        fan_out: &FanOut,
        key: &DocumentKey,
        document: &mut Option<PeopleDocument>,
        _: &[(DocumentKey, PeopleDocument)],
        _: &dyn Lookup<PeopleDocument>,
    ) -> Result<(), Unfoldable> {
        if fan_out.task != ERASURE || key.kind() != identity::KIND {
            return Err(Unfoldable { key: key.clone(), reason: "not a fan-out of people" });
        }
        *document = None;
        Ok(())
    }

    fn refill_reads(_: &[(DocumentKey, PeopleDocument)]) -> Vec<DocumentKey> {
        vec![]
    }

    fn topics(key: &DocumentKey, _: &PeopleDocument) -> BTreeSet<String> {
        BTreeSet::from([key.to_string()])
    }

    fn audience(_: &DocumentKey, document: &PeopleDocument) -> Audience {
        match document {
            PeopleDocument::User(user) if user.deactivated => Audience::Person(user.id),
            PeopleDocument::User(_) | PeopleDocument::Follow(_) => Audience::Everyone,
            PeopleDocument::Access(_) | PeopleDocument::Identity(_) => Audience::Nobody,
        }
    }

    fn indexes() -> Vec<Value> {
        let newest = |field: &str| json!({field: 1, "createdMicros": -1, "_id": -1});
        let of = |kind: &str| json!({"kind": kind});
        vec![
            json!({"name": "followers", "key": newest("followedId"), "partialFilterExpression": of(follow::KIND)}),
            json!({"name": "following", "key": newest("followerId"), "partialFilterExpression": of(follow::KIND)}),
            json!({"name": "identities", "key": newest(identity::DIGEST), "partialFilterExpression": of(identity::KIND)}),
            json!({"name": "identitiesOf", "key": {"userId": 1, "_id": 1}, "partialFilterExpression": of(identity::KIND)}),
            json!({"name": "newest", "key": {"createdMicros": -1, "_id": -1}, "partialFilterExpression": of(user::KIND)}),
            json!({
                "name": "names",
                "key": {"firstName": "text", "lastName": "text"},
                "default_language": "none",
                "language_override": "searchLanguage",
            }),
        ]
    }
}
