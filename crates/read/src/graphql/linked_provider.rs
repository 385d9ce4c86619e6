//! Providers by which a person can sign in, as their account page shows them.

use super::context::RequestContext;
use super::error::Refusal;
use super::page::Paging;
use crate::models::people::{People, PeopleDocument, identity};
use async_graphql::SimpleObject;
use millrace_events::{Timestamp, UserId};

/// One of each provider can be linked, and no more providers than this are shown.
const LINKED_MAX: usize = 100;

/// An OpenID provider by which a person can sign in.
#[derive(Debug, Clone, SimpleObject)]
pub struct LinkedProvider {
    /// The provider: what its ID tokens say in `iss`, and what `unlinkProvider` takes.
    issuer: String,
    /// When it was linked.
    linked_at: Timestamp,
}

impl LinkedProvider {
    /// A person's, the one that was linked last first.
    pub async fn of_person(request: &RequestContext, person: UserId) -> Result<Vec<Self>, Refusal> {
        let any_of = vec![("userId", vec![person.to_string()])];
        let page = request.page::<People>(identity::KIND, any_of, None, &Paging::first(LINKED_MAX)).await?;
        let linked = page.entries.into_iter().filter_map(|(_, found)| match found.document {
            PeopleDocument::Identity(identity) => Some(Self { issuer: identity.issuer, linked_at: identity.linked_at }),
            PeopleDocument::User(_) | PeopleDocument::Access(_) | PeopleDocument::Follow(_) => None,
        });
        Ok(linked.collect())
    }
}
