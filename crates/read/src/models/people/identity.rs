//! `identity:ID`: an account with an OpenID provider, so that the query side finds whose it is without PostgreSQL.
//!
//! It only leads to somebody: whether the link still counts stands in their `access:ID`, which changes with the very event that ends it.

use super::PeopleDocument;
use crate::models::fields::{micros, readable};
use crate::projection::{DocumentKey, FanOut, Unfoldable};
use millrace_events::identity::identity_digest;
use millrace_events::user::IdentityLinked;
use millrace_events::{Event, Recorded, SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The kind of these documents.
pub const KIND: &str = "identity";
/// The field by which one is looked up.
pub const DIGEST: &str = "digest";
/// The field that says whose it is.
const USER_ID: &str = "userId";

/// An account with a provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// Whom it signs in.
    pub user_id: UserId,
    /// What requests with the provider's tokens are known by.
    pub session_id: SessionId,
    /// What stands for issuer and subject.
    pub digest: Uuid,
    /// The provider.
    pub issuer: String,
    /// When it was linked.
    pub linked_at: Timestamp,
    /// The same, for sorting.
    pub created_micros: i64,
    /// The provider's tokens issued up to this moment are void, as the link found it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_until: Option<Timestamp>,
}

impl Identity {
    /// True if the link takes a token of the provider that was issued then. What ended since is their access's to tell.
    pub fn takes(&self, issued_at: Timestamp) -> bool {
        self.issued_until.is_none_or(|until| issued_at > until)
    }
}

/// The key of an identity.
pub fn key(id: SessionId) -> DocumentKey {
    DocumentKey::new(KIND, id)
}

/// Of an erased person there is nothing to lead to.
pub(super) fn linked(
    document: &mut Option<PeopleDocument>,
    event: &Recorded,
    e: &IdentityLinked,
    key: &DocumentKey,
) -> Result<(), Unfoldable> {
    let (issuer, subject) = (readable(&e.issuer, key)?, readable(&e.subject, key)?);
    *document = issuer.zip(subject).map(|(issuer, subject)| {
        PeopleDocument::Identity(Identity {
            user_id: e.user_id,
            session_id: e.session_id,
            digest: identity_digest(issuer, subject),
            issuer: issuer.clone(),
            linked_at: event.at,
            created_micros: micros(event.at),
            issued_until: e.issued_until,
        })
    });
    Ok(())
}

/// An erasure leaves it to be done: only the account's key is known to the event.
pub(super) fn opened(event: &Recorded) -> Vec<FanOut> {
    let Event::UserErased(e) = &event.event else { return vec![] };
    vec![FanOut::erasing(event, KIND, USER_ID, e.user_id)]
}
