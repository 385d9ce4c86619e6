//! What is known of a command before its transaction, and stays the same over all attempts.

use crate::auth::Auth;
use crate::auth::openid::Identity;
use crate::rows::mail::Kind;
use crate::{KeyOwner, ShopRules, WalletRules};
use millrace_events::viewer::Person;
use millrace_events::{CommandId, Trace, UserId, Viewer};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

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
    /// The sender's account has none, so there was nothing to compare it with.
    HasNone,
}

/// The kinds of mails that a command has asked for, and whether it may write one: another attempt asks for the same mail, which counts once.
#[derive(Debug, Clone, Default)]
pub(crate) struct MailGrants(Arc<Mutex<BTreeMap<Kind, bool>>>);

impl MailGrants {
    /// What was answered before, or is answered now.
    pub fn ask(&self, kind: Kind, count: impl FnOnce() -> bool) -> bool {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *asked.entry(kind).or_insert_with(count)
    }
}

/// What stays the same over all attempts of a command.
#[derive(Clone)]
pub(crate) struct Frame {
    pub command_id: CommandId,
    pub actor: Actor,
    pub trace: Option<Trace>,
    pub password: PasswordFinding,
    /// Who the sender is with an OpenID provider, if the input shows it.
    pub identity: Option<Arc<Identity>>,
    pub auth: Arc<Auth>,
    pub client_address: Option<IpAddr>,
    pub mails: MailGrants,
    pub shop: ShopRules,
    pub wallets: WalletRules,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_attempt_is_granted_what_the_first_one_was() {
        let (grants, mut counted) = (MailGrants::default(), 0);
        let mut ask = |kind| {
            grants.clone().ask(kind, || {
                counted += 1;
                counted == 1
            })
        };
        assert_eq!([ask(Kind::VerifyEmail), ask(Kind::VerifyEmail), ask(Kind::PasswordChanged)], [true, true, false]);
        assert!(!ask(Kind::PasswordChanged));
        assert_eq!(counted, 2);
    }
}
