//! Mails: forgetting those that nobody will read, and tokens that are over.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

/// Deletes mails that are a week old, given up or never tried, at most `rows_max`.
pub(crate) async fn sweep(db: &impl ConnectionTrait, rows_max: u64) -> Result<u64, DbErr> {
    const SWEEP: &str = "
        DELETE FROM mails WHERE id IN (
            SELECT id FROM mails WHERE written_at < clock_timestamp() - interval '7 days'
            ORDER BY written_at LIMIT $1 FOR UPDATE SKIP LOCKED)";
    delete(db, SWEEP, rows_max).await
}

/// Deletes tokens that are good no more, at most `rows_max`.
pub(crate) async fn sweep_tokens(db: &impl ConnectionTrait, rows_max: u64) -> Result<u64, DbErr> {
    const SWEEP: &str = "
        DELETE FROM mail_tokens WHERE hash IN (
            SELECT hash FROM mail_tokens WHERE expires_at <= clock_timestamp()
            ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)";
    delete(db, SWEEP, rows_max).await
}

async fn delete(db: &impl ConnectionTrait, sweep: &str, rows_max: u64) -> Result<u64, DbErr> {
    let values = [i64::try_from(rows_max).unwrap_or(i64::MAX).into()];
    Ok(db.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, sweep, values)).await?.rows_affected())
}
