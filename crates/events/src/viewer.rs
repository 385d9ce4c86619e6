//! Who asks: the viewer of a request, known from a verified token only.

use crate::{SessionId, Timestamp, UserId};
use async_graphql::Enum;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a person may do beyond their own things.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Enum, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Runs the shop and keeps the community in order.
    Staff,
    /// Grants roles and operates the system.
    Admin,
}

impl Role {
    /// The name on the command line and in PostgreSQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Staff => "staff",
            Self::Admin => "admin",
        }
    }

    /// Reads the name; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Staff, Self::Admin].into_iter().find(|role| role.as_str() == text)
    }
}

/// Who sends a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Viewer {
    /// Nobody is signed in.
    Anonymous,
    /// A signed-in person.
    Person(Person),
}

/// A signed-in person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Who it is.
    pub user_id: UserId,
    /// The sign-in that the token belongs to.
    pub session_id: SessionId,
    /// When the token was issued.
    pub issued_at: Timestamp,
    /// When the token ends.
    pub expires_at: Timestamp,
    /// Roles: from the read side for queries, from PostgreSQL for commands.
    pub roles: BTreeSet<Role>,
}

impl Viewer {
    /// The signed-in person, if there is one.
    pub fn person(&self) -> Option<&Person> {
        match self {
            Self::Anonymous => None,
            Self::Person(person) => Some(person),
        }
    }

    /// The signed-in person's id, if there is one.
    pub fn user_id(&self) -> Option<UserId> {
        self.person().map(|person| person.user_id)
    }

    /// True for the person themselves.
    pub fn is(&self, user_id: UserId) -> bool {
        self.user_id() == Some(user_id)
    }

    /// True for admins.
    pub fn is_admin(&self) -> bool {
        self.person().is_some_and(|person| person.roles.contains(&Role::Admin))
    }

    /// True for staff and admins.
    pub fn is_staff(&self) -> bool {
        self.person().is_some_and(|person| !person.roles.is_empty())
    }
}
