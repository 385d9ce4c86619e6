//! Accounts: not wanting to be seen for a while.

use super::email::confirmed;
use super::password::own_password;
use super::{role, still_signed_in};
use crate::CommandError;
use crate::auth::SecretText;
use crate::command::{Command, Handled, PasswordWork, Sender};
use crate::fault::Fault;
use crate::fields::check_version;
use crate::rows::{self, session, user};
use crate::unit_of_work::{Handling, UnitOfWork};
use async_graphql::InputObject;
use millrace_events::user::{AccountDeactivated, AllSessionsEnded};
use millrace_events::values::Password;
use millrace_events::{Event, UserId};
use sea_orm::Set;
use serde::{Deserialize, Serialize};

/// Deactivates your account: all your sign-ins end, and nobody but staff sees your page. What you wrote stays where it is, under your
/// name, and orders and wallets stay as they are. Signing in with `reactivate` brings everything back. The last admin cannot: nobody
/// would be left to grant roles.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "DeactivateAccountInput")]
#[serde(rename_all = "camelCase")]
pub struct DeactivateAccount {
    /// Your password. Wrong ones count like failed sign-ins.
    pub password: SecretText,
    /// The version that your account must still be at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u32>,
    /// Makes repetitions harmless: within 24 hours the same key and input get the same answer, for as long as the access token that
    /// was used is valid. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// What deactivating an account did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deactivated {
    /// Whose account.
    pub user: UserId,
}

/// Password and version, parsed.
#[derive(Debug, Clone)]
pub struct Leave {
    password: Option<Password>,
    expected_version: Option<u32>,
}

impl Command for DeactivateAccount {
    const NAME: &'static str = "deactivateAccount";
    /// A repetition comes with a token whose sign-in has ended: by the first one. The handler lets nobody else in.
    const SENDER: Sender = Sender::SignedInOrOut;
    const SECRET_FIELDS: &'static [&'static str] = &["password"];
    type Valid = Leave;
    type Outcome = Deactivated;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<Leave, Vec<CommandError>> {
        Ok(Leave { password: own_password(&self.password), expected_version: self.expected_version })
    }

    fn password_work(valid: &Leave) -> PasswordWork<'_> {
        PasswordWork::Confirm(valid.password.as_ref())
    }

    async fn handle(valid: &Leave, unit: &mut UnitOfWork) -> Handling<Handled<Deactivated>> {
        let user_id = unit.user_id()?;
        let user = user::locked_alone(unit.db(), user_id.0).await?.ok_or(Fault::NotSignedIn)?;
        let now = still_signed_in(unit).await?;
        confirmed(unit.password(), &user)?;
        check_version(valid.expected_version, rows::version(user.version))?;
        role::leave(unit, user.id).await?;
        let issued_until = session::end_all(unit.db(), &user, now.moment()).await?;
        let changed = user::ActiveModel { deactivated_at: Set(Some(now.moment())), ..Default::default() };
        let version = user::advance_by(unit.db(), &user, 2, changed, now.moment()).await?;
        unit.record(user_id.0, version - 1, Event::AccountDeactivated(AccountDeactivated { user_id }));
        unit.record(user_id.0, version, Event::AllSessionsEnded(AllSessionsEnded { user_id, issued_until }));
        Ok(Handled::new(Deactivated { user: user_id }).at(user_id, version))
    }
}
