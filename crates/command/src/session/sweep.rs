//! Sign-ins: forgetting those that are over.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

/// Deletes sign-ins that ended or expired so long ago that no access token of theirs is left, at most `rows_max`.
pub(crate) async fn sweep(db: &impl ConnectionTrait, rows_max: u64) -> Result<u64, DbErr> {
    const SWEEP: &str = "
        DELETE FROM sessions WHERE id IN (
            SELECT id FROM sessions
            WHERE ended_at < clock_timestamp() - interval '1 day' OR expires_at < clock_timestamp() - interval '1 day'
            LIMIT $1 FOR UPDATE SKIP LOCKED)";
    let values = [i64::try_from(rows_max).unwrap_or(i64::MAX).into()];
    Ok(db.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, SWEEP, values)).await?.rows_affected())
}
