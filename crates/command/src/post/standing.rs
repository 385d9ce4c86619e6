//! What a post is to somebody, and who may change it.

use crate::CommandError;
use crate::fields::check_version;
use crate::rows::{self, post};
use crate::unit_of_work::{Handling, UnitOfWork};
use millrace_events::{PostId, UserId};
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

/// A locked post, as a change finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub id: PostId,
    pub version: i32,
    pub author: UserId,
    pub published: bool,
}

impl Found {
    pub async fn load(unit: &UnitOfWork, post_id: PostId) -> Handling<(Self, post::Model)> {
        let found = post::locked(unit.db(), post_id.0).await?;
        let row = found.ok_or_else(|| CommandError::not_found("post", "postId"))?;
        let (author, published) = (UserId(row.author_id), row.published);
        Ok((Self { id: post_id, version: row.version, author, published }, row))
    }

    pub fn version(&self) -> u32 {
        rows::version(self.version)
    }

    /// Only its author may change it, and only from the version that they expect.
    pub fn check_change(&self, viewer: UserId, expected: Option<u32>) -> Result<(), CommandError> {
        if Standing::of(Some((self.author.0, self.published)), viewer) == Standing::Hidden {
            return Err(CommandError::not_found("post", "postId"));
        }
        if self.author != viewer {
            return Err(CommandError::not_allowed("Only its author may change a post.", "postId"));
        }
        check_version(expected, self.version())
    }
}
