//! `follow:FOLLOWER/FOLLOWED`: one person follows another.

use super::PeopleDocument;
use crate::models::fields::micros;
use crate::projection::DocumentKey;
use millrace_events::follow::FollowChanged;
use millrace_events::{Recorded, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// The kind of these documents.
pub const KIND: &str = "follow";

/// One person follows another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Follow {
    /// Who follows.
    pub follower_id: UserId,
    /// Who is followed.
    pub followed_id: UserId,
    /// Since when.
    pub created_at: Timestamp,
    /// The same, for sorting.
    pub created_micros: i64,
}

/// The key of a pair.
pub fn key(follower: UserId, followed: UserId) -> DocumentKey {
    DocumentKey::new(KIND, format_args!("{follower}/{followed}"))
}

pub(super) fn followed(document: &mut Option<PeopleDocument>, event: &Recorded, e: &FollowChanged) {
    let follow = Follow {
        follower_id: e.follower_id,
        followed_id: e.followed_id,
        created_at: event.at,
        created_micros: micros(event.at),
    };
    *document = Some(PeopleDocument::Follow(follow));
}
