//! Mails: forgetting those that nobody will read, and tokens that are over.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement, Value};
use time::Duration;

/// Deletes mails that are a week old, given up or never tried, at most `rows_max`. Those for forgotten passwords name nobody, and are
/// kept no longer than what they would carry is good.
pub(crate) async fn sweep(db: &impl ConnectionTrait, rows_max: u64, reset_within: Duration) -> Result<u64, DbErr> {
    const SWEEP: &str = "
        DELETE FROM mails WHERE id IN (
            SELECT id FROM mails WHERE written_at < clock_timestamp() - interval '7 days'
                OR (user_id IS NULL AND written_at < clock_timestamp() - make_interval(secs => $2))
            ORDER BY written_at LIMIT $1 FOR UPDATE SKIP LOCKED)";
    let values = [limit(rows_max), reset_within.as_seconds_f64().into()];
    Ok(db.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, SWEEP, values)).await?.rows_affected())
}

/// Deletes tokens that are good no more, at most `rows_max`.
pub(crate) async fn sweep_tokens(db: &impl ConnectionTrait, rows_max: u64) -> Result<u64, DbErr> {
    const SWEEP: &str = "
        DELETE FROM mail_tokens WHERE hash IN (
            SELECT hash FROM mail_tokens WHERE expires_at <= clock_timestamp()
            ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)";
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, SWEEP, [limit(rows_max)]);
    Ok(db.execute_raw(statement).await?.rows_affected())
}

fn limit(rows_max: u64) -> Value {
    i64::try_from(rows_max).unwrap_or(i64::MAX).into()
}
