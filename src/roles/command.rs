//! The command role: handles commands, in this process or for query roles elsewhere.

use super::{RoleError, Starting, connect_log};
use crate::http::command_api::{CommandApi, routes};
use crate::http::operations::Check;
use crate::http::server::{ConnectionLimits, Port};
use crate::keys;
use crate::settings::{AuthSettings, Settings};
use millrace_command::auth::{
    AccessTokenSigner, AttemptLimits, Attempts, Auth, PasswordCost, PasswordLimits, Passwords,
};
use millrace_command::{Commands, ServerSecret};
use millrace_log::Log;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::timeout;

/// How often rows whose time is over are deleted.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);
const PROBE_INTERVAL: Duration = Duration::from_secs(2);
/// PostgreSQL that takes longer than this for a row that it has in memory is as good as away.
const PROBE_WAIT: Duration = Duration::from_secs(2);

/// Commands over the log and the keys of the settings.
pub async fn commands(settings: &Settings) -> Result<Commands, RoleError> {
    let log = connect_log(&settings.postgres, "command").await?;
    over(log, &settings.auth)
}

fn over(log: Log, settings: &AuthSettings) -> Result<Commands, RoleError> {
    let failed = |source| RoleError::Start { part: "commands", source };
    let signer = AccessTokenSigner::from_pem(&keys::read(&settings.signing_key_file)?).map_err(|e| failed(e.into()))?;
    let cost = PasswordCost { memory_kib: settings.password_memory_kib, ..PasswordCost::default() };
    let passwords = Passwords::new(cost, PasswordLimits::default()).map_err(|e| failed(e.into()))?;
    let auth = Auth { passwords, signer, attempts: Attempts::new(AttemptLimits::default()) };
    let secret = keys::read_secret(&settings.secret_file)?;
    let secret = ServerSecret::new(secret.as_bytes()).map_err(|e| failed(e.into()))?;
    Ok(Commands::new(log, auth, millrace_command::Settings::new(secret)))
}

/// Starts handling commands; with `listens` also for query roles elsewhere.
pub async fn start(starting: &mut Starting<'_>, listens: bool) -> Result<Commands, RoleError> {
    let log = connect_log(&starting.settings.postgres, "command").await?;
    let commands = over(log.clone(), &starting.settings.auth)?;
    watch(starting, log);
    sweep(starting, commands.clone());
    if listens {
        listen(starting, commands.clone()).await?;
    }
    Ok(commands)
}

/// Readiness: whether PostgreSQL answered the last time it was asked.
fn watch(starting: &mut Starting<'_>, log: Log) {
    let answers = Arc::new(AtomicBool::new(true));
    let (seen, shutdown) = (Arc::clone(&answers), starting.shutdown.clone());
    starting.probes.push(Arc::new(move || {
        let ready = seen.load(Ordering::Relaxed);
        let detail = (!ready).then(|| "PostgreSQL does not answer".to_owned());
        Check { name: "commands".into(), ready, detail }
    }));
    starting.spawn("command probe", async move {
        let mut ticks = tokio::time::interval(PROBE_INTERVAL);
        while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
            let answered = timeout(PROBE_WAIT, log.head()).await.is_ok_and(|head| head.is_ok());
            answers.store(answered, Ordering::Relaxed);
        }
    });
}

fn sweep(starting: &mut Starting<'_>, commands: Commands) {
    let shutdown = starting.shutdown.clone();
    starting.spawn("sweep", async move {
        let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
        while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
            if let Err(failure) = commands.sweep().await {
                tracing::debug!(%failure, "sweeping failed; the next sweep does it");
            }
        }
    });
}

async fn listen(starting: &mut Starting<'_>, commands: Commands) -> Result<(), RoleError> {
    let settings = starting.settings;
    let listener = starting.listen("commands", settings.command.listen, "command.listen").await?;
    let secret = keys::read_secret(&settings.auth.secret_file)?;
    let api = CommandApi { commands, secret };
    let (router, limits) = (routes(api, settings.http.body_bytes_max), ConnectionLimits::of(&settings.http));
    let port = Port { name: "commands", listener, router, limits };
    starting.spawn("internal API", port.serve(starting.shutdown.clone()));
    Ok(())
}
