//! The command line.

use crate::settings::{Settings, SettingsError};
use clap::{Args, Parser, Subcommand, ValueEnum};
use millrace_events::GlobalId;
use std::path::PathBuf;
use uuid::Uuid;

/// A GraphQL backend where every mutation is a command and every query is a ready answer.
#[derive(Debug, Parser)]
#[command(name = "millrace", version, about, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
    /// Where settings come from.
    #[command(flatten)]
    pub source: SettingsSource,
}

/// Where settings come from, beside defaults and environment.
#[derive(Debug, Args)]
pub struct SettingsSource {
    /// Settings file (TOML).
    #[arg(long, global = true, env = "MILLRACE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// One setting, over file and environment: `--set http.listen=0.0.0.0:4000`.
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = key_and_value)]
    pub set: Vec<(String, String)>,
}

impl SettingsSource {
    /// The settings in force.
    pub fn load(&self) -> Result<Settings, SettingsError> {
        Settings::load(self.config.as_deref(), &self.set)
    }
}

/// What the program does.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Start all four servers and all roles on this machine, with a demo community and its shop.
    Dev(DevArguments),
    /// Serve one role, or all of them, on servers that are there already.
    Serve {
        /// Which part of the work this process does.
        #[arg(long, env = "MILLRACE_ROLE", default_value = "all")]
        role: Role,
    },
    /// Bring PostgreSQL to this version's tables.
    Migrate,
    /// Fill an empty system with a demo community and its shop, through real commands.
    Seed,
    /// Roles of people.
    #[command(subcommand)]
    User(UserAction),
    /// The log.
    #[command(subcommand)]
    Log(LogAction),
    /// Erasures of people.
    #[command(subcommand)]
    Erasure(ErasureAction),
    /// List the documents that stand still because an event could not be applied to them, and why.
    Parked,
    /// Fold one document anew from the log, once what could not be applied can be: `millrace parked` tells which need it.
    Refold {
        /// Its projection, such as `content`.
        #[arg(long)]
        projection: String,
        /// Its key, such as `post:0193…`, as `millrace parked` tells it.
        #[arg(long)]
        document: String,
    },
    /// Make a key pair for access tokens and a secret, in files that only the owner can read.
    Keys {
        /// Where to put them.
        folder: PathBuf,
    },
    /// Print the GraphQL schema.
    Schema,
    /// Print the settings in force, with passwords masked.
    Settings,
}

/// How `millrace dev` runs.
#[derive(Debug, Args)]
pub struct DevArguments {
    /// Where servers' programs, data and keys are kept [default: .millrace in this folder].
    #[arg(long, env = "MILLRACE_HOME", value_name = "FOLDER")]
    pub home: Option<PathBuf>,
    /// Begin empty, without the demo's data and story.
    #[arg(long)]
    pub empty: bool,
}

/// Roles of people.
#[derive(Debug, Subcommand)]
pub enum UserAction {
    /// Grant a role: `millrace user grant ada@example.org admin`.
    Grant {
        /// E-mail address of the account.
        email: String,
        /// Which role.
        role: PersonRole,
    },
    /// Take a role away: `millrace user revoke ada@example.org staff`. The last admin keeps theirs.
    Revoke {
        /// E-mail address of the account.
        email: String,
        /// Which role.
        role: PersonRole,
    },
}

/// The log.
#[derive(Debug, Subcommand)]
pub enum LogAction {
    /// After PostgreSQL was restored from a backup: begin a new history, before any command is taken.
    NewHistory,
}

/// Erasures of people.
#[derive(Debug, Subcommand)]
pub enum ErasureAction {
    /// Check a receipt on all four stores: says promise by promise what is there, and fails if something is left.
    Verify {
        /// The id of the receipt, or of the person who was erased.
        #[arg(value_parser = erasure_id)]
        id: Uuid,
    },
}

/// The part of the work that a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// All parts in one process.
    All,
    /// Handles commands; internal HTTP only.
    Command,
    /// Copies the log into JetStream.
    Relay,
    /// Folds the log into documents.
    Projector,
    /// The public endpoint: GraphQL over HTTP and WebSocket.
    Query,
}

/// What a person may do beyond their own things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PersonRole {
    /// Runs the shop and keeps the community in order.
    Staff,
    /// Grants roles and operates the system.
    Admin,
}

impl From<PersonRole> for millrace_events::Role {
    fn from(role: PersonRole) -> Self {
        match role {
            PersonRole::Staff => Self::Staff,
            PersonRole::Admin => Self::Admin,
        }
    }
}

fn key_and_value(text: &str) -> Result<(String, String), &'static str> {
    let (key, value) = text.split_once('=').ok_or("write it as KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

/// An id as GraphQL shows it, or as PostgreSQL does.
fn erasure_id(text: &str) -> Result<Uuid, &'static str> {
    match (GlobalId::parse(text), Uuid::parse_str(text)) {
        (Ok(GlobalId::ErasureId(id)), _) => Ok(id.0),
        (Ok(GlobalId::UserId(id)), _) => Ok(id.0),
        (Ok(_), _) => Err("the id of something else"),
        (Err(_), Ok(id)) => Ok(id),
        (Err(_), Err(_)) => Err("not an id"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_setting_is_a_key_and_a_value() {
        let cli = Cli::try_parse_from(["millrace", "settings", "--set", "nats.prefix=a=b"]).unwrap();
        assert_eq!(cli.source.set, [("nats.prefix".into(), "a=b".into())]);
        assert!(Cli::try_parse_from(["millrace", "settings", "--set", "nonsense"]).is_err());
    }
}
