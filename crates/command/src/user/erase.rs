//! Accounts: erasing them.

use super::password::own_password;
use super::{role, still_signed_in};
use crate::CommandError;
use crate::auth::SecretText;
use crate::command::{Command, Handled, PasswordWork, Sender};
use crate::fault::Fault;
use crate::fields::check_version;
use crate::frame::PasswordFinding;
use crate::rows::{self, erasure, user};
use crate::unit_of_work::{Handling, UnitOfWork};
use async_graphql::InputObject;
use millrace_events::user::UserErased;
use millrace_events::values::Password;
use millrace_events::{ErasureId, Event, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use std::time::Duration;

const NOT_ERASED: &str = "This is not the account's password.";

/// Erases your account for good: who you are and what you wrote, everywhere. Orders and movements of money stay, without your name.
///
/// The last admin cannot: nobody would be left to grant roles.
///
/// Nothing is asked back: what is left in your wallets is lost to you, and orders that are under way lose their address.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "EraseAccountInput")]
#[serde(rename_all = "camelCase")]
pub struct EraseAccount {
    /// The account's password, so that a stolen token is not enough.
    pub password: SecretText,
    /// The version that your account must still be at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u32>,
    /// Makes repetitions harmless: within 24 hours the same key and input get the same answer, for as long as the access token that
    /// was used is valid. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// What erasing an account did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountErased {
    /// The person who is no more.
    pub erased_user_id: UserId,
    /// The receipt, which tells what was removed where.
    pub erasure_receipt_id: ErasureId,
}

/// The wish to be erased, parsed.
#[derive(Debug, Clone)]
pub struct Farewell {
    password: Option<Password>,
    expected_version: Option<u32>,
}

impl Command for EraseAccount {
    const NAME: &'static str = "eraseAccount";
    /// A repetition comes with a token whose sign-in has ended: by the first one. The handler lets nobody else in.
    const SENDER: Sender = Sender::SignedInOrOut;
    const SECRET_FIELDS: &'static [&'static str] = &["password"];
    const LONGER: Duration = rows::erasure::STATEMENT_MAX;
    type Valid = Farewell;
    type Outcome = AccountErased;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<Farewell, Vec<CommandError>> {
        Ok(Farewell { password: own_password(&self.password), expected_version: self.expected_version })
    }

    fn password_work(valid: &Farewell) -> PasswordWork<'_> {
        PasswordWork::Confirm(valid.password.as_ref())
    }

    async fn handle(valid: &Farewell, unit: &mut UnitOfWork) -> Handling<Handled<AccountErased>> {
        let user_id = unit.user_id()?;
        let user = user::locked_alone(unit.db(), user_id.0).await?.ok_or(Fault::NotSignedIn)?;
        let now = still_signed_in(unit).await?;
        decide_erasure(&user, unit.password(), valid.expected_version)?;
        role::leave(unit, user.id).await?;
        let erasure_receipt_id = ErasureId::generate();
        let version = erase(unit, &user, erasure_receipt_id, now).await?;
        let handled = Handled::new(AccountErased { erased_user_id: user_id, erasure_receipt_id });
        Ok(handled.at(user_id, version).leaving(user.email_canonical))
    }
}

/// Erases a person again whom PostgreSQL remembers since it was restored from a backup. The operator's, with a new history; no mutation.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EraseAgain {
    /// Whom.
    pub user_id: UserId,
}

/// What erasing a person again did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErasedAgain {
    /// The person who is no more.
    pub erased_user_id: UserId,
}

impl Command for EraseAgain {
    const NAME: &'static str = "eraseAgain";
    const SENDER: Sender = Sender::System;
    const LONGER: Duration = rows::erasure::STATEMENT_MAX;
    type Valid = UserId;
    type Outcome = ErasedAgain;

    fn validate(&self) -> Result<UserId, Vec<CommandError>> {
        Ok(self.user_id)
    }

    /// A backup that is older than the account does not know it, and one that is younger than the erasure needs nothing.
    async fn handle(user_id: &UserId, unit: &mut UnitOfWork) -> Handling<Handled<ErasedAgain>> {
        let handled = Handled::new(ErasedAgain { erased_user_id: *user_id });
        let Some(user) = user::locked_alone(unit.db(), user_id.0).await? else { return Ok(handled) };
        let now = unit.clock().await?;
        let version = erase(unit, &user, ErasureId::generate(), now).await?;
        Ok(handled.at(*user_id, version))
    }
}

/// The password must be the one that the account has while it is locked.
fn decide_erasure(user: &user::Model, found: &PasswordFinding, expected: Option<u32>) -> Result<(), CommandError> {
    match found {
        PasswordFinding::Matches { user_id, hash } if user_id.0 == user.id && user.has_password(hash) => {
            check_version(expected, rows::version(user.version))
        }
        PasswordFinding::HasNone => Err(CommandError::password_not_set("password")),
        _ => Err(CommandError::invalid_credentials(NOT_ERASED)),
    }
}

/// Erases a person whose account is locked for it. One event tells it all: readers know what hangs on a person. Answers the version.
async fn erase(unit: &mut UnitOfWork, user: &user::Model, erasure_id: ErasureId, now: Timestamp) -> Handling<u32> {
    let (user_id, version) = (UserId(user.id), rows::version(user.version) + 1);
    unit.destroy_key(user_id).await?;
    let issued_until = rows::session::issued_until(unit.db(), user, now.moment()).await?;
    erasure::erase(unit.db(), erasure_id, user_id, unit.command_id(), now).await?;
    let erased = UserErased { user_id, erasure_id, issued_until };
    unit.record(user_id.0, version, Event::UserErased(erased));
    Ok(version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn ada() -> user::Model {
        user::Model { id: Uuid::from_u128(1), version: 4, ..user::tests::model("ada@example.org") }
    }

    fn matches(user: u128, hash: &str) -> PasswordFinding {
        PasswordFinding::Matches { user_id: UserId(Uuid::from_u128(user)), hash: hash.into() }
    }

    #[test]
    fn only_the_password_that_the_account_has_now_erases_it() {
        let refused = Err(CommandError::invalid_credentials(NOT_ERASED));
        assert_eq!(decide_erasure(&ada(), &matches(1, "hash"), None), Ok(()));
        assert_eq!(decide_erasure(&ada(), &matches(1, "an older hash"), None), refused);
        assert_eq!(decide_erasure(&ada(), &matches(2, "hash"), None), refused);
        assert_eq!(decide_erasure(&ada(), &PasswordFinding::Differs, None), refused);
        let not_set = Err(CommandError::password_not_set("password"));
        assert_eq!(decide_erasure(&ada(), &PasswordFinding::HasNone, None), not_set);
    }

    #[test]
    fn another_version_than_the_expected_one_is_a_conflict() {
        let conflict = Err(CommandError::version_conflict(3, 4));
        assert_eq!(decide_erasure(&ada(), &matches(1, "hash"), Some(3)), conflict);
    }
}
