//! What operators do on the command line.

use crate::roles::{self, RoleError};
use crate::settings::Settings;
use millrace_command::Answer;
use millrace_events::Role;
use millrace_events::values::Email;

/// Brings PostgreSQL to this version's tables.
pub async fn migrate(settings: &Settings) -> Result<(), RoleError> {
    let log = roles::connect_log(&settings.postgres, "migrate").await?;
    log.migrate().await?;
    println!("PostgreSQL has this version's tables");
    Ok(())
}

/// Grants a role to the account with this e-mail address.
pub async fn grant(settings: &Settings, email: &str, role: Role) -> Result<(), RoleError> {
    let commands = roles::command::commands(settings).await?;
    let address = Email::parse(email)?;
    let user_id = commands.find_user(&address).await?.ok_or_else(|| RoleError::NoAccount(email.to_owned()))?;
    match commands.grant_role(user_id, role).await? {
        Answer::Accepted { .. } => println!("{email} has the role {}", role.as_str()),
        Answer::Rejected { errors, .. } => return Err(RoleError::Rejected(errors)),
    }
    Ok(())
}

/// Begins a new history after PostgreSQL was restored from a backup.
pub async fn new_history(settings: &Settings) -> Result<(), RoleError> {
    let history = roles::new_history(settings).await?;
    println!("history {history} begins: the stream and all documents are made anew from the log");
    Ok(())
}
