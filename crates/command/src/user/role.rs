//! Accounts: roles.

use crate::CommandError;
use crate::command::{Command, Handled, Sender};
use crate::fields::check_version;
use crate::rows::{self, user, user_role};
use crate::unit_of_work::{Handling, UnitOfWork};
use async_graphql::InputObject;
use millrace_events::user::RoleChanged;
use millrace_events::{Event, Role, UserId};
use serde::{Deserialize, Serialize};

/// Grants a role. For admins.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "GrantRoleInput")]
#[serde(rename_all = "camelCase")]
pub struct GrantRole {
    /// To whom.
    pub user_id: UserId,
    /// Which role.
    pub role: Role,
    /// The version that the account must still be at.
    pub expected_version: Option<u32>,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    pub idempotency_key: Option<String>,
}

/// What granting a role did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleGranted {
    /// Who has the role now.
    pub user: UserId,
}

impl Command for GrantRole {
    const NAME: &'static str = "grantRole";
    const SENDER: Sender = Sender::Admin;
    type Valid = Self;
    type Outcome = RoleGranted;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<Self, Vec<CommandError>> {
        Ok(self.clone())
    }

    async fn handle(valid: &Self, unit: &mut UnitOfWork) -> Handling<Handled<RoleGranted>> {
        let user_id = valid.user_id;
        let found = user::locked_for_change(unit.db(), user_id.0).await?;
        let user = found.ok_or_else(|| CommandError::not_found("person", "userId"))?;
        let version = rows::version(user.version);
        check_version(valid.expected_version, version)?;
        let handled = Handled::new(RoleGranted { user: user_id });
        if user_role::has(unit.db(), user_id.0, valid.role.as_str()).await? {
            return Ok(handled.at(user_id, version));
        }
        let granted_at = unit.at().moment();
        let row = user_role::Model { user_id: user_id.0, role: valid.role.as_str().to_owned(), granted_at };
        rows::insert(unit.db(), row).await?;
        let version = user::advance(unit.db(), &user, user::ActiveModel::default(), granted_at).await?;
        unit.record(user_id.0, version, Event::RoleGranted(RoleChanged { user_id, role: valid.role }));
        Ok(handled.at(user_id, version))
    }
}
