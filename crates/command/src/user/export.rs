//! Accounts: a link to all that is kept of one's own.

use super::password::own_password;
use crate::CommandError;
use crate::auth::SecretText;
use crate::command::{Command, Handled, PasswordWork};
use crate::fault::Fault;
use crate::frame::PasswordFinding;
use crate::rows::{self, user};
use crate::unit_of_work::{Handling, UnitOfWork};
use async_graphql::InputObject;
use millrace_events::UserId;
use millrace_events::values::Password;
use serde::{Deserialize, Serialize};

const NOT_EXPORTED: &str = "This is not the account's password.";

/// Asks for a link to all that is kept of you: account, posts and drafts, comments, likes, follows, orders, wallets and their movements.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "ExportMyDataInput")]
#[serde(rename_all = "camelCase")]
pub struct ExportMyData {
    /// The account's password, so that a stolen token is not enough.
    pub password: SecretText,
    /// Makes repetitions harmless: within 24 hours the same key is answered with a fresh link, and asks for the password again. At most
    /// 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// Whose data the link leads to. The link itself is kept nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DataExported {
    /// The person.
    pub user: UserId,
}

impl Command for ExportMyData {
    const NAME: &'static str = "exportMyData";
    const SECRET_FIELDS: &'static [&'static str] = &["password"];
    /// It changes nothing, and what it answers is not kept.
    const IS_HANDLED_AGAIN: bool = true;
    /// As typed; none if no account can have it.
    type Valid = Option<Password>;
    type Outcome = DataExported;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<Option<Password>, Vec<CommandError>> {
        Ok(own_password(&self.password))
    }

    fn password_work(typed: &Option<Password>) -> PasswordWork<'_> {
        PasswordWork::Confirm(typed.as_ref())
    }

    async fn handle(_: &Option<Password>, unit: &mut UnitOfWork) -> Handling<Handled<DataExported>> {
        let (user_id, session_id) = (unit.user_id()?, unit.person()?.session_id);
        let user = user::relied_on(unit.db(), user_id.0).await?.ok_or(Fault::NotSignedIn)?;
        decide_export(&user, unit.password())?;
        let now = unit.clock().await?;
        let export = unit.auth().exports.link(user_id, session_id, now)?;
        Ok(Handled::new(DataExported { user: user_id }).at(user_id, rows::version(user.version)).with_export(export))
    }
}

/// The password must be the one that the account has while it is locked.
fn decide_export(user: &user::Model, found: &PasswordFinding) -> Result<(), CommandError> {
    match found {
        PasswordFinding::Matches { user_id, hash } if user_id.0 == user.id && user.has_password(hash) => Ok(()),
        PasswordFinding::HasNone => Err(CommandError::password_not_set("password")),
        _ => Err(CommandError::invalid_credentials(NOT_EXPORTED)),
    }
}
