//! What operators do on the command line.

use crate::roles::command::CommandRoleSettings;
use crate::roles::{self, RoleError};
use crate::settings::Settings;
use millrace_command::{Answer, Commands};
use millrace_events::values::Email;
use millrace_events::{Role, UserId};

/// Brings PostgreSQL to this version's tables.
pub async fn migrate(settings: &Settings) -> Result<(), RoleError> {
    let log = roles::connect_log(&settings.postgres, "migrate").await?;
    log.migrate().await?;
    println!("PostgreSQL has this version's tables");
    Ok(())
}

/// Grants a role to the account with this e-mail address.
pub async fn grant(settings: &Settings, email: &str, role: Role) -> Result<(), RoleError> {
    let (commands, user_id) = account(settings, email).await?;
    accepted(commands.grant_role(user_id, role).await?)?;
    println!("{email} has the role {}", role.as_str());
    Ok(())
}

/// Takes a role away from the account with this e-mail address.
pub async fn revoke(settings: &Settings, email: &str, role: Role) -> Result<(), RoleError> {
    let (commands, user_id) = account(settings, email).await?;
    accepted(commands.revoke_role(user_id, role).await?)?;
    println!("{email} does not have the role {}", role.as_str());
    Ok(())
}

async fn account(settings: &Settings, email: &str) -> Result<(Commands, UserId), RoleError> {
    let commands = roles::command::commands(CommandRoleSettings::of(settings)).await?;
    let user_id = commands.find_user(&Email::parse(email)?).await?;
    Ok((commands, user_id.ok_or_else(|| RoleError::NoAccount(email.to_owned()))?))
}

fn accepted<O>(answer: Answer<O>) -> Result<(), RoleError> {
    match answer {
        Answer::Accepted { .. } => Ok(()),
        Answer::Rejected { errors, .. } => Err(RoleError::Rejected(errors)),
    }
}

/// Begins a new history after PostgreSQL was restored from a backup.
pub async fn new_history(settings: &Settings) -> Result<(), RoleError> {
    let history = roles::new_history(settings).await?;
    println!("history {history} begins: the stream and all documents are made anew from the log");
    Ok(())
}
