//! What operators do on the command line.

use crate::roles::{self, RoleError};
use crate::settings::Settings;
use millrace_command::Commands;
use millrace_events::Role;

/// Brings PostgreSQL to this version's tables.
pub async fn migrate(settings: &Settings) -> Result<(), RoleError> {
    let log = roles::connect_log(&settings.postgres, "migrate").await?;
    log.migrate().await?;
    println!("PostgreSQL has this version's tables");
    Ok(())
}

/// Grants a role to the account with this e-mail address.
pub async fn grant(settings: &Settings, email: &str, role: Role) -> Result<(), RoleError> {
    let commands = commands(settings).await?;
    let receipt = commands.grant_role(email, role).await?;
    println!("{email} has the role {} (position {})", role.as_str(), receipt.consistency_token.unwrap_or_default());
    Ok(())
}

/// Revokes a role.
pub async fn revoke(settings: &Settings, email: &str, role: Role) -> Result<(), RoleError> {
    let commands = commands(settings).await?;
    let receipt = commands.revoke_role(email, role).await?;
    println!("{email} no longer has the role {} ({})", role.as_str(), receipt.consistency_token.unwrap_or_default());
    Ok(())
}

/// Begins a new history after PostgreSQL was restored from a backup.
pub async fn new_history(settings: &Settings) -> Result<(), RoleError> {
    let history = roles::new_history(settings).await?;
    println!("history {history} begins: the stream and all documents are made anew from the log");
    Ok(())
}

async fn commands(settings: &Settings) -> Result<Commands, RoleError> {
    roles::command::commands(settings).await
}
