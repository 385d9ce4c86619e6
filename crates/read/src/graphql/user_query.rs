//! Queries for people, and for the one who asks.

use super::connection::{OrderConnection, UserConnection};
use super::context::RequestContext;
use super::linked_provider::LinkedProvider;
use super::order_query::orders_of;
use super::page::{PageArguments, Paging, weight};
use super::search::words;
use super::shown::shown_page;
use super::user::{User, UserPage};
use super::wallet::Wallet;
use crate::models::people::{People, user};
use async_graphql::{Context, ID, Object, Result};
use millrace_events::viewer::Person;
use millrace_events::{Role, UserId};
use std::future::ready;

/// Queries for people.
#[derive(Debug, Default)]
pub struct UserQuery;

#[Object]
impl UserQuery {
    /// The one who asks; null if nobody is signed in.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Option<Viewer>> {
        Ok(RequestContext::of(ctx)?.viewer().person().cloned().map(Viewer))
    }

    /// A person by id; null if there is none.
    async fn user(&self, ctx: &Context<'_>, #[graphql(desc = "The person's id.")] id: ID) -> Result<Option<User>> {
        let id = UserId::from_global(&id).map_err(super::Refusal::Id)?;
        Ok(User::find(RequestContext::of(ctx)?, id).await?)
    }

    /// People, newest first.
    #[graphql(complexity = "weight(first, last) * child_complexity")]
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only people whose name has one of these words; \"in quotes\" they must stand together.")]
        search: Option<String>,
        #[graphql(desc = "How many from the start, 1 to 100; 20 if neither `first` nor `last` is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<UserConnection> {
        let paging = PageArguments { first, after, last, before }.parse(user::KIND)?;
        let text = words("search", search)?;
        let request = RequestContext::of(ctx)?;
        let read = |part: Paging| {
            let text = text.clone();
            async move { request.page::<People>(user::KIND, vec![], text, &part).await }
        };
        let shown = |(place, found)| Some((place, User::Page(UserPage::shown_to(|| request.viewer(), found)?)));
        let show = |entries: Vec<_>| ready(Ok(entries.into_iter().filter_map(shown).collect()));
        Ok(UserConnection::of_shown(shown_page(&paging, read, show).await?, &paging))
    }
}

/// The one who asks.
#[derive(Debug, Clone)]
pub struct Viewer(Person);

/// The signed-in person: what only they may see of themselves.
#[Object]
impl Viewer {
    /// Their public page; null while a new account is not there yet.
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        Ok(User::find(RequestContext::of(ctx)?, self.0.user_id).await?)
    }

    /// What they may do beyond their own things.
    async fn roles(&self) -> Vec<Role> {
        self.0.roles.iter().copied().collect()
    }

    /// OpenID providers by which they can sign in, the one that was linked last first.
    async fn linked_providers(&self, ctx: &Context<'_>) -> Result<Vec<LinkedProvider>> {
        Ok(LinkedProvider::of_person(RequestContext::of(ctx)?, self.0.user_id).await?)
    }

    /// Their money, one wallet for each currency.
    async fn wallets(&self, ctx: &Context<'_>) -> Result<Vec<Wallet>> {
        Ok(Wallet::of_person(RequestContext::of(ctx)?, self.0.user_id).await?)
    }

    /// Their orders, newest first.
    #[graphql(complexity = "weight(first, last) * child_complexity")]
    async fn orders(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start, 1 to 100; 20 if neither `first` nor `last` is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<OrderConnection> {
        let arguments = PageArguments { first, after, last, before };
        Ok(orders_of(RequestContext::of(ctx)?, self.0.user_id, &arguments).await?)
    }
}
