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
use uuid::Uuid;

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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u32>,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
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
        let (user_id, user) = (valid.user_id, concerned(unit, valid.user_id, valid.expected_version).await?);
        let (version, handled) = (rows::version(user.version), Handled::new(RoleGranted { user: user_id }));
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

/// Takes a role away. For admins.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "RevokeRoleInput")]
#[serde(rename_all = "camelCase")]
pub struct RevokeRole {
    /// From whom.
    pub user_id: UserId,
    /// Which role. The last admin keeps theirs.
    pub role: Role,
    /// The version that the account must still be at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u32>,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// What taking a role away did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleRevoked {
    /// Who has the role no longer.
    pub user: UserId,
}

impl Command for RevokeRole {
    const NAME: &'static str = "revokeRole";
    const SENDER: Sender = Sender::Admin;
    type Valid = Self;
    type Outcome = RoleRevoked;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<Self, Vec<CommandError>> {
        Ok(self.clone())
    }

    async fn handle(valid: &Self, unit: &mut UnitOfWork) -> Handling<Handled<RoleRevoked>> {
        let (user_id, user) = (valid.user_id, concerned(unit, valid.user_id, valid.expected_version).await?);
        let (version, handled) = (rows::version(user.version), Handled::new(RoleRevoked { user: user_id }));
        // After the account: two admins who take the role from each other wait here, and the second one finds who is left.
        let holders = user_role::holders_locked(unit.db(), valid.role.as_str()).await?;
        let has_it = user_role::has(unit.db(), user.id, valid.role.as_str()).await?;
        if !decide_revoke(valid.role, user.id, has_it, &holders)? {
            return Ok(handled.at(user_id, version));
        }
        user_role::remove(unit.db(), user.id, valid.role.as_str()).await?;
        let version = user::advance(unit.db(), &user, user::ActiveModel::default(), unit.at().moment()).await?;
        unit.record(user_id.0, version, Event::RoleRevoked(RoleChanged { user_id, role: valid.role }));
        Ok(handled.at(user_id, version))
    }
}

/// The account whose roles change, locked.
async fn concerned(unit: &UnitOfWork, user_id: UserId, expected_version: Option<u32>) -> Handling<user::Model> {
    let found = user::locked_for_change(unit.db(), user_id.0).await?;
    let user = found.ok_or_else(|| CommandError::not_found("person", "userId"))?;
    check_version(expected_version, rows::version(user.version))?;
    Ok(user)
}

/// True if the role is to be taken away; false if the person does not have it. The holders are those who can use it.
fn decide_revoke(role: Role, from: Uuid, has_it: bool, holders: &[Uuid]) -> Result<bool, CommandError> {
    match role {
        Role::Admin if is_last(from, holders) => Err(CommandError::last_admin("userId")),
        _ => Ok(has_it),
    }
}

/// Whoever ends their account leaves another admin behind. The account must be locked: roles change under that lock alone.
pub(super) async fn leave(unit: &UnitOfWork, user_id: Uuid) -> Handling<()> {
    let admin = Role::Admin.as_str();
    if !user_role::has(unit.db(), user_id, admin).await? {
        return Ok(());
    }
    let holders = user_role::holders_locked(unit.db(), admin).await?;
    if is_last(user_id, &holders) { Err(CommandError::last_admin("").into()) } else { Ok(()) }
}

fn is_last(user_id: Uuid, admins: &[Uuid]) -> bool {
    admins == [user_id]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_admin_keeps_a_role() {
        let (ada, bob) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(decide_revoke(Role::Admin, ada, true, &[ada, bob]), Ok(true));
        assert_eq!(decide_revoke(Role::Admin, ada, true, &[ada]), Err(CommandError::last_admin("userId")));
        assert_eq!(decide_revoke(Role::Admin, ada, true, &[bob]), Ok(true), "a deactivated one is none of them");
        assert_eq!(decide_revoke(Role::Staff, ada, true, &[ada]), Ok(true));
        assert_eq!(decide_revoke(Role::Admin, ada, false, &[bob]), Ok(false));
        assert_eq!(decide_revoke(Role::Admin, ada, false, &[]), Ok(false));
    }
}
