//! Names, keys and addresses of one run on the servers that were started for it.

use crate::error::BenchError;
use crate::process::Process;
use millrace_log::{Log, PostgresSettings};
use millrace_servers::{Binaries, Shared, Urls, unique_name};
use mongodb::options::{Acknowledgment, WriteConcern};
use redis::aio::MultiplexedConnection;
use sea_orm::{ConnectionTrait, Database};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// Names of the key files that `millrace keys` makes.
const SIGNING_KEY: &str = "signing-key.pem";
const VERIFY_KEY: &str = "verify-key.pem";
const SECRET: &str = "secret";
/// Answers of a whole pipeline may take long.
const REDIS_WAIT_MAX: Duration = Duration::from_secs(10);

/// Everything of its own on the run's servers.
pub struct Stage {
    /// Unique on the servers: the log's database, the stream's prefix.
    pub name: String,
    /// Where the servers are.
    pub urls: Urls,
    /// The servers' programs.
    pub binaries: &'static Binaries,
    millrace: PathBuf,
    keys: TempDir,
}

/// One read side: where documents and cache of it lie.
#[derive(Debug, Clone)]
pub struct ReadSide(String);

impl ReadSide {
    /// The MongoDB database, which is also the prefix in Redis.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl Stage {
    /// A stage with an empty log.
    pub async fn new() -> Result<Self, BenchError> {
        let shared = Shared::from_environment().await?;
        let keys = tempfile::tempdir().map_err(BenchError::io("making a folder"))?;
        let this = std::env::current_exe().map_err(BenchError::io("finding this program"))?;
        let (urls, binaries) = (shared.urls().clone(), shared.binaries());
        let stage =
            Self { name: unique_name("bench"), urls, binaries, millrace: this.with_file_name("millrace"), keys };
        stage.execute_on_server(&format!("CREATE DATABASE {}", stage.name)).await?;
        stage.log(&stage.name).await?.migrate().await?;
        Ok(stage)
    }

    /// Makes the keys that roles need.
    pub fn make_keys(&self) -> Result<(), BenchError> {
        let mut command = Command::new(&self.millrace);
        command.arg("keys").arg(self.keys.path());
        let output = command.output().map_err(BenchError::io(format!("running {}", self.millrace.display())))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(BenchError::Program { program: "millrace keys".into(), status: output.status, output: said })
    }

    /// The log in a database.
    pub async fn log(&self, database: &str) -> Result<Log, BenchError> {
        Ok(Log::connect(&PostgresSettings::new(self.postgresql_url(database))).await?)
    }

    /// A read side that is empty.
    pub fn read_side(&self, number: usize) -> ReadSide {
        ReadSide(format!("{}_{number}", self.name))
    }

    /// Starts a role over a read side.
    pub async fn serve(&self, role: &str, read_side: &ReadSide) -> Result<Process, BenchError> {
        Process::start(&format!("role {role}"), self.millrace.as_os_str(), |command| {
            command.args(["serve", "--role", role]).envs(self.environment(read_side));
        })
        .await
    }

    /// The address of a database on the PostgreSQL server.
    pub fn postgresql_url(&self, database: &str) -> String {
        let server = self.urls.postgresql.rsplit_once('/').map_or(self.urls.postgresql.as_str(), |(server, _)| server);
        format!("{server}/{database}")
    }

    /// The private key of access tokens, as PEM.
    pub fn signing_key(&self) -> Result<String, BenchError> {
        std::fs::read_to_string(self.keys.path().join(SIGNING_KEY)).map_err(BenchError::io("reading the signing key"))
    }

    /// Runs a statement that needs no database of its own, such as CREATE DATABASE.
    pub async fn execute_on_server(&self, statement: &str) -> Result<(), BenchError> {
        let server = Database::connect(&self.urls.postgresql).await?;
        server.execute_unprepared(statement).await?;
        Ok(server.close().await?)
    }

    /// A MongoDB database, written by majority and journal.
    pub async fn mongodb(&self, name: &str) -> Result<mongodb::Database, BenchError> {
        let client = mongodb::Client::with_uri_str(&self.urls.mongodb).await?;
        let concern = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build();
        let options = mongodb::options::DatabaseOptions::builder().write_concern(concern).build();
        Ok(client.database_with_options(name, options))
    }

    /// A Redis connection.
    pub async fn redis(&self) -> Result<MultiplexedConnection, BenchError> {
        let client = redis::Client::open(self.urls.redis.as_str())?;
        let config = redis::AsyncConnectionConfig::new().set_response_timeout(Some(REDIS_WAIT_MAX));
        Ok(client.get_multiplexed_async_connection_with_config(&config).await?)
    }

    /// A NATS connection.
    pub async fn nats(&self) -> Result<async_nats::Client, BenchError> {
        millrace_read::connect::nats(&self.urls.nats, None).await.map_err(BenchError::nats("connecting"))
    }

    fn environment(&self, read_side: &ReadSide) -> Vec<(&'static str, String)> {
        let file = |name: &str| self.keys.path().join(name).display().to_string();
        let any_port = || "127.0.0.1:0".to_owned();
        vec![
            ("MILLRACE_HTTP__LISTEN", any_port()),
            ("MILLRACE_HTTP__OPERATIONS_LISTEN", any_port()),
            ("MILLRACE_COMMAND__LISTEN", any_port()),
            ("MILLRACE_POSTGRES__URL", self.postgresql_url(&self.name)),
            ("MILLRACE_NATS__URL", self.urls.nats.clone()),
            ("MILLRACE_NATS__PREFIX", self.name.clone()),
            ("MILLRACE_MONGODB__URL", self.urls.mongodb.clone()),
            ("MILLRACE_MONGODB__DATABASE", read_side.name().to_owned()),
            ("MILLRACE_REDIS__URL", self.urls.redis.clone()),
            ("MILLRACE_REDIS__PREFIX", read_side.name().to_owned()),
            ("MILLRACE_AUTH__SIGNING_KEY_FILE", file(SIGNING_KEY)),
            ("MILLRACE_AUTH__VERIFY_KEY_FILE", file(VERIFY_KEY)),
            ("MILLRACE_AUTH__SECRET_FILE", file(SECRET)),
            // The bench is one client for all.
            ("MILLRACE_HTTP__SOCKETS_PER_ADDRESS_MAX", "100000".to_owned()),
            // It is many where it says so.
            ("MILLRACE_HTTP__TRUSTED_PROXIES", "127.0.0.0/8".to_owned()),
            // What is not read while others are opened answers no pings.
            ("MILLRACE_HTTP__SOCKET_SILENCE_MS_MAX", "600000".to_owned()),
            ("MILLRACE_HTTP__OPERATIONS_PER_ADDRESS_MAX", "100000".to_owned()),
            ("MILLRACE_LOGS__FILTER", "warn".to_owned()),
        ]
    }
}
