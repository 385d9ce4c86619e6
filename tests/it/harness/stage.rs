//! A stage: everything of its own on servers that are shared with other tests, or on servers of its own.

use super::client::{Client, Person};
use super::eventually;
use super::process::Process;
use millrace_servers::{Options, Servers, Shared, Urls, unique_name};
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use sea_orm::{ConnectionTrait, Database};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;
use tempfile::TempDir;

/// Cheap argon2, so that a test with fifty accounts is not a test of argon2.
const CHEAP_PASSWORDS: (&str, &str) = ("MILLRACE_AUTH__PASSWORD_MEMORY_KIB", "64");
/// All people of a test come from one address.
const MANY_ACCOUNTS: (&str, &str) = ("MILLRACE_ATTEMPTS__NEW_PASSWORDS_PER_ADDRESS_MAX", "100000");

/// So do their sockets.
const MANY_SOCKETS: [(&str, &str); 5] = [
    ("MILLRACE_HTTP__SOCKETS_PER_ADDRESS_MAX", "100000"),
    ("MILLRACE_HTTP__SOCKETS_PER_VIEWER_MAX", "100000"),
    ("MILLRACE_HTTP__OPERATIONS_PER_VIEWER_MAX", "100000"),
    ("MILLRACE_HTTP__OPERATIONS_PER_ADDRESS_MAX", "100000"),
    ("MILLRACE_HTTP__SOCKET_MESSAGES_BURST_MAX", "1000"),
];

/// Limits that a user must not wait beyond, but a test on a busy machine may: what has come late has still come. Tests of a limit set it.
const PATIENT: [(&str, &str); 5] = [
    ("MILLRACE_HTTP__CONSISTENCY_WAIT_MS_MAX", "20000"),
    ("MILLRACE_HTTP__REQUEST_MS_MAX", "25000"),
    ("MILLRACE_HTTP__SOCKET_INIT_MS_MAX", "60000"),
    ("MILLRACE_HTTP__SOCKET_SILENCE_MS_MAX", "600000"),
    ("MILLRACE_AUTH__ACCESS_TOKEN_S", "3600"),
];
/// How long a test's own command of Redis may take: the driver gives it half a second, which a busy machine may need.
const REDIS_WAIT: Duration = Duration::from_secs(30);
/// How many keys Redis looks at in one go, between which it serves others.
const KEYS_AT_ONCE: usize = 1_000;

/// Names, keys and addresses of one test.
pub struct Stage {
    /// Unique on the shared servers.
    pub name: String,
    /// Where the servers are.
    pub urls: Urls,
    /// Only if the stage has servers of its own: for tests that kill them.
    pub servers: Option<Servers>,
    environment: Vec<(String, String)>,
    _keys: TempDir,
}

impl Stage {
    /// A stage on the shared servers, its database migrated.
    pub async fn new() -> Self {
        let shared = Shared::from_environment().await.expect("the shared servers");
        Self::over(shared.urls().clone(), None).await
    }

    /// A stage on servers of its own.
    pub async fn with_own_servers() -> Self {
        Self::with_servers(Options::for_tests()).await
    }

    /// A stage on servers of its own that are started so.
    pub async fn with_servers(options: Options) -> Self {
        let shared = Shared::from_environment().await.expect("the programs");
        let servers = Servers::temporary(shared.binaries(), options).await.expect("servers");
        Self::over(servers.urls(), Some(servers)).await
    }

    async fn over(urls: Urls, servers: Option<Servers>) -> Self {
        let name = unique_name("test");
        let keys = tempfile::tempdir().expect("a folder");
        millrace::keys::generate(keys.path()).expect("keys");
        let postgres = create_database(&urls.postgresql, &name).await;
        let environment = environment(&name, &urls, &postgres, keys.path());
        let stage = Self { name, urls, servers, environment, _keys: keys };
        stage.run(&["migrate"]).await;
        stage
    }

    /// The environment of a process of this stage.
    pub fn environment(&self) -> Vec<(String, String)> {
        self.environment.clone()
    }

    /// The same stage, whose processes have a variable more.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with further variables.
    pub fn environment_with(&self, more: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut environment = self.environment();
        environment.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        environment
    }

    /// Starts a process of a role.
    pub async fn serve(&self, role: &str) -> Process {
        Process::serve(role, &self.environment).await
    }

    /// Starts one process with all roles, and a client of it.
    pub async fn all(&self) -> (Process, Client) {
        let process = self.serve("all").await;
        let client = Client::new(&process.graphql());
        (process, client)
    }

    /// Runs a command line to its end; it must succeed. Answers what it printed.
    pub async fn run(&self, arguments: &[&str]) -> String {
        let output = self.try_run(arguments).await;
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Gives a role, and waits until the read side knows it: a socket that was let in before is closed then.
    pub async fn grant(&self, person: &Person, role: &str) {
        self.run(&["user", "grant", &person.email, role]).await;
        eventually("the read side knows the role", || async {
            let answer = person.client.send("{ viewer { roles } }", json!({}), &[]).await.ok()?;
            let roles = answer.body["data"]["viewer"]["roles"].as_array()?.clone();
            roles.contains(&json!(role.to_uppercase())).then_some(())
        })
        .await;
    }

    /// Runs a command line to its end, however that is.
    pub async fn try_run(&self, arguments: &[&str]) -> std::process::Output {
        self.try_run_with(arguments, &[]).await
    }

    /// The same with further variables.
    pub async fn try_run_with(&self, arguments: &[&str], more: &[(&str, &str)]) -> std::process::Output {
        tokio::process::Command::new(env!("CARGO_BIN_EXE_millrace"))
            .args(arguments)
            .envs(self.environment_with(more))
            .output()
            .await
            .expect("the program runs")
    }

    /// The stage's MongoDB database.
    pub async fn mongodb(&self) -> mongodb::Database {
        let client = mongodb::Client::with_uri_str(&self.urls.mongodb).await.expect("MongoDB");
        client.database(&self.name)
    }

    /// A Redis connection.
    pub async fn redis(&self) -> MultiplexedConnection {
        redis_at(&self.urls.redis).await
    }

    /// The keys of Redis that begin so. KEYS would hold up a server that other tests share.
    pub async fn redis_keys(&self, start: &str) -> BTreeSet<String> {
        let (mut redis, mut cursor, mut found) = (self.redis().await, 0_u64, BTreeSet::new());
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(format!("{start}*")).arg("COUNT").arg(KEYS_AT_ONCE);
            let (next, keys): (u64, Vec<String>) = scan.query_async(&mut redis).await.expect("keys");
            found.extend(keys);
            if next == 0 {
                return found;
            }
            cursor = next;
        }
    }

    /// A NATS connection that may do everything.
    pub async fn nats(&self) -> async_nats::Client {
        millrace_read::connect::nats(&self.urls.nats, None).await.expect("NATS")
    }

    /// One variable of the environment.
    pub fn variable(&self, name: &str) -> String {
        let found = self.environment.iter().find(|(key, _)| key == name);
        found.unwrap_or_else(|| panic!("variable {name}")).1.clone()
    }
}

fn environment(name: &str, urls: &Urls, postgres: &str, keys: &std::path::Path) -> Vec<(String, String)> {
    let file = |file: &str| keys.join(file).display().to_string();
    [
        ("MILLRACE_HTTP__LISTEN", "127.0.0.1:0".to_owned()),
        ("MILLRACE_HTTP__OPERATIONS_LISTEN", "127.0.0.1:0".to_owned()),
        ("MILLRACE_COMMAND__LISTEN", "127.0.0.1:0".to_owned()),
        ("MILLRACE_POSTGRES__URL", postgres.to_owned()),
        ("MILLRACE_NATS__URL", urls.nats_relay.clone()),
        ("MILLRACE_NATS__PROJECTOR_URL", urls.nats_projector.clone()),
        ("MILLRACE_NATS__PREFIX", name.to_owned()),
        ("MILLRACE_MONGODB__URL", urls.mongodb.clone()),
        ("MILLRACE_MONGODB__DATABASE", name.to_owned()),
        ("MILLRACE_REDIS__URL", urls.redis.clone()),
        ("MILLRACE_REDIS__PREFIX", name.to_owned()),
        ("MILLRACE_AUTH__SIGNING_KEY_FILE", file(millrace::keys::SIGNING_KEY)),
        ("MILLRACE_AUTH__VERIFY_KEY_FILE", file(millrace::keys::VERIFY_KEY)),
        ("MILLRACE_AUTH__SECRET_FILE", file(millrace::keys::SECRET)),
        ("MILLRACE_PAYMENTS__WEBHOOK_SECRET_FILE", file(millrace::keys::WEBHOOK_SECRET)),
        ("MILLRACE_MAIL__DEVELOPMENT_PAGE", "true".to_owned()),
        ("MILLRACE_LOGS__FILTER", std::env::var("MILLRACE_TEST_LOGS").unwrap_or_else(|_| "warn".into())),
        (CHEAP_PASSWORDS.0, CHEAP_PASSWORDS.1.to_owned()),
        (MANY_ACCOUNTS.0, MANY_ACCOUNTS.1.to_owned()),
    ]
    .into_iter()
    .chain(MANY_SOCKETS.into_iter().chain(PATIENT).map(|(key, value)| (key, value.to_owned())))
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}

/// A connection to a Redis.
pub async fn redis_at(url: &str) -> MultiplexedConnection {
    let client = redis::Client::open(url).expect("an address");
    let patient =
        AsyncConnectionConfig::new().set_connection_timeout(Some(REDIS_WAIT)).set_response_timeout(Some(REDIS_WAIT));
    client.get_multiplexed_async_connection_with_config(&patient).await.expect("Redis")
}

/// Makes a database on the server; answers its address.
async fn create_database(server: &str, name: &str) -> String {
    let admin = Database::connect(server).await.expect("PostgreSQL");
    admin.execute_unprepared(&format!("CREATE DATABASE \"{name}\"")).await.expect("a database");
    let (address, _) = server.rsplit_once('/').expect("an address with a database");
    format!("{address}/{name}")
}
