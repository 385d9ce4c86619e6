//! Roles: which parts of the work this process does. Each part is handed only the settings that it may use.

pub mod command;
pub mod operations;
pub mod projector;
pub mod query;
pub mod relay;
pub mod servers;

use crate::cli::Role;
use crate::http::operations::{Check, Probe};
use crate::keys::KeyError;
use crate::settings::{HttpSettings, PostgresSettings, Settings};
use crate::telemetry::{self, TelemetryError};
use axum::Router;
use command::CommandRoleSettings;
use millrace_command::{CommandFailure, Commands};
use millrace_events::{History, UserId};
use millrace_log::{Log, LogError};
use millrace_read::erasure::folded_erasures;
use millrace_read::refold::operate::OperateError;
use projector::ProjectorSettings;
use query::QuerySettings;
use relay::RelaySettings;
use servers::Wanted;
use std::collections::BTreeSet;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long a start waits for what readiness depends on.
const READY_WAIT_MAX: Duration = Duration::from_secs(10);
const READY_POLL: Duration = Duration::from_millis(20);
/// How long commands that have begun are given, when nothing begins new ones any more.
const COMMANDS_DRAIN_MAX: Duration = Duration::from_secs(8);
/// How long the operators' last requests are given, when everything else has ended.
const OPERATIONS_DRAIN_MAX: Duration = Duration::from_secs(1);

type BoxError = Box<dyn Error + Send + Sync>;

/// Why a role cannot run, or stopped running.
#[derive(Debug, thiserror::Error)]
pub enum RoleError {
    /// PostgreSQL does not answer, or not as it should.
    #[error("PostgreSQL")]
    Log(#[from] LogError),
    /// Nobody listens where a server should be.
    #[error("{0} does not answer")]
    Away(String),
    /// A parked document was not folded anew, or not listed.
    #[error(transparent)]
    Refold(#[from] OperateError),
    /// A key file.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// Telemetry.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// A port cannot be listened on.
    #[error("cannot listen on {address} (setting {setting})")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// The setting that says so.
        setting: &'static str,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A part of a role cannot start.
    #[error("{part} cannot start")]
    Start {
        /// Which part.
        part: &'static str,
        /// Why not.
        #[source]
        source: BoxError,
    },
    /// A part of a role ended by itself, which it never should.
    #[error("{0} ended")]
    Ended(&'static str),
    /// A part of a role panicked; what it said is in the log.
    #[error("a part of the process failed by a fault of ours, which the log tells")]
    Panicked,
    /// No account has that address.
    #[error("no account has the address {0}")]
    NoAccount(String),
    /// Not an address.
    #[error("the address {0}")]
    Email(#[from] millrace_events::values::ValueError),
    /// An operator's command has no answer.
    #[error("the command was not answered")]
    Command(#[from] CommandFailure),
    /// Somebody who was erased is still there since PostgreSQL was restored.
    #[error(
        "history {history} has begun, but whoever is named here is not erased again. Start nothing before `millrace log new-history` \
        has done so: {}",
        named(failed)
    )]
    NotErasedAgain {
        /// The new history.
        history: History,
        /// Who, and why not.
        failed: Vec<(UserId, CommandFailure)>,
    },
    /// Nobody with that id was erased.
    #[error("no receipt of an erasure has the id {0}, nor has a person with this id been erased")]
    NoReceipt(uuid::Uuid),
    /// A receipt could not be read.
    #[error("the receipt could not be read")]
    Receipt(#[from] millrace_command::Fault),
    /// Documents or cache could not be looked at.
    #[error("documents and cache could not be checked")]
    Check(#[from] millrace_read::erasure::CheckError),
    /// Something of an erased person is left.
    #[error("{0} promises of the erasure are not kept")]
    NotErased(usize),
    /// An operator's command was rejected.
    #[error("rejected: {0:?}")]
    Rejected(Vec<millrace_command::CommandError>),
}

/// A role at work.
pub struct Running {
    probes: Vec<Probe>,
    parts: JoinSet<&'static str>,
    operations: JoinSet<&'static str>,
    shutdown: CancellationToken,
    drained: CancellationToken,
    drain_max: Duration,
    /// Whose commands go on when nobody waits for them any more.
    commands: Option<Commands>,
}

/// What the parts of a role add to.
pub struct Starting<'a> {
    /// Ports and their limits, which every role has. Everything else a role is handed as a type of its own.
    pub http: &'a HttpSettings,
    /// Told when to stop.
    pub shutdown: CancellationToken,
    /// What readiness depends on.
    pub probes: Vec<Probe>,
    /// Told when everything that was asked to stop has stopped.
    pub drained: CancellationToken,
    /// More to serve on the operators' port.
    pub operations_routes: Router,
    parts: JoinSet<&'static str>,
    operations: JoinSet<&'static str>,
    listening: Vec<(&'static str, SocketAddr)>,
}

impl Starting<'_> {
    /// Runs a part until shutdown.
    pub fn spawn(&mut self, name: &'static str, part: impl Future<Output = ()> + Send + 'static) {
        self.parts.spawn(async move {
            part.await;
            name
        });
    }

    /// Runs what operators look through until everything else has stopped.
    pub fn spawn_operations(&mut self, name: &'static str, part: impl Future<Output = ()> + Send + 'static) {
        self.operations.spawn(async move {
            part.await;
            name
        });
    }

    /// Listens; port 0 takes a free one.
    pub async fn listen(
        &mut self,
        what: &'static str,
        address: SocketAddr,
        setting: &'static str,
    ) -> Result<TcpListener, RoleError> {
        let failed = |source| RoleError::Listen { address, setting, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        self.listening.push((what, listener.local_addr().map_err(failed)?));
        Ok(listener)
    }
}

/// Settings that were given to a role which does not read them. It should not have them: what it does not hold nobody takes from it.
pub fn not_of(role: Role, given: &BTreeSet<String>) -> Vec<&str> {
    let of_role = match role {
        Role::All => return vec![],
        Role::Command => command::KEYS,
        Role::Relay => relay::KEYS,
        Role::Projector => projector::KEYS,
        Role::Query => query::KEYS,
    };
    let is_read = |key: &str| of_role.iter().any(|own| key == *own || (own.ends_with('.') && key.starts_with(own)));
    given.iter().map(String::as_str).filter(|key| !is_read(key)).collect()
}

/// Starts a role, and says on standard output where it listens: one line `listening WHAT ADDRESS` each, then `ready`.
pub async fn serve(role: Role, settings: &Settings, shutdown: CancellationToken) -> Result<(), RoleError> {
    let others = not_of(role, &settings.given).join(", ");
    if !others.is_empty() {
        tracing::warn!(?role, "settings of other roles are ignored, and should not be given to this one: {others}");
    }
    let running = start_listening(role, settings, shutdown, true).await?;
    running.ready().await;
    println!("ready");
    running.until_stopped().await
}

/// Starts a role without a word.
pub async fn start(role: Role, settings: &Settings, shutdown: CancellationToken) -> Result<Running, RoleError> {
    start_listening(role, settings, shutdown, false).await
}

async fn start_listening(
    role: Role,
    settings: &Settings,
    shutdown: CancellationToken,
    say: bool,
) -> Result<Running, RoleError> {
    let metrics = telemetry::start_metrics()?;
    let stopping = shutdown.clone();
    let probes: Vec<Probe> = vec![Arc::new(move || draining(stopping.is_cancelled()))];
    let (parts, operations, drained) = (JoinSet::new(), JoinSet::new(), CancellationToken::new());
    let (operations_routes, listening) = (Router::new(), Vec::new());
    let http = &settings.http;
    let mut starting = Starting { http, shutdown, probes, drained, operations_routes, parts, operations, listening };
    let does = |wanted: Role| role == wanted || role == Role::All;
    if does(Role::Relay) {
        relay::start(&mut starting, RelaySettings::of(settings)).await?;
    }
    if does(Role::Projector) {
        projector::start(&mut starting, ProjectorSettings::of(settings)).await?;
    }
    let mut local = None;
    if does(Role::Command) {
        let of_commands = CommandRoleSettings::of(settings);
        local = Some(command::start(&mut starting, of_commands, role == Role::Command).await?);
    }
    if does(Role::Query) {
        query::start(&mut starting, QuerySettings::of(settings), local.clone(), metrics.clone()).await?;
    }
    operations::start(&mut starting, metrics).await?;
    if say {
        starting.listening.iter().for_each(|(what, address)| println!("listening {what} http://{address}"));
    }
    let drain_max = Duration::from_millis(settings.http.drain_ms_max);
    let Starting { probes, shutdown, drained, parts, operations, .. } = starting;
    Ok(Running { probes, parts, operations, shutdown, drained, drain_max, commands: local })
}

fn draining(is_draining: bool) -> Check {
    let detail = is_draining.then(|| "shutting down".to_owned());
    Check { name: "process".into(), ready: !is_draining, detail }
}

impl Running {
    /// Waits until everything that readiness depends on works, within a limit: what is away may come later.
    pub async fn ready(&self) {
        let all_ready = async {
            while !self.probes.iter().all(|probe| probe().ready) {
                tokio::time::sleep(READY_POLL).await;
            }
        };
        if timeout(READY_WAIT_MAX, self.shutdown.run_until_cancelled(all_ready)).await.is_err() {
            tracing::warn!(wait_s = READY_WAIT_MAX.as_secs(), "serving, although not everything is ready: see /readyz");
        }
    }

    /// Runs until shutdown is asked for, then drains within the limit. A part that ends by itself is an error.
    pub async fn until_stopped(mut self) -> Result<(), RoleError> {
        let ended_early = tokio::select! {
            ended = self.parts.join_next() => ended,
            ended = self.operations.join_next() => ended,
            () = self.shutdown.cancelled() => None,
        };
        let asked = self.shutdown.is_cancelled();
        self.shutdown.cancel();
        self.drain().await;
        self.drained.cancel();
        let _at_most =
            timeout(OPERATIONS_DRAIN_MAX, async { while self.operations.join_next().await.is_some() {} }).await;
        match ended_early {
            Some(Ok(part)) if !asked => Err(RoleError::Ended(part)),
            Some(Err(_)) => Err(RoleError::Panicked),
            _ => Ok(()),
        }
    }

    /// First all that may begin commands; then the commands, which end as begun although their callers may be gone.
    async fn drain(&mut self) {
        let parts = async { while self.parts.join_next().await.is_some() {} };
        let commands = async {
            match &self.commands {
                Some(commands) => commands.drain(COMMANDS_DRAIN_MAX).await,
                None => true,
            }
        };
        drain_in_turn(self.drain_max, parts, commands).await;
    }
}

/// Commands have a time of their own: what takes all of its time before them costs no command.
async fn drain_in_turn(parts_max: Duration, parts: impl Future<Output = ()>, commands: impl Future<Output = bool>) {
    if timeout(parts_max, parts).await.is_err() {
        tracing::warn!(drain_ms_max = parts_max.as_millis(), "not every part of the process ended in time");
    }
    if !commands.await {
        tracing::warn!(drain_ms_max = COMMANDS_DRAIN_MAX.as_millis(), "not every command ended in time");
    }
}

/// A connection to the log, named for what it does there. PostgreSQL must be there.
pub async fn connect_log(settings: &PostgresSettings, purpose: &str) -> Result<Log, RoleError> {
    Wanted::postgres(settings).require().await?;
    Ok(Log::connect(&wanted_log(settings, purpose)).await?)
}

/// The same for what runs on: PostgreSQL may come later.
async fn log_that_may_come(settings: &PostgresSettings, purpose: &str) -> Result<Log, RoleError> {
    Ok(Log::connect_lazily(&wanted_log(settings, purpose)).await?)
}

fn wanted_log(settings: &PostgresSettings, purpose: &str) -> millrace_log::PostgresSettings {
    let mut wanted = millrace_log::PostgresSettings::new(settings.url.expose());
    wanted.connections_max = settings.connections_max;
    wanted.application_name = format!("millrace-{purpose}");
    wanted
}

fn named(failed: &[(UserId, CommandFailure)]) -> String {
    failed.iter().map(|(person, failure)| format!("{person} ({failure})")).collect::<Vec<_>>().join(", ")
}

/// Begins a new history of the log: see `millrace log new-history`. Whoever was erased since the backup is erased again.
pub async fn new_history(settings: &Settings) -> Result<History, RoleError> {
    let log = connect_log(&settings.postgres, "new-history").await?;
    let erased = folded_erasures(&projector::database(&settings.mongodb).await?).await?;
    let (history, destroyed) = relay::new_history(&log, RelaySettings::of(settings), erased).await?;
    let commands = command::commands(CommandRoleSettings::of(settings)).await?;
    let failed = commands.erase_all_again(&destroyed).await;
    if failed.is_empty() { Ok(history) } else { Err(RoleError::NotErasedAgain { history, failed }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;

    async fn stopped_after(part: impl Future<Output = &'static str> + Send + 'static) -> Result<(), RoleError> {
        let (shutdown, drained) = (CancellationToken::new(), CancellationToken::new());
        let (mut parts, mut operations) = (JoinSet::new(), JoinSet::new());
        parts.spawn(part);
        let until = drained.clone();
        operations.spawn(async move {
            until.cancelled().await;
            "operations"
        });
        let drain_max = Duration::from_secs(20);
        Running { probes: vec![], parts, operations, shutdown, drained, drain_max, commands: None }
            .until_stopped()
            .await
    }

    #[tokio::test]
    async fn a_part_that_ends_by_itself_is_an_error_and_so_is_one_that_panics() {
        let ended = stopped_after(async { "relay" }).await;
        assert!(matches!(ended, Err(RoleError::Ended("relay"))), "{ended:?}");
        let panicked = stopped_after(async { panic!("a fold") }).await;
        assert!(matches!(panicked, Err(RoleError::Panicked)), "{panicked:?}");
    }

    #[tokio::test]
    async fn commands_end_as_begun_although_a_part_takes_all_of_its_time() {
        let (mut are_drained, stuck) = (false, std::future::pending());
        let commands = async {
            are_drained = true;
            true
        };
        drain_in_turn(Duration::from_millis(1), stuck, commands).await;
        assert!(are_drained);
    }

    #[test]
    fn a_role_is_told_what_it_should_not_be_given() {
        let keys = ["postgres.url", "mongodb.url", "nats.projector_url", "auth.signing_key_file", "http.listen"];
        let given = keys.map(str::to_owned).into();
        assert_eq!(not_of(Role::All, &given), Vec::<&str>::new());
        assert_eq!(not_of(Role::Command, &given), ["mongodb.url", "nats.projector_url"]);
        assert_eq!(not_of(Role::Relay, &given), ["auth.signing_key_file", "mongodb.url", "nats.projector_url"]);
        assert_eq!(not_of(Role::Projector, &given), ["auth.signing_key_file", "postgres.url"]);
        assert_eq!(not_of(Role::Query, &given), ["auth.signing_key_file", "nats.projector_url", "postgres.url"]);
    }

    #[test]
    fn every_setting_is_somebodys() {
        let known = crate::settings::known_keys().unwrap();
        let roles = [Role::Command, Role::Relay, Role::Projector, Role::Query];
        let nobodys = |key: &&String| roles.iter().all(|role| !not_of(*role, &[(*key).clone()].into()).is_empty());
        let left: Vec<&String> = known.iter().filter(nobodys).filter(|key| !key.starts_with("story.")).collect();
        assert_eq!(left, Vec::<&String>::new(), "the story is told by `millrace dev` alone");
    }
}
