//! What is known of a command before its transaction, and stays the same over all attempts.

use crate::auth::Auth;
use crate::{KeyOwner, ShopRules};
use millrace_events::viewer::Person;
use millrace_events::{CommandId, UserId, Viewer};
use std::net::IpAddr;
use std::sync::Arc;

/// Who sends a command: somebody with or without a token, or the operator at the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Actor {
    Viewer(Viewer),
    System,
}

impl Actor {
    /// The person, if one is signed in.
    pub fn person(&self) -> Option<&Person> {
        match self {
            Self::Viewer(viewer) => viewer.person(),
            Self::System => None,
        }
    }

    /// Whose idempotency keys this actor's are, unless the command says otherwise.
    pub fn key_owner(&self) -> KeyOwner {
        match self {
            Self::Viewer(viewer) => viewer.user_id().map_or(KeyOwner::Nobody, KeyOwner::Person),
            Self::System => KeyOwner::System,
        }
    }
}

/// What became of the password that the input holds.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum PasswordFinding {
    /// There is none.
    Nothing,
    /// It is forgotten, and mails enough to set another are on their way.
    MailedEnough,
    /// The hash of a new one.
    Hashed(String),
    /// It is that of this account, which had this hash.
    Matches { user_id: UserId, hash: String },
    /// It is that of the sender's account, which had the first of these hashes. The second is that of the new one.
    Replaces { was: String, hash: String },
    /// It is not that of the account, or there is no account.
    Differs,
}

/// What stays the same over all attempts of a command.
#[derive(Clone)]
pub(crate) struct Frame {
    pub command_id: CommandId,
    pub actor: Actor,
    pub trace: Option<String>,
    pub password: PasswordFinding,
    pub auth: Arc<Auth>,
    pub client_address: Option<IpAddr>,
    pub shop: ShopRules,
}
