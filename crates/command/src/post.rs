//! Posts: writing and rewriting them.

mod hiding;
mod lifecycle;
mod standing;
#[cfg(test)]
mod tests;

use self::standing::Found;
use crate::CommandError;
use crate::command::{Command, Handled};
use crate::fields::Fields;
use crate::rows::{self, post, post_tag};
use crate::unit_of_work::{Handling, UnitOfWork};
use async_graphql::InputObject;
use millrace_events::post::PostWritten;
use millrace_events::values::{PostBody, PostTitle, Tag};
use millrace_events::{Event, Personal, PostId, UserId};
use sea_orm::Set;
use serde::{Deserialize, Serialize};

pub use self::hiding::{HidePost, UnhidePost};
pub use self::lifecycle::{DeletePost, PostRemoved, PublishPost, UnpublishPost};
pub(crate) use self::standing::Standing;

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
    #[serde(skip_serializing_if = "Option::is_none")]
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
            hidden_at: None,
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

/// Rewrites a post of yours. What is left out stays as it is.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "EditPostInput")]
#[serde(rename_all = "camelCase")]
pub struct EditPost {
    /// Which post.
    pub post_id: PostId,
    /// Title, up to 200 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Text, up to 20,000 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// All its tags, up to 10 of letters, digits and hyphens; an empty list takes them away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// The version that the post must still be at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u32>,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
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
