//! The tables, as plain SQL files that only go forward.

use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnection;
use sqlx::{Connection, PgPool};

use crate::LogError;

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations");

/// Brings the tables up to date. Any number of processes may do so at once.
///
/// On a connection of its own, because a migration may take longer than a statement is allowed to.
pub async fn migrate(pool: &PgPool) -> Result<(), LogError> {
    let options = pool.connect_options().as_ref().clone().options([("statement_timeout", "0")]);
    let mut connection =
        PgConnection::connect_with(&options).await.map_err(|error| LogError::Migrations(error.into()))?;
    MIGRATIONS.run(&mut connection).await.map_err(LogError::Migrations)?;
    // What was done is done: a failure to say goodbye changes nothing.
    connection.close().await.unwrap_or_else(|error| tracing::debug!(%error, "closing after the migrations failed"));
    Ok(())
}
