//! Queries for posts, and the feed.

use super::connection::PostConnection;
use super::context::RequestContext;
use super::error::Refusal;
use super::page::{Page, PageArguments, Paging, weight};
use super::post::Post;
use super::search::words;
use crate::models::content::post::{self, Status};
use crate::models::content::{Content, ContentDocument, relations};
use async_graphql::{Context, ID, Object, Result};
use millrace_events::values::Tag;
use millrace_events::{PostId, UserId, Viewer};

/// The most people whose posts a feed has: the ones who were followed last.
pub const FEED_AUTHORS_MAX: usize = 1_000;

/// Queries for posts.
#[derive(Debug, Default)]
pub struct PostQuery;

#[Object]
impl PostQuery {
    /// A post by id; null if there is none, or none that the viewer may see.
    async fn post(&self, ctx: &Context<'_>, #[graphql(desc = "The post's id.")] id: ID) -> Result<Option<Post>> {
        let id = PostId::from_global(&id).map_err(Refusal::Id)?;
        Ok(Post::find(RequestContext::of(ctx)?, id).await?)
    }

    /// Posts, newest first. Conditions that are given must all hold.
    #[graphql(complexity = "weight(first, last) * child_complexity")]
    #[expect(clippy::too_many_arguments, reason = "Relay's four and three conditions")]
    async fn posts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only posts of this person; their drafts and hidden ones too, if the viewer may see them.")]
        author_id: Option<ID>,
        #[graphql(desc = "Only posts with this tag.")] tag: Option<String>,
        #[graphql(desc = "Only posts that have one of these words; \"in quotes\" they must stand together.")]
        search: Option<String>,
        #[graphql(desc = "How many from the start, 1 to 100; 20 if neither `first` nor `last` is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<PostConnection> {
        let filter = Filter {
            author: author_id.map(|id| UserId::from_global(&id)).transpose().map_err(Refusal::Id)?,
            tag: tag
                .as_deref()
                .map(Tag::parse)
                .transpose()
                .map_err(|error| Refusal::Value { argument: "tag", error })?,
            words: words("search", search)?,
        };
        Ok(list(RequestContext::of(ctx)?, filter, &PageArguments { first, after, last, before }).await?)
    }

    /// Posts of the people whom the viewer follows, newest first. Of more than 1,000 the ones who were followed last count.
    #[graphql(complexity = "weight(first, last) * child_complexity")]
    async fn feed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start, 1 to 100; 20 if neither `first` nor `last` is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<PostConnection> {
        let request = RequestContext::of(ctx)?;
        let viewer = request.person()?.user_id;
        let paging = PageArguments { first, after, last, before }.parse(post::KIND)?;
        let authors = followed_by(request, viewer).await?;
        Ok(posts_of(request, &authors, &paging).await?)
    }
}

/// Which posts are wanted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only of this person.
    pub author: Option<UserId>,
    /// Only with this tag.
    pub tag: Option<Tag>,
    /// Only with one of these words.
    pub words: Option<String>,
}

impl Filter {
    /// Drafts and what staff hide stand in no list but their author's own, and there only for those who may see them: in all others it
    /// makes no difference who looks.
    fn any_of<'a>(&self, viewer: impl Fn() -> &'a Viewer) -> Vec<(&'static str, Vec<String>)> {
        let sees_all = self.author.is_some_and(|author| viewer().is(author) || viewer().is_staff());
        let status = (!sees_all).then(|| ("status", vec![Status::Published.as_str().to_owned()]));
        let author = self.author.map(|author| ("authorId", vec![author.to_string()]));
        let tag = self.tag.as_ref().map(|tag| ("tags", vec![tag.as_str().to_owned()]));
        [status, author, tag].into_iter().flatten().collect()
    }
}

/// A page of the posts that are wanted and may be seen.
pub async fn list(
    request: &RequestContext,
    filter: Filter,
    arguments: &PageArguments,
) -> Result<PostConnection, Refusal> {
    let paging = arguments.parse(post::KIND)?;
    let any_of = filter.any_of(|| request.viewer());
    let page = request.page::<Content>(post::KIND, any_of, filter.words, &paging).await?;
    Ok(PostConnection::new(page, &paging, |found| Post::shown_to(|| request.viewer(), found)))
}

/// Whom a person follows, the newest first.
pub async fn followed_by(request: &RequestContext, person: UserId) -> Result<Vec<UserId>, Refusal> {
    let paging = Paging::first(FEED_AUTHORS_MAX);
    let any_of = vec![("followerId", vec![person.to_string()])];
    let page = request.page::<Content>(relations::FOLLOWING, any_of, None, &paging).await?;
    let followed = |document: ContentDocument| match document {
        ContentDocument::Following(following) => Some(following.followed_id),
        ContentDocument::Post(_)
        | ContentDocument::Comment(_)
        | ContentDocument::Author(_)
        | ContentDocument::Like(_) => None,
    };
    Ok(page.entries.into_iter().filter_map(|(_, found)| followed(found.document)).collect())
}

/// A page of what these people have published.
pub async fn posts_of(
    request: &RequestContext,
    authors: &[UserId],
    paging: &Paging,
) -> Result<PostConnection, Refusal> {
    let mut page = Page { entries: vec![], more: false };
    if !authors.is_empty() {
        let authors = authors.iter().map(ToString::to_string).collect();
        let any_of = vec![("authorId", authors), ("status", vec![Status::Published.as_str().to_owned()])];
        page = request.page::<Content>(post::KIND, any_of, None, paging).await?;
    }
    Ok(PostConnection::new(page, paging, |found| Post::shown_to(|| request.viewer(), found)))
}
