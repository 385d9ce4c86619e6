//! Whoever shows a token of an OpenID provider: whose account it is linked to, out of documents alone.

use super::error::Refusal;
use super::read_side::{ReadSide, Terms};
use crate::models::people::identity::{self, Identity};
use crate::models::people::{People, PeopleDocument, access, user};
use crate::reader::{ListQuery, Need};
use millrace_events::Timestamp;
use millrace_events::viewer::Person;
use std::collections::BTreeSet;
use tokio::time::Instant;
use uuid::Uuid;

/// One counts, and others may still be there that an erasure has left behind.
const IDENTITIES_MAX: usize = 4;

/// A provider's token, as verified.
#[derive(Debug, Clone, Copy)]
pub struct ShownToken {
    /// What stands for the provider and who it is there.
    pub digest: Uuid,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl ReadSide {
    /// The person to whom an account with an OpenID provider is linked, who shows a token of the provider; the refusal if there is none, or
    /// if the account is deactivated, or if the token was void before it was linked. Their roles, and whether the token is void by now, is for [`ReadSide::access`] to say.
    pub async fn linked(&self, token: ShownToken) -> Result<Person, Refusal> {
        let deadline = Instant::now() + self.limits().consistency_wait;
        let terms = Terms { need: Need::default(), deadline, viewer: None };
        let any_of = vec![(identity::DIGEST, vec![token.digest.to_string()])];
        let query = ListQuery { kind: identity::KIND, any_of, limit: IDENTITIES_MAX, ..ListQuery::default() };
        let (page, _) = self.page::<People>(&query, &terms).await?;
        for (_, stored) in page.entries {
            let PeopleDocument::Identity(identity) = &stored.document else { continue };
            if identity.takes(token.issued_at) && self.is_linked(identity, &terms).await? {
                let ShownToken { issued_at, expires_at, .. } = token;
                let (user_id, session_id) = (identity.user_id, identity.session_id);
                return Ok(Person { user_id, session_id, issued_at, expires_at, roles: BTreeSet::new() });
            }
        }
        Err(Refusal::Unauthenticated)
    }

    /// What an erasure leaves to be swept up leads to nobody any more.
    async fn is_linked(&self, identity: &Identity, terms: &Terms) -> Result<bool, Refusal> {
        let keys = [access::key(identity.user_id), user::key(identity.user_id)];
        let (mut documents, _) = self.documents::<People>(&keys, terms).await?;
        let mut take = |key| documents.remove(key).map(|found| found.document);
        let is_linked = matches!(take(&keys[0]), Some(PeopleDocument::Access(access)) if access.identities.contains(&identity.session_id));
        let is_active = matches!(take(&keys[1]), Some(PeopleDocument::User(user)) if !user.deactivated);
        Ok(is_linked && is_active)
    }
}
