//! A database for a test, and another look at it than the log's own.

use std::time::Duration;

use millrace_log::{Log, PostgresSettings};
use millrace_servers::{Shared, unique_name};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};

/// Longer than anything here takes: a test that hangs fails.
pub const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(5);

pub struct Database {
    pub url: String,
    /// Plain connections, for rows and for looking.
    pub plain: PgPool,
}

impl Database {
    /// A new one, without tables.
    pub async fn empty() -> Self {
        let server = &Shared::from_environment().await.unwrap().urls().postgresql;
        let name = unique_name("log");
        let mut admin = PgConnection::connect(server).await.unwrap();
        admin.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
        let url = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
        let options = url.parse::<PgConnectOptions>().unwrap();
        Self { url, plain: PgPoolOptions::new().max_connections(4).connect_lazy_with(options) }
    }

    /// A new one with tables, and a log over it.
    pub async fn with_log() -> (Self, Log) {
        let database = Self::empty().await;
        let log = database.log().await;
        log.migrate().await.unwrap();
        (database, log)
    }

    /// Another process' log over the same database.
    pub async fn log(&self) -> Log {
        Log::connect(&PostgresSettings::new(&self.url)).await.unwrap()
    }

    pub async fn execute(&self, sql: &'static str) {
        self.plain.execute(sql).await.unwrap();
    }

    pub async fn number(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.plain).await.unwrap()
    }

    /// Waits until a query answers a number above 0, and returns it.
    pub async fn until(&self, sql: &'static str) -> i64 {
        let look = async {
            loop {
                match self.number(sql).await {
                    0 => tokio::time::sleep(LOOK_AGAIN_AFTER).await,
                    number => return number,
                }
            }
        };
        tokio::time::timeout(PATIENCE, look).await.unwrap_or_else(|_| panic!("this never came true: {sql}"))
    }
}
