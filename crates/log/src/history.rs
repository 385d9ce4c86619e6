//! A new life of the log, after PostgreSQL was put back to an older state.

use millrace_events::{History, UserId};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, FromQueryResult, Statement};
use uuid::{Builder, Uuid};

use crate::error::missing_or_failed;
use crate::{LogError, keys};

/// What the old life had noted of log and transactions says nothing about the new one.
const BEGIN: &str = "
    UPDATE log_head SET history = $1, position = (SELECT coalesce(max(position), 0) FROM log), settled = '0'";

/// Destroys the keys again that the older state brought back, then begins a new life. Both or neither: the caller's transaction.
pub(crate) async fn begin(tx: &DatabaseTransaction, destroyed: &[UserId]) -> Result<History, LogError> {
    let old = lock_head(tx).await?;
    keys::destroy_all(tx, destroyed).await?;
    let new = later_than(old, Uuid::now_v7());
    tx.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, BEGIN, [new.0.into()])).await?;
    Ok(new)
}

async fn lock_head(tx: &DatabaseTransaction) -> Result<History, LogError> {
    #[derive(FromQueryResult)]
    struct Row {
        history: Uuid,
    }
    let statement = Statement::from_string(DbBackend::Postgres, "SELECT history FROM log_head FOR UPDATE");
    let row = Row::find_by_statement(statement).one(tx).await.map_err(missing_or_failed)?;
    Ok(History(row.ok_or_else(crate::log::no_head)?.history))
}

/// A later history, even if the clock went back since the old one began.
fn later_than(old: History, now: Uuid) -> History {
    if now > old.0 {
        return History(now);
    }
    let old_ms = u64::try_from(old.0.as_u128() >> 80).unwrap_or(u64::MAX);
    let mut random = [0; 10];
    random.copy_from_slice(&now.as_bytes()[6..]);
    History(Builder::from_unix_timestamp_millis(old_ms.saturating_add(1), &random).into_uuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_history_is_later_even_if_the_clock_went_back() {
        let now = Uuid::now_v7();
        let an_hour_ahead_ms = u64::try_from(now.as_u128() >> 80).unwrap() + 3_600_000;
        let old = History(Builder::from_unix_timestamp_millis(an_hour_ahead_ms, &[0xFF; 10]).into_uuid());
        let new = later_than(old, now);
        assert!(new > old, "{new} is not later than {old}");
        assert_eq!(new.0.get_version_num(), 7);
        assert_eq!(later_than(History(Uuid::nil()), now), History(now));
    }
}
