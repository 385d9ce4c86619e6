//! Posts: writing, publishing, deleting.

use crate::CommandError;
use crate::command::{Command, Handled};
use crate::fields::{Fields, check_version};
use crate::rows::{self, post, post_tag};
use crate::unit_of_work::{Handling, UnitOfWork};
use async_graphql::InputObject;
use millrace_events::post::{PostDeleted, PostVisibilityChanged, PostWritten};
use millrace_events::values::{PostBody, PostTitle, Tag};
use millrace_events::{Event, Personal, PostId, UserId};
use sea_orm::Set;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a post is to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is not there, or a draft of somebody else, which looks the same.
    Hidden,
    /// A draft of their own.
    OwnDraft,
    /// Everybody may see it.
    Public,
}

impl Standing {
    /// Of a post known by its author and whether it is published.
    pub fn of(post: Option<(Uuid, bool)>, viewer: UserId) -> Self {
        match post {
            Some((_, true)) => Self::Public,
            Some((author, false)) if author == viewer.0 => Self::OwnDraft,
            _ => Self::Hidden,
        }
    }

    /// Others can only do something with a post that everybody may see.
    pub fn must_be_public(self, draft: &str) -> Result<(), CommandError> {
        match self {
            Self::Public => Ok(()),
            Self::OwnDraft => Err(CommandError::not_allowed(draft, "postId")),
            Self::Hidden => Err(CommandError::not_found("post", "postId")),
        }
    }
}

/// Writes a post.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "CreatePostInput")]
#[serde(rename_all = "camelCase")]
pub struct CreatePost {
    /// Title, up to 200 characters.
    pub title: String,
    /// Text, up to 20,000 characters.
    pub body: String,
    /// Up to 10 tags of letters, digits and hyphens.
    #[graphql(default)]
    #[serde(default)]
    pub tags: Vec<String>,
    /// False keeps it as a draft that nobody else sees.
    #[graphql(default = true)]
    #[serde(default = "published")]
    pub publish: bool,
    /// Makes repetitions harmless: within 24 hours the same key and input give the same post. At most 64 bytes.
    pub idempotency_key: Option<String>,
}

fn published() -> bool {
    true
}

/// What writing a post did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostCreated {
    /// The new post.
    pub post: PostId,
}

/// A new post whose fields are parsed.
#[derive(Debug, Clone)]
pub struct NewPost {
    title: PostTitle,
    body: PostBody,
    tags: Vec<Tag>,
    published: bool,
}

impl Command for CreatePost {
    const NAME: &'static str = "createPost";
    type Valid = NewPost;
    type Outcome = PostCreated;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<NewPost, Vec<CommandError>> {
        let mut fields = Fields::default();
        let title = fields.take("title", PostTitle::parse(&self.title));
        let body = fields.take("body", PostBody::parse(&self.body));
        let tags = fields.take("tags", Tag::parse_all(&self.tags));
        let published = self.publish;
        let post = title.zip(body).zip(tags).map(|((title, body), tags)| NewPost { title, body, tags, published });
        fields.finish(post)
    }

    async fn handle(valid: &NewPost, unit: &mut UnitOfWork) -> Handling<Handled<PostCreated>> {
        let content = Content {
            title: valid.title.as_str().to_owned(),
            body: valid.body.as_str().to_owned(),
            tags: texts(&valid.tags),
        };
        let (post_id, at) = (PostId::generate(), unit.at().moment());
        let row = post::Model {
            id: post_id.0,
            version: 1,
            author_id: unit.user_id()?.0,
            title: content.title.clone(),
            body: content.body.clone(),
            published: valid.published,
            created_at: at,
            updated_at: at,
        };
        rows::insert(unit.db(), row).await?;
        post_tag::insert_all(unit.db(), post_id.0, &content.tags).await?;
        let written = content.written(post_id, unit.user_id()?, valid.published);
        unit.record(post_id.0, 1, Event::PostCreated(written));
        Ok(Handled::new(PostCreated { post: post_id }).at(post_id, 1))
    }
}

fn texts(tags: &[Tag]) -> Vec<String> {
    tags.iter().map(|tag| tag.as_str().to_owned()).collect()
}

/// What a post says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Content {
    title: String,
    body: String,
    tags: Vec<String>,
}

impl Content {
    fn written(self, post_id: PostId, author_id: UserId, published: bool) -> PostWritten {
        PostWritten {
            post_id,
            author_id,
            title: Personal::known(author_id, self.title),
            body: Personal::known(author_id, self.body),
            tags: Personal::known(author_id, self.tags),
            published,
        }
    }
}

/// A locked post, as a change finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    id: PostId,
    version: i32,
    author: UserId,
    published: bool,
}

impl Found {
    async fn load(unit: &UnitOfWork, post_id: PostId) -> Handling<(Self, post::Model)> {
        let found = post::locked(unit.db(), post_id.0).await?;
        let row = found.ok_or_else(|| CommandError::not_found("post", "postId"))?;
        let (author, published) = (UserId(row.author_id), row.published);
        Ok((Self { id: post_id, version: row.version, author, published }, row))
    }

    fn version(&self) -> u32 {
        rows::version(self.version)
    }

    /// Only its author may change it, and only from the version that they expect.
    fn check_change(&self, viewer: UserId, expected: Option<u32>) -> Result<(), CommandError> {
        if Standing::of(Some((self.author.0, self.published)), viewer) == Standing::Hidden {
            return Err(CommandError::not_found("post", "postId"));
        }
        if self.author != viewer {
            return Err(CommandError::not_allowed("Only its author may change a post.", "postId"));
        }
        check_version(expected, self.version())
    }
}

/// Rewrites a post of yours. What is left out stays as it is.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "EditPostInput")]
#[serde(rename_all = "camelCase")]
pub struct EditPost {
    /// Which post.
    pub post_id: PostId,
    /// Title, up to 200 characters.
    pub title: Option<String>,
    /// Text, up to 20,000 characters.
    pub body: Option<String>,
    /// All its tags, up to 10 of letters, digits and hyphens; an empty list takes them away.
    pub tags: Option<Vec<String>>,
    /// The version that the post must still be at.
    pub expected_version: Option<u32>,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    pub idempotency_key: Option<String>,
}

/// What changing a post did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostChanged {
    /// The post.
    pub post: PostId,
}

/// The wanted changes of a post, parsed.
#[derive(Debug, Clone)]
pub struct PostChange {
    post_id: PostId,
    title: Option<PostTitle>,
    body: Option<PostBody>,
    tags: Option<Vec<Tag>>,
    expected_version: Option<u32>,
}

impl Command for EditPost {
    const NAME: &'static str = "editPost";
    type Valid = PostChange;
    type Outcome = PostChanged;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<PostChange, Vec<CommandError>> {
        let mut fields = Fields::default();
        let title = fields.take_optional("title", self.title.as_deref(), PostTitle::parse);
        let body = fields.take_optional("body", self.body.as_deref(), PostBody::parse);
        let tags = fields.take("tags", self.tags.as_deref().map(Tag::parse_all).transpose());
        let (post_id, expected_version) = (self.post_id, self.expected_version);
        let parts = title.zip(body).zip(tags);
        let change = parts.map(|((title, body), tags)| PostChange { post_id, title, body, tags, expected_version });
        fields.finish(change)
    }

    async fn handle(valid: &PostChange, unit: &mut UnitOfWork) -> Handling<Handled<PostChanged>> {
        let (found, row) = Found::load(unit, valid.post_id).await?;
        let tags = post_tag::of_post(unit.db(), row.id).await?;
        let content = Content { title: row.title, body: row.body, tags };
        let handled = Handled::new(PostChanged { post: found.id });
        let Some(next) = decide_edit(&found, &content, unit.user_id()?, valid)? else {
            return Ok(handled.at(found.id, found.version()));
        };
        write(unit, &found, &content, &next).await?;
        let (version, written) = (found.version() + 1, next.written(found.id, found.author, found.published));
        unit.record(found.id.0, version, Event::PostEdited(written));
        Ok(handled.at(found.id, version))
    }
}

/// What the post shall say; `None` if it says so already.
fn decide_edit(
    found: &Found,
    now: &Content,
    viewer: UserId,
    change: &PostChange,
) -> Result<Option<Content>, CommandError> {
    found.check_change(viewer, change.expected_version)?;
    let next = Content {
        title: change.title.as_ref().map_or(&*now.title, PostTitle::as_str).to_owned(),
        body: change.body.as_ref().map_or(&*now.body, PostBody::as_str).to_owned(),
        tags: change.tags.as_deref().map_or_else(|| now.tags.clone(), texts),
    };
    Ok((next != *now).then_some(next))
}

async fn write(unit: &UnitOfWork, found: &Found, now: &Content, next: &Content) -> Handling<()> {
    let columns =
        post::ActiveModel { title: Set(next.title.clone()), body: Set(next.body.clone()), ..Default::default() };
    post::advance(unit.db(), found.id.0, found.version, columns, unit.at().moment()).await?;
    if next.tags != now.tags {
        post_tag::delete_all(unit.db(), found.id.0).await?;
        post_tag::insert_all(unit.db(), found.id.0, &next.tags).await?;
    }
    Ok(())
}

/// Shows a draft of yours to everybody. Publishing twice is no error.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "PublishPostInput")]
#[serde(rename_all = "camelCase")]
pub struct PublishPost {
    /// Which post.
    pub post_id: PostId,
    /// The version that the post must still be at.
    pub expected_version: Option<u32>,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    pub idempotency_key: Option<String>,
}

/// Makes a post of yours a draft again, which nobody else sees. Doing so twice is no error.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "UnpublishPostInput")]
#[serde(rename_all = "camelCase")]
pub struct UnpublishPost {
    /// Which post.
    pub post_id: PostId,
    /// The version that the post must still be at.
    pub expected_version: Option<u32>,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    pub idempotency_key: Option<String>,
}

impl Command for PublishPost {
    const NAME: &'static str = "publishPost";
    type Valid = Self;
    type Outcome = PostChanged;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<Self, Vec<CommandError>> {
        Ok(self.clone())
    }

    async fn handle(valid: &Self, unit: &mut UnitOfWork) -> Handling<Handled<PostChanged>> {
        show(unit, valid.post_id, valid.expected_version, true).await
    }
}

impl Command for UnpublishPost {
    const NAME: &'static str = "unpublishPost";
    type Valid = Self;
    type Outcome = PostChanged;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<Self, Vec<CommandError>> {
        Ok(self.clone())
    }

    async fn handle(valid: &Self, unit: &mut UnitOfWork) -> Handling<Handled<PostChanged>> {
        show(unit, valid.post_id, valid.expected_version, false).await
    }
}

async fn show(
    unit: &mut UnitOfWork,
    post_id: PostId,
    expected: Option<u32>,
    published: bool,
) -> Handling<Handled<PostChanged>> {
    let (found, _) = Found::load(unit, post_id).await?;
    let handled = Handled::new(PostChanged { post: post_id });
    let Some(event) = decide_show(&found, unit.user_id()?, expected, published)? else {
        return Ok(handled.at(post_id, found.version()));
    };
    let columns = post::ActiveModel { published: Set(published), ..Default::default() };
    post::advance(unit.db(), post_id.0, found.version, columns, unit.at().moment()).await?;
    unit.record(post_id.0, found.version() + 1, event);
    Ok(handled.at(post_id, found.version() + 1))
}

/// What happens; `None` if it is so already.
fn decide_show(
    found: &Found,
    viewer: UserId,
    expected: Option<u32>,
    published: bool,
) -> Result<Option<Event>, CommandError> {
    found.check_change(viewer, expected)?;
    let changed = PostVisibilityChanged { post_id: found.id, author_id: found.author };
    Ok(match (found.published, published) {
        (false, true) => Some(Event::PostPublished(changed)),
        (true, false) => Some(Event::PostUnpublished(changed)),
        _ => None,
    })
}

/// Deletes a post of yours with its comments and likes.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "DeletePostInput")]
#[serde(rename_all = "camelCase")]
pub struct DeletePost {
    /// Which post.
    pub post_id: PostId,
    /// The version that the post must still be at.
    pub expected_version: Option<u32>,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    pub idempotency_key: Option<String>,
}

/// What deleting a post did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PostRemoved {
    /// The post that is no more.
    pub deleted_post_id: PostId,
}

impl Command for DeletePost {
    const NAME: &'static str = "deletePost";
    type Valid = Self;
    type Outcome = PostRemoved;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<Self, Vec<CommandError>> {
        Ok(self.clone())
    }

    /// One event tells it all: readers know which comments and likes hang on the post.
    async fn handle(valid: &Self, unit: &mut UnitOfWork) -> Handling<Handled<PostRemoved>> {
        let (found, _) = Found::load(unit, valid.post_id).await?;
        let event = decide_delete(&found, unit.user_id()?, valid.expected_version)?;
        post::delete(unit.db(), found.id.0).await?;
        unit.record(found.id.0, found.version() + 1, Event::PostDeleted(event));
        Ok(Handled::new(PostRemoved { deleted_post_id: found.id }).at(found.id, found.version() + 1))
    }
}

fn decide_delete(found: &Found, viewer: UserId, expected: Option<u32>) -> Result<PostDeleted, CommandError> {
    found.check_change(viewer, expected)?;
    Ok(PostDeleted { post_id: found.id, author_id: found.author, was_published: found.published })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(published: bool) -> Found {
        Found { id: PostId::generate(), version: 4, author: UserId::generate(), published }
    }

    fn content() -> Content {
        Content { title: "On engines".into(), body: "They weave.".into(), tags: vec!["engines".into()] }
    }

    fn change(found: &Found) -> PostChange {
        PostChange { post_id: found.id, title: None, body: None, tags: None, expected_version: None }
    }

    fn absent() -> CommandError {
        CommandError::not_found("post", "postId")
    }

    fn not_yours() -> CommandError {
        CommandError::not_allowed("Only its author may change a post.", "postId")
    }

    #[test]
    fn an_edit_changes_what_it_names_only() {
        let found = found(true);
        let edit = PostChange { title: PostTitle::parse("On looms").ok(), tags: Some(vec![]), ..change(&found) };
        let wanted = Content { title: "On looms".into(), tags: vec![], ..content() };
        assert_eq!(decide_edit(&found, &content(), found.author, &edit), Ok(Some(wanted)));
    }

    #[test]
    fn an_edit_to_the_same_changes_nothing() {
        let found = found(true);
        let edit = PostChange { body: PostBody::parse("They weave.").ok(), ..change(&found) };
        assert_eq!(decide_edit(&found, &content(), found.author, &edit), Ok(None));
    }

    #[test]
    fn only_its_author_changes_a_post_and_a_draft_of_others_is_not_there() {
        for (published, refused) in [(true, not_yours()), (false, absent())] {
            let (found, other) = (found(published), UserId::generate());
            assert_eq!(decide_edit(&found, &content(), other, &change(&found)), Err(refused.clone()));
            assert_eq!(decide_show(&found, other, None, !published), Err(refused.clone()));
            assert_eq!(decide_delete(&found, other, None), Err(refused));
        }
    }

    #[test]
    fn each_change_minds_the_expected_version() {
        let found = found(true);
        let conflict = CommandError::version_conflict(3, 4);
        let edit = PostChange { expected_version: Some(3), ..change(&found) };
        assert_eq!(decide_edit(&found, &content(), found.author, &edit), Err(conflict.clone()));
        assert_eq!(decide_show(&found, found.author, Some(3), true), Err(conflict.clone()));
        assert_eq!(decide_delete(&found, found.author, Some(3)), Err(conflict));
    }

    #[test]
    fn showing_and_hiding_are_events_only_where_they_change_something() {
        for published in [true, false] {
            let found = found(published);
            let changed = PostVisibilityChanged { post_id: found.id, author_id: found.author };
            let other = if published { Event::PostUnpublished(changed) } else { Event::PostPublished(changed) };
            assert_eq!(decide_show(&found, found.author, Some(4), published), Ok(None));
            assert_eq!(decide_show(&found, found.author, Some(4), !published), Ok(Some(other)));
        }
    }

    #[test]
    fn a_deletion_tells_whether_everybody_saw_the_post() {
        for published in [true, false] {
            let found = found(published);
            assert_eq!(decide_delete(&found, found.author, None).unwrap().was_published, published);
        }
    }

    #[test]
    fn what_a_post_is_to_somebody() {
        let (author, other) = (UserId::generate(), UserId::generate());
        assert_eq!(Standing::of(None, author), Standing::Hidden);
        assert_eq!(Standing::of(Some((author.0, false)), author), Standing::OwnDraft);
        assert_eq!(Standing::of(Some((author.0, false)), other), Standing::Hidden);
        assert_eq!(Standing::of(Some((author.0, true)), other), Standing::Public);
    }
}
