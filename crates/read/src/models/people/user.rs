//! `user:ID`: a person's page.

use super::PeopleDocument;
use crate::models::fields::{Names, global_id, micros, profile_url, readable};
use crate::projection::{DocumentKey, Unfoldable};
use millrace_events::follow::FollowChanged;
use millrace_events::user::{EmailChangeRequested, EmailVerified, ProfileUpdated, UserCreated};
use millrace_events::{Recorded, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The kind of these documents.
pub const KIND: &str = "user";

/// A person's page. Of an erased person it has the names "Deleted user" and neither address nor picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Who it is.
    #[serde(with = "global_id")]
    pub id: UserId,
    /// Version of the account, for `expectedVersion`.
    pub version: u32,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Both names.
    pub full_name: String,
    /// E-mail address; for the person themselves and staff.
    pub email: Option<String>,
    /// True if mail to that address reached them; for the person themselves and staff.
    #[serde(default)]
    pub email_verified: bool,
    /// The address that takes its place once it is verified; for the person themselves and staff.
    #[serde(default)]
    pub pending_email: Option<String>,
    /// True while the person does not want the page to be seen: only they and staff see it.
    #[serde(default)]
    pub deactivated: bool,
    /// Path of the page in an application.
    pub profile_url: String,
    /// Picture.
    pub avatar_url: Option<String>,
    /// Words about themselves.
    pub bio: Option<String>,
    /// Published posts.
    pub post_count: u32,
    /// How many follow this person.
    pub follower_count: u32,
    /// How many this person follows.
    pub following_count: u32,
    /// When the person signed up.
    pub created_at: Timestamp,
    /// The same, for sorting.
    pub created_micros: i64,
    /// When the page's own fields changed last (counters do not count).
    pub updated_at: Timestamp,
}

/// Both names of an erased person.
pub const DELETED: &str = "Deleted user";

/// The key of a person's page.
pub fn key(id: UserId) -> DocumentKey {
    DocumentKey::new(KIND, id)
}

pub(super) fn created(
    document: &mut Option<PeopleDocument>,
    event: &Recorded,
    e: &UserCreated,
    key: &DocumentKey,
) -> Result<(), Unfoldable> {
    let names = Names::of(&e.first_name, &e.last_name, key)?;
    let user = User {
        id: e.user_id,
        version: event.aggregate.version,
        full_name: names.full(),
        first_name: names.first,
        last_name: names.last,
        email: readable(&e.email, key)?.cloned(),
        email_verified: false,
        pending_email: None,
        deactivated: false,
        profile_url: profile_url(e.user_id),
        avatar_url: None,
        bio: None,
        post_count: 0,
        follower_count: 0,
        following_count: 0,
        created_at: event.at,
        created_micros: micros(event.at),
        updated_at: event.at,
    };
    *document = Some(PeopleDocument::User(Arc::new(user)));
    Ok(())
}

pub(super) fn profile_updated(
    document: &mut Option<PeopleDocument>,
    event: &Recorded,
    e: &ProfileUpdated,
    key: &DocumentKey,
) -> Result<(), Unfoldable> {
    let Some(PeopleDocument::User(user)) = document else { return Ok(()) };
    let user = Arc::make_mut(user);
    let names = Names::of(&e.first_name, &e.last_name, key)?;
    let (avatar_url, bio) = (readable(&e.avatar_url, key)?, readable(&e.bio, key)?);
    user.full_name = names.full();
    user.first_name = names.first;
    user.last_name = names.last;
    user.avatar_url = avatar_url.cloned().flatten();
    user.bio = bio.cloned().flatten();
    user.version = event.aggregate.version;
    user.updated_at = event.at;
    Ok(())
}

pub(super) fn email_change_requested(
    document: &mut Option<PeopleDocument>,
    event: &Recorded,
    e: &EmailChangeRequested,
    key: &DocumentKey,
) -> Result<(), Unfoldable> {
    let pending = readable(&e.new_email, key)?.cloned();
    with(document, |user| {
        user.pending_email = pending;
        user.version = event.aggregate.version;
        user.updated_at = event.at;
    });
    Ok(())
}

pub(super) fn email_change_withdrawn(document: &mut Option<PeopleDocument>, event: &Recorded) {
    with(document, |user| {
        user.pending_email = None;
        user.version = event.aggregate.version;
        user.updated_at = event.at;
    });
}

/// An address that was asked for with the old password is wanted no longer.
pub(super) fn password_changed(document: &mut Option<PeopleDocument>, event: &Recorded) {
    with(document, |user| {
        if user.pending_email.take().is_some() {
            user.updated_at = event.at;
        }
        user.version = event.aggregate.version;
    });
}

pub(super) fn email_verified(
    document: &mut Option<PeopleDocument>,
    event: &Recorded,
    e: &EmailVerified,
    key: &DocumentKey,
) -> Result<(), Unfoldable> {
    let email = readable(&e.email, key)?.cloned();
    with(document, |user| {
        if user.pending_email == email {
            user.pending_email = None;
        }
        user.email = email;
        user.email_verified = true;
        user.version = event.aggregate.version;
        user.updated_at = event.at;
    });
    Ok(())
}

pub(super) fn deactivated(document: &mut Option<PeopleDocument>, event: &Recorded, deactivated: bool) {
    with(document, |user| {
        user.deactivated = deactivated;
        user.version = event.aggregate.version;
        user.updated_at = event.at;
    });
}

/// What is left is what an erased person's page is when it is folded from events whose key is destroyed.
pub(super) fn erased(document: &mut Option<PeopleDocument>, event: &Recorded) {
    with(document, |user| {
        let names = Names::deleted();
        user.full_name = names.full();
        user.first_name = names.first;
        user.last_name = names.last;
        (user.email, user.pending_email, user.avatar_url, user.bio) = (None, None, None, None);
        (user.email_verified, user.deactivated) = (false, false);
        user.version = event.aggregate.version;
        user.updated_at = event.at;
    });
}

/// Events of the account that the page does not show still move the version, or `expectedVersion` could never be met again.
pub(super) fn brought_to_version(document: &mut Option<PeopleDocument>, event: &Recorded) {
    with(document, |user| user.version = event.aggregate.version);
}

pub(super) fn followed(document: &mut Option<PeopleDocument>, e: &FollowChanged, key: &DocumentKey) {
    let follows = *key == self::key(e.follower_id);
    with(document, |user| {
        let counter = if follows { &mut user.following_count } else { &mut user.follower_count };
        *counter = counter.saturating_add(1);
    });
}

pub(super) fn unfollowed(document: &mut Option<PeopleDocument>, e: &FollowChanged, key: &DocumentKey) {
    let follows = *key == self::key(e.follower_id);
    with(document, |user| {
        let counter = if follows { &mut user.following_count } else { &mut user.follower_count };
        *counter = counter.saturating_sub(1);
    });
}

pub(super) fn post_shown(document: &mut Option<PeopleDocument>) {
    with(document, |user| user.post_count = user.post_count.saturating_add(1));
}

pub(super) fn post_hidden(document: &mut Option<PeopleDocument>) {
    with(document, |user| user.post_count = user.post_count.saturating_sub(1));
}

fn with(document: &mut Option<PeopleDocument>, change: impl FnOnce(&mut User)) {
    if let Some(PeopleDocument::User(user)) = document {
        change(Arc::make_mut(user));
    }
}
