//! `millrace dev`: real servers, all roles, a demo community and its shop on this machine, in one process, until Ctrl-C.

mod settings_file;

use crate::cli::{DevArguments, Role, SettingsSource};
use crate::http::webhook;
use crate::mail::development;
use crate::roles::{self, RoleError};
use crate::settings::{SecretUrl, Settings, SettingsError};
use crate::telemetry::TelemetryError;
use crate::{keys, seed, story, telemetry};
use millrace_servers::{Options, Servers, home_folder, provide};
use settings_file::SettingsFile;
use std::net::TcpListener;
use std::path::Path;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const KEYS_FOLDER: &str = "keys";
const DATA_FOLDER: &str = "data";
/// What a person who tries it wants to read; problems still show. But sqlx also warns of connections that come back to their pool
/// when the server is already stopping.
const QUIET_LOGS: &str = "warn,sqlx_core::pool=error";

/// Why the development set-up cannot run.
#[derive(Debug, thiserror::Error)]
pub enum DevError {
    /// Settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Logs cannot start.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// A server cannot be got or started.
    #[error(transparent)]
    Servers(#[from] millrace_servers::Error),
    /// Somebody else has the port.
    #[error("port {0} is taken: stop what listens there, or choose another by --set {1}=127.0.0.1:PORT")]
    PortTaken(u16, &'static str),
    /// Keys cannot be made.
    #[error(transparent)]
    Keys(#[from] keys::KeyError),
    /// The settings for other commands cannot be written.
    #[error("the settings of these servers cannot be written to {}", settings_file::NAME)]
    SettingsFile(#[source] std::io::Error),
    /// A role cannot run.
    #[error(transparent)]
    Role(#[from] RoleError),
    /// The demo community cannot be made.
    #[error(transparent)]
    Seed(#[from] seed::SeedError),
}

/// Runs until `shutdown`, then drains and stops the servers.
pub async fn run(
    arguments: DevArguments,
    source: &SettingsSource,
    shutdown: CancellationToken,
) -> Result<(), DevError> {
    let mut settings = source.load()?;
    if settings.logs.filter == Settings::default().logs.filter {
        settings.logs.filter = QUIET_LOGS.into();
    }
    telemetry::start_logs(&settings.logs)?;
    require_free_ports(&settings)?;
    let home = match arguments.home {
        Some(home) => home,
        None => home_folder()?,
    };
    let servers = tokio::select! {
        servers = start_servers(&home) => servers?,
        () = shutdown.cancelled() => return Ok(()),
    };
    let served = serve(&home, settings, &servers, arguments.empty, shutdown).await;
    servers.stop().await?;
    println!("stopped; data is kept in {}", home.join(DATA_FOLDER).display());
    served
}

fn require_free_ports(settings: &Settings) -> Result<(), DevError> {
    let listens = [(settings.http.listen, "http.listen"), (settings.http.operations_listen, "http.operations_listen")];
    for (address, key) in listens {
        TcpListener::bind(address).map_err(|_| DevError::PortTaken(address.port(), key))?;
    }
    Ok(())
}

async fn start_servers(home: &Path) -> Result<Servers, DevError> {
    let binaries = provide(home, |progress| println!("{progress}")).await?;
    println!("starting PostgreSQL, NATS, MongoDB and Redis");
    Ok(Servers::start(&binaries, &home.join(DATA_FOLDER), Options::default()).await?)
}

async fn serve(
    home: &Path,
    mut settings: Settings,
    servers: &Servers,
    empty: bool,
    shutdown: CancellationToken,
) -> Result<(), DevError> {
    let settings_file = prepare(home, &mut settings, servers).await?;
    let running = roles::start(Role::All, &settings, shutdown.clone()).await?;
    running.ready().await;
    let seeded = shutdown.run_until_cancelled(seed_unless(empty, &settings)).await;
    let Some(seeded) = seeded else { return Ok(running.until_stopped().await?) };
    seeded?;
    println!("{}", banner(&settings, settings_file.shown(), empty));
    let mut story = begin_story(&settings, empty, shutdown)?;
    running.until_stopped().await?;
    while story.join_next().await.is_some() {}
    Ok(())
}

/// Keys, addresses and tables, and the file by which other commands find them all.
async fn prepare(home: &Path, settings: &mut Settings, servers: &Servers) -> Result<SettingsFile, DevError> {
    let folder = home.join(KEYS_FOLDER);
    keys::generate(&folder)?;
    point_at(settings, servers, &folder);
    let log = roles::connect_log(&settings.postgres, "migrate").await?;
    log.migrate().await.map_err(RoleError::from)?;
    SettingsFile::write(home, settings).map_err(DevError::SettingsFile)
}

/// May be stopped anywhere: the next start goes on where this one ended.
async fn seed_unless(empty: bool, settings: &Settings) -> Result<(), seed::SeedError> {
    if !empty {
        seed::if_empty(settings).await?;
    }
    Ok(())
}

/// What goes on by itself; a story that cannot be told is no reason to stop.
fn begin_story(settings: &Settings, empty: bool, shutdown: CancellationToken) -> Result<JoinSet<()>, DevError> {
    let mut story = JoinSet::new();
    if empty || !settings.story.told {
        return Ok(story);
    }
    let (url, people) = (format!("{}/graphql", settings.http.local_url()), seed::residents()?);
    let settings = settings.story.clone();
    story.spawn(async move {
        if let Err(error) = story::tell(url, people, settings, shutdown).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "the demo's story is not told");
        }
    });
    Ok(story)
}

fn point_at(settings: &mut Settings, servers: &Servers, keys: &Path) {
    let urls = servers.urls();
    settings.postgres.url = SecretUrl(urls.postgresql);
    settings.nats.url = SecretUrl(urls.nats_relay);
    settings.nats.projector_url = SecretUrl(urls.nats_projector);
    settings.mongodb.url = SecretUrl(urls.mongodb);
    settings.redis.url = SecretUrl(urls.redis);
    settings.auth.signing_key_file = keys.join(keys::SIGNING_KEY);
    settings.auth.verify_key_file = keys.join(keys::VERIFY_KEY);
    settings.auth.secret_file = keys.join(keys::SECRET);
    settings.payments.webhook_secret_file = keys.join(keys::WEBHOOK_SECRET);
    settings.mail.development_page = true;
    settings.http.pipeline = true;
    settings.payments.development_webhook_url = format!("{}{}", settings.http.local_url(), webhook::PATH);
}

/// What a person who starts it is told.
pub fn banner(settings: &Settings, settings_file: &Path, empty: bool) -> String {
    let public = settings.http.local_url();
    let operations = settings.http.operations_listen;
    let mut lines = vec![
        String::new(),
        format!("  GraphiQL    {public}/"),
        format!("  Pipeline    {public}/pipeline"),
        format!("  GraphQL     {public}/graphql   (HTTP, WebSocket and server-sent events)"),
        format!("  Operations  http://{operations}/readyz  /livez  /metrics"),
    ];
    if settings.mail.smtp_url.expose().is_empty() {
        lines.push(format!("  Mails       http://{operations}{}   (instead of being sent)", development::PATH));
    }
    if !empty {
        lines.push(format!("  Customer    {} with password {}", seed::DEMO_EMAIL, seed::DEMO_PASSWORD));
        lines.push(format!("  Staff       {} with password {}", seed::STAFF_EMAIL, seed::STAFF_PASSWORD));
    }
    lines.push(format!(
        "  Settings    {}   (of these servers, for other commands: --config FILE)",
        settings_file.display()
    ));
    lines.extend([String::new(), "  Ctrl-C stops everything and keeps the data.".to_owned()]);
    lines.join("\n")
}
