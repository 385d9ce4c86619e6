//! People.

use super::connection::{PostConnection, UserConnection};
use super::context::RequestContext;
use super::error::Refusal;
use super::page::{PageArguments, Paging, Place, weight};
use super::post_query::{Filter, list};
use super::read_side::Found;
use super::shown::shown_page;
use crate::models::content::card::Card;
use crate::models::people::{self, People, PeopleDocument, follow};
use async_graphql::{Context, ID, Object, Result};
use futures_util::future::try_join_all;
use millrace_events::{BigInt, Timestamp, UserId, Viewer};
use std::sync::Arc;

/// A person.
#[derive(Debug, Clone)]
pub enum User {
    /// As they stand beside what they wrote; the rest of the page is read if it is asked for.
    Card(Arc<Card>),
    /// The whole page.
    Page(UserPage),
}

/// A person's page as it was found.
#[derive(Debug, Clone)]
pub struct UserPage {
    page: Arc<people::user::User>,
    revision: BigInt,
}

impl UserPage {
    /// A document as a page, if it is one that this viewer may see. Who it is is asked only if not everybody may.
    pub(super) fn shown_to<'a>(viewer: impl FnOnce() -> &'a Viewer, found: Found<PeopleDocument>) -> Option<Self> {
        match found.document {
            PeopleDocument::User(page) => {
                may_see(viewer, &page).then_some(Self { page, revision: found.revision.position.0.into() })
            }
            PeopleDocument::Access(_) | PeopleDocument::Follow(_) | PeopleDocument::Identity(_) => None,
        }
    }
}

/// The page of a deactivated account is its owner's and staff's; to everybody else it looks as if it did not exist.
fn may_see<'a>(viewer: impl FnOnce() -> &'a Viewer, page: &people::user::User) -> bool {
    if !page.deactivated {
        return true;
    }
    let viewer = viewer();
    viewer.is(page.id) || viewer.is_staff()
}

/// A person: an account with a public page.
#[Object]
impl User {
    /// Opaque id, good for `node`.
    pub(super) async fn id(&self) -> ID {
        ID(self.user_id().to_global())
    }

    /// Version of the account, for `expectedVersion`.
    pub(super) async fn version(&self, ctx: &Context<'_>) -> Result<Option<u32>> {
        self.shown(ctx, |found| found.page.version).await
    }

    /// Position in the log of the last change of this page.
    pub(super) async fn revision(&self, ctx: &Context<'_>) -> Result<Option<BigInt>> {
        self.shown(ctx, |found| found.revision).await
    }

    /// When the person signed up.
    pub(super) async fn created_at(&self, ctx: &Context<'_>) -> Result<Option<Timestamp>> {
        self.shown(ctx, |found| found.page.created_at).await
    }

    /// When the profile changed last.
    pub(super) async fn updated_at(&self, ctx: &Context<'_>) -> Result<Option<Timestamp>> {
        self.shown(ctx, |found| found.page.updated_at).await
    }

    /// First name.
    async fn first_name(&self) -> &str {
        match self {
            Self::Card(card) => &card.first_name,
            Self::Page(found) => &found.page.first_name,
        }
    }

    /// Last name.
    async fn last_name(&self) -> &str {
        match self {
            Self::Card(card) => &card.last_name,
            Self::Page(found) => &found.page.last_name,
        }
    }

    /// Both names; "Deleted user" once the account is erased.
    async fn full_name(&self) -> &str {
        match self {
            Self::Card(card) => &card.full_name,
            Self::Page(found) => &found.page.full_name,
        }
    }

    /// Path of the person's page in an application: `/users/ID`.
    async fn profile_url(&self) -> &str {
        match self {
            Self::Card(card) => &card.profile_url,
            Self::Page(found) => &found.page.profile_url,
        }
    }

    /// Picture, if there is one.
    async fn avatar_url(&self) -> Option<&str> {
        match self {
            Self::Card(card) => card.avatar_url.as_deref(),
            Self::Page(found) => found.page.avatar_url.as_deref(),
        }
    }

    /// E-mail address; only for the person themselves and staff, null for everybody else.
    async fn email(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        Ok(self.private(ctx, |page| page.email.clone()).await?.flatten())
    }

    /// True if mail to that address has reached the person; null for everybody but themselves and staff.
    async fn email_verified(&self, ctx: &Context<'_>) -> Result<Option<bool>> {
        self.private(ctx, |page| page.email_verified).await
    }

    /// The address that takes its place once it is verified; null for everybody but the person themselves and staff.
    async fn pending_email(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        Ok(self.private(ctx, |page| page.pending_email.clone()).await?.flatten())
    }

    /// True while the person has deactivated the account; null for everybody but themselves and staff, who see no page then.
    async fn deactivated(&self, ctx: &Context<'_>) -> Result<Option<bool>> {
        self.private(ctx, |page| page.deactivated).await
    }

    /// Words about themselves, if there are any.
    async fn bio(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        Ok(self.shown(ctx, |found| found.page.bio.clone()).await?.flatten())
    }

    /// How many posts of theirs everybody can see.
    async fn post_count(&self, ctx: &Context<'_>) -> Result<Option<u32>> {
        self.shown(ctx, |found| found.page.post_count).await
    }

    /// How many people follow this person.
    async fn follower_count(&self, ctx: &Context<'_>) -> Result<Option<u32>> {
        self.shown(ctx, |found| found.page.follower_count).await
    }

    /// How many people this person follows.
    async fn following_count(&self, ctx: &Context<'_>) -> Result<Option<u32>> {
        self.shown(ctx, |found| found.page.following_count).await
    }

    /// True if the viewer follows this person; false for who is not signed in.
    async fn viewer_follows(&self, ctx: &Context<'_>) -> Result<Option<bool>> {
        let request = RequestContext::of(ctx)?;
        let Some(viewer) = request.viewer().user_id() else { return Ok(Some(false)) };
        let relation = request.load::<People>(&follow::key(viewer, self.user_id())).await?;
        Ok(Some(relation.is_some()))
    }

    /// The person's posts, newest first; drafts and hidden ones only for the person themselves and staff.
    #[graphql(complexity = "weight(first, last) * child_complexity")]
    async fn posts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start, 1 to 100; 20 if neither `first` nor `last` is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<Option<PostConnection>> {
        let request = RequestContext::of(ctx)?;
        let filter = Filter { author: Some(self.user_id()), ..Filter::default() };
        Ok(Some(list(request, filter, &PageArguments { first, after, last, before }).await?))
    }

    /// Who follows this person, newest first.
    #[graphql(complexity = "weight(first, last) * child_complexity")]
    async fn followers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start, 1 to 100; 20 if neither `first` nor `last` is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<Option<UserConnection>> {
        let arguments = PageArguments { first, after, last, before };
        let total = |page: &people::user::User| page.follower_count;
        self.related(ctx, &arguments, "followedId", |follow| follow.follower_id, total).await
    }

    /// Whom this person follows, newest first.
    #[graphql(complexity = "weight(first, last) * child_complexity")]
    async fn following(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start, 1 to 100; 20 if neither `first` nor `last` is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<Option<UserConnection>> {
        let arguments = PageArguments { first, after, last, before };
        let total = |page: &people::user::User| page.following_count;
        self.related(ctx, &arguments, "followerId", |follow| follow.followed_id, total).await
    }
}

impl User {
    /// The person, if there is one.
    pub async fn find(request: &RequestContext, id: UserId) -> Result<Option<Self>, Refusal> {
        Ok(UserPage::find(request, id).await?.map(Self::Page))
    }

    fn user_id(&self) -> UserId {
        match self {
            Self::Card(card) => card.id,
            Self::Page(found) => found.page.id,
        }
    }

    /// Something of the page that nobody but the person themselves and staff may see.
    async fn private<T>(&self, ctx: &Context<'_>, field: impl FnOnce(&people::user::User) -> T) -> Result<Option<T>> {
        let viewer = RequestContext::of(ctx)?.viewer();
        if !viewer.is(self.user_id()) && !viewer.is_staff() {
            return Ok(None);
        }
        self.shown(ctx, |found| field(&found.page)).await
    }

    /// Something of the whole page, which for a card is read now, together with those of all other cards.
    async fn shown<T>(&self, ctx: &Context<'_>, field: impl FnOnce(&UserPage) -> T) -> Result<Option<T>> {
        match self {
            Self::Page(found) => Ok(Some(field(found))),
            Self::Card(card) => {
                let found = UserPage::find(RequestContext::of(ctx)?, card.id).await?;
                Ok(found.as_ref().map(field))
            }
        }
    }

    async fn related(
        &self,
        ctx: &Context<'_>,
        arguments: &PageArguments,
        field: &'static str,
        other: fn(&follow::Follow) -> UserId,
        total: fn(&people::user::User) -> u32,
    ) -> Result<Option<UserConnection>> {
        let paging = arguments.parse(follow::KIND)?;
        let Some(total) = self.shown(ctx, |found| total(&found.page)).await? else { return Ok(None) };
        let request = RequestContext::of(ctx)?;
        let person = self.user_id().to_string();
        let read = |part: Paging| {
            let any_of = vec![(field, vec![person.clone()])];
            async move { request.page::<People>(follow::KIND, any_of, None, &part).await }
        };
        let show = |entries: Vec<(Place, Found<PeopleDocument>)>| async move {
            let found = entries.into_iter().filter_map(|(at, found)| Some((at, other(follow_in(&found.document)?))));
            let find = |(place, id)| async move {
                let user = Self::find(request, id).await;
                user.map(|user| user.map(|user| (place, user)))
            };
            Ok(try_join_all(found.map(find)).await?.into_iter().flatten().collect())
        };
        Ok(Some(UserConnection::of_shown(shown_page(&paging, read, show).await?, &paging).counted(total)))
    }
}

fn follow_in(document: &PeopleDocument) -> Option<&follow::Follow> {
    match document {
        PeopleDocument::Follow(follow) => Some(follow),
        PeopleDocument::User(_) | PeopleDocument::Access(_) | PeopleDocument::Identity(_) => None,
    }
}

impl UserPage {
    async fn find(request: &RequestContext, id: UserId) -> Result<Option<Self>, Refusal> {
        let found = request.load::<People>(&people::user::key(id)).await?;
        Ok(found.and_then(|found| Self::shown_to(|| request.viewer(), found)))
    }
}
