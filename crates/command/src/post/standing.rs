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
    /// It is not there, or a draft of somebody else or hidden by staff, which looks the same.
    Absent,
    /// Their own, and nobody else's to see: a draft, or hidden by staff.
    Unseen,
    /// Everybody may see it.
    Public,
}

impl Standing {
    /// Of a post known by its author and whether everybody may see it.
    pub fn of(post: Option<(Uuid, bool)>, viewer: UserId) -> Self {
        match post {
            Some((_, true)) => Self::Public,
            Some((author, false)) if author == viewer.0 => Self::Unseen,
            _ => Self::Absent,
        }
    }

    /// Others can only do something with a post that everybody may see.
    pub fn must_be_public(self, unseen: &str) -> Result<(), CommandError> {
        match self {
            Self::Public => Ok(()),
            Self::Unseen => Err(CommandError::not_allowed(unseen, "postId")),
            Self::Absent => Err(CommandError::not_found("post", "postId")),
        }
    }
}

/// A locked post, as a change finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub id: PostId,
    pub version: i32,
    pub author: UserId,
    /// False for a draft.
    pub published: bool,
    /// True while staff have it hidden.
    pub hidden: bool,
}

impl Found {
    pub async fn load(unit: &UnitOfWork, post_id: PostId) -> Handling<(Self, post::Model)> {
        let found = post::locked(unit.db(), post_id.0).await?;
        let row = found.ok_or_else(|| CommandError::not_found("post", "postId"))?;
        let (author, published, hidden) = (UserId(row.author_id), row.published, row.hidden_at.is_some());
        Ok((Self { id: post_id, version: row.version, author, published, hidden }, row))
    }

    pub fn version(&self) -> u32 {
        rows::version(self.version)
    }

    /// True if everybody may see it.
    pub fn is_public(&self) -> bool {
        self.published && !self.hidden
    }

    /// Only its author may change it, and only from the version that they expect.
    pub fn check_change(&self, viewer: UserId, expected: Option<u32>) -> Result<(), CommandError> {
        if Standing::of(Some((self.author.0, self.is_public())), viewer) == Standing::Absent {
            return Err(CommandError::not_found("post", "postId"));
        }
        if self.author != viewer {
            return Err(CommandError::not_allowed("Only its author may change a post.", "postId"));
        }
        check_version(expected, self.version())
    }
}
