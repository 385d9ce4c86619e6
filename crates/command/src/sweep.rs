//! Deleting rows whose time is over.

use crate::fault::Fault;
use crate::pipeline::{Pipeline, report};
use crate::{CommandFailure, Commands, idempotency, mail, session};
use millrace_events::Timestamp;
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement};
use std::time::Duration;
use time::OffsetDateTime;

/// What one sweep deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// Idempotency keys that are kept no longer.
    pub idempotency_keys: u64,
    /// Sign-ins that have ended or expired.
    pub sessions: u64,
    /// Mails that were given up or never tried.
    pub mails: u64,
    /// Mailed tokens that are good no more.
    pub mail_tokens: u64,
    rows_max: u64,
}

impl Swept {
    /// True if there may be more to delete right now.
    pub fn hit_limit(&self) -> bool {
        let deleted = [self.idempotency_keys, self.sessions, self.mails, self.mail_tokens];
        deleted.iter().any(|rows| *rows >= self.rows_max)
    }
}

impl Commands {
    /// Deletes rows whose time is over, a bounded number of them. Forgets also what this process counts no longer. To
    /// be called now and then by every process, and at once again after it hit the limit.
    pub async fn sweep(&self) -> Result<Swept, CommandFailure> {
        let Pipeline { settings, auth, .. } = &*self.pipeline;
        auth.age(Timestamp::new(OffsetDateTime::now_utc()));
        self.delete_old(settings.sweep_rows_max).await.map_err(|fault| report("sweep", fault))
    }

    async fn delete_old(&self, rows_max: u64) -> Result<Swept, Fault> {
        let pipeline = &*self.pipeline;
        let (database, reset_within) = (pipeline.log.database(), pipeline.settings.accounts.reset_within);
        Ok(Swept {
            idempotency_keys: pipeline.in_time(idempotency::sweep(database, rows_max)).await?,
            sessions: pipeline.in_time(session::sweep(database, rows_max)).await?,
            mails: pipeline.in_time(mail::sweep(database, rows_max, reset_within)).await?,
            mail_tokens: pipeline.in_time(mail::sweep_tokens(database, rows_max)).await?,
            rows_max,
        })
    }

    /// For how long the oldest idempotency key or sign-in should have been deleted; zero if none is left.
    pub async fn sweep_late(&self) -> Result<Duration, CommandFailure> {
        let late = self.pipeline.in_time(overdue(self.pipeline.log.database())).await;
        late.map_err(|fault| report("sweep", fault))
    }
}

/// Each of the three ages comes from the first entry of an index.
async fn overdue(db: &impl ConnectionTrait) -> Result<Duration, Fault> {
    #[derive(FromQueryResult)]
    struct Row {
        late_s: f64,
    }
    const OVERDUE: &str = "
        SELECT greatest(0, extract(epoch FROM clock_timestamp() - least(
            (SELECT min(claimed_at) FROM idempotency_keys) + make_interval(secs => $1),
            (SELECT min(ended_at) FROM sessions WHERE ended_at IS NOT NULL) + interval '1 day',
            (SELECT min(expires_at) FROM sessions) + interval '1 day')))::float8 AS late_s";
    let values = [idempotency::IDEMPOTENCY_KEPT.as_seconds_f64().into()];
    let row = Row::find_by_statement(Statement::from_sql_and_values(DbBackend::Postgres, OVERDUE, values)).one(db);
    let late_s = row.await?.map(|row| row.late_s).unwrap_or_default();
    Ok(Duration::try_from_secs_f64(late_s).unwrap_or_default())
}
