//! The pool of connections to PostgreSQL.

use std::time::Duration;

use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr};
use sqlx::Executor;
use sqlx::postgres::PgPoolOptions;
use tokio::time::timeout;

use crate::PostgresSettings;

/// A connection that was unused for longer is tried before it is handed out: after a restart of the server all of them are dead.
const TRIED_AFTER: Duration = Duration::from_millis(100);

/// Ends whatever transaction is open, without a word if there is none. A bare ROLLBACK would write a warning into the server's log at
/// each release. In a failed transaction BEGIN is an error, and the connection is closed.
const END_TRANSACTION: &str = "BEGIN; ROLLBACK";
/// A connection that does not answer so long when it is given back is closed: it is of a server that is gone without a word.
const RELEASE_WAIT_MAX: Duration = Duration::from_secs(15);

/// With `lazily` the first use connects, and each use tries anew while the server is away.
pub(crate) async fn connect(settings: &PostgresSettings, lazily: bool) -> Result<DatabaseConnection, DbErr> {
    let idle_in_transaction_ms = settings.idle_in_transaction_timeout.as_millis().to_string();
    let mut options = ConnectOptions::new(&settings.url);
    options
        .max_connections(settings.connections_max)
        .acquire_timeout(settings.acquire_timeout)
        .statement_timeout(settings.statement_timeout)
        .idle_timeout(settings.idle_timeout)
        .test_before_acquire_if_idle_for(TRIED_AFTER)
        .set_application_name(settings.application_name.clone())
        .sqlx_logging(false)
        .connect_lazy(lazily)
        .map_sqlx_postgres_opts(move |options| {
            // Every statement here is short: compiling it first (jit) could only take longer.
            options.options([("idle_in_transaction_session_timeout", idle_in_transaction_ms.as_str()), ("jit", "off")])
        })
        .map_sqlx_postgres_pool_opts(ending_transactions);
    Database::connect(options).await
}

/// sqlx 0.9.0 forgets a transaction whose `begin()` was cancelled (launchbadge/sqlx#4385): later statements on that connection would be
/// answered, and lost.
fn ending_transactions(options: PgPoolOptions) -> PgPoolOptions {
    options.after_release(|connection, _| {
        Box::pin(async move {
            match timeout(RELEASE_WAIT_MAX, connection.execute(END_TRANSACTION)).await {
                Ok(ended) => ended.map(|_| true),
                Err(_) => Ok(false),
            }
        })
    })
}
