//! Posts.

use super::comment::comments_of;
use super::connection::CommentConnection;
use super::context::RequestContext;
use super::error::Refusal;
use super::page::{PageArguments, weight};
use super::read_side::Found;
use super::user::User;
use crate::models::content::post::{self, Status};
use crate::models::content::{Content, ContentDocument, relations};
use async_graphql::{Context, ID, Object, Result};
use millrace_events::{BigInt, Position, PostId, Timestamp, Viewer};
use std::sync::Arc;

/// A post, as its one document has it.
#[derive(Debug, Clone)]
pub struct Post {
    page: Arc<post::Post>,
    revision: Position,
}

/// A post with its author, its counters and its newest comments.
#[Object]
impl Post {
    /// Opaque id, good for `node`.
    pub(super) async fn id(&self) -> ID {
        ID(self.page.id.to_global())
    }

    /// Version of the post, for `expectedVersion`.
    pub(super) async fn version(&self) -> u32 {
        self.page.version
    }

    /// Position in the log of the last change of what is shown here, comments and likes included.
    pub(super) async fn revision(&self) -> BigInt {
        self.revision.0.into()
    }

    /// When it was written first.
    pub(super) async fn created_at(&self) -> Timestamp {
        self.page.created_at
    }

    /// When it was rewritten or published last, or went out of sight: as a draft again, or because staff hide it.
    pub(super) async fn updated_at(&self) -> Timestamp {
        self.page.updated_at
    }

    /// Title; empty once its author is erased.
    async fn title(&self) -> &str {
        &self.page.title
    }

    /// Text; empty once its author is erased.
    async fn body(&self) -> &str {
        &self.page.body
    }

    /// Tags, in lower case.
    async fn tags(&self) -> &[String] {
        &self.page.tags
    }

    /// Whether everybody can see it.
    async fn status(&self) -> Status {
        self.page.status
    }

    /// True while staff hide it: then only its author and staff can see it, and its author cannot publish it.
    async fn hidden(&self) -> bool {
        self.page.hidden.is_some()
    }

    /// Since when staff hide it; null if they do not.
    async fn hidden_at(&self) -> Option<Timestamp> {
        self.page.hidden.as_ref().map(|hidden| hidden.at)
    }

    /// Why staff hide it, in their words; null if they do not, or once whoever gave the reason is erased.
    async fn hidden_reason(&self) -> Option<&String> {
        self.page.hidden.as_ref().and_then(|hidden| hidden.reason.as_ref())
    }

    /// Who wrote it. Id, names, picture and address of the page come with the post; all other fields are read beside it.
    async fn author(&self) -> User {
        User::Card(Arc::clone(&self.page.author))
    }

    /// How many comments it has; those that staff hide do not count.
    async fn comment_count(&self) -> u32 {
        self.page.comment_count
    }

    /// How many people like it.
    async fn like_count(&self) -> u32 {
        self.page.like_count
    }

    /// True if the viewer likes it; false for who is not signed in.
    async fn viewer_has_liked(&self, ctx: &Context<'_>) -> Result<bool> {
        let request = RequestContext::of(ctx)?;
        let Some(viewer) = request.viewer().user_id() else { return Ok(false) };
        Ok(request.load::<Content>(&relations::like_key(self.page.id, viewer)).await?.is_some())
    }

    /// Its comments, newest first.
    #[graphql(complexity = "weight(first, last) * child_complexity")]
    async fn comments(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start, 1 to 100; 20 if neither `first` nor `last` is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<CommentConnection> {
        let arguments = PageArguments { first, after, last, before };
        Ok(comments_of(self, RequestContext::of(ctx)?, &arguments).await?)
    }
}

impl Post {
    /// The post, if there is one that the viewer may see.
    pub async fn find(request: &RequestContext, id: PostId) -> Result<Option<Self>, Refusal> {
        let found = request.load::<Content>(&post::key(id)).await?;
        Ok(found.and_then(|found| Self::shown_to(|| request.viewer(), found)))
    }

    /// A document as a post, if it is one that this viewer may see. Who it is is asked only if not everybody may.
    pub fn shown_to<'a>(viewer: impl FnOnce() -> &'a Viewer, found: Found<ContentDocument>) -> Option<Self> {
        match found.document {
            ContentDocument::Post(page) => {
                may_see(viewer, &page).then_some(Self { page, revision: found.revision.position })
            }
            ContentDocument::Comment(_)
            | ContentDocument::Author(_)
            | ContentDocument::Like(_)
            | ContentDocument::Following(_) => None,
        }
    }

    /// Its document.
    pub fn page(&self) -> &post::Post {
        &self.page
    }
}

/// A draft, or what staff hide, is its author's and staff's; to everybody else it looks as if it did not exist.
fn may_see<'a>(viewer: impl FnOnce() -> &'a Viewer, page: &post::Post) -> bool {
    if page.status == Status::Published {
        return true;
    }
    let viewer = viewer();
    viewer.is(page.author_id) || viewer.is_staff()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::tests::{Folded, Log, id};
    use millrace_events::viewer::Person;
    use millrace_events::{Revision, Role, SessionId, UserId};
    use std::collections::BTreeSet;
    use time::OffsetDateTime;

    const ADA: UserId = UserId(id(1));

    fn viewer(user_id: UserId, roles: &[Role]) -> Viewer {
        let at = Timestamp::new(OffsetDateTime::UNIX_EPOCH);
        let roles: BTreeSet<_> = roles.iter().copied().collect();
        Viewer::Person(Person { user_id, session_id: SessionId::generate(), issued_at: at, expires_at: at, roles })
    }

    fn seen_by(viewer: &Viewer, published: bool) -> bool {
        let mut log = Log::default();
        log.sign_up(ADA, "Ada").post(PostId(id(9)), ADA, published);
        is_seen(viewer, &log)
    }

    fn is_seen(viewer: &Viewer, log: &Log) -> bool {
        let folded = Folded::<Content>::of(&log.events);
        let document = folded.get(&post::key(PostId(id(9)))).unwrap().clone();
        Post::shown_to(|| viewer, Found { revision: Revision::default(), document }).is_some()
    }

    #[test]
    fn a_draft_is_seen_by_its_author_and_staff_only() {
        let (ada, ben, staff) = (viewer(ADA, &[]), viewer(UserId(id(2)), &[]), viewer(UserId(id(3)), &[Role::Staff]));
        let seen: Vec<_> = [&ada, &ben, &staff, &Viewer::Anonymous].map(|viewer| seen_by(viewer, false)).into();
        assert_eq!(seen, [true, false, true, false]);
        assert!([&ada, &ben, &staff, &Viewer::Anonymous].iter().all(|viewer| seen_by(viewer, true)));
    }

    #[test]
    fn what_staff_hide_is_seen_as_a_draft_is() {
        let (ada, ben, staff) = (viewer(ADA, &[]), viewer(UserId(id(2)), &[]), viewer(UserId(id(3)), &[Role::Staff]));
        let mut log = Log::default();
        log.sign_up(ADA, "Ada").post(PostId(id(9)), ADA, true).hide_post(PostId(id(9)), ADA, true, UserId(id(3)));
        assert_eq!(
            [&ada, &ben, &staff, &Viewer::Anonymous].map(|viewer| is_seen(viewer, &log)),
            [true, false, true, false]
        );
    }

    #[test]
    fn no_other_document_is_a_post() {
        let mut log = Log::default();
        log.sign_up(ADA, "Ada");
        for document in Folded::<Content>::of(&log.events).documents.into_values() {
            let ada = viewer(ADA, &[]);
            assert!(Post::shown_to(|| &ada, Found { revision: Revision::default(), document }).is_none());
        }
    }
}
