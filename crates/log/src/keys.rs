//! Keys of persons: what makes personal data in the log readable. Destroying one erases everything that it sealed.
//!
//! Nothing here locks for long: that a key is not destroyed while a command seals with it is the business of the lock on the person's
//! own row, which both take. So whatever a key sealed lies in the log before the event that tells of its end.

use std::collections::HashMap;

use millrace_events::{KeyState, PersonKey, UserId};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, FromQueryResult, Statement};
use uuid::Uuid;

use crate::LogError;

/// The most keys that one look answers.
pub const KEYS_MAX: u32 = 10_000;

/// A key as the relay mirrors it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// Given by sequencing, anew after each change, and visible in order: who saw one has seen all below. It belongs to a history: after
    /// a new one begin at 0.
    pub serial: i64,
    /// Whose key.
    pub user_id: UserId,
    /// The key, or the mark that it was destroyed.
    pub state: KeyState,
}

/// Makes the key of a new person.
pub async fn create(tx: &impl ConnectionTrait, user_id: UserId) -> Result<PersonKey, LogError> {
    const CREATE: &str = "INSERT INTO person_key (user_id, key) VALUES ($1, $2)";
    let key = PersonKey::generate();
    tx.execute_raw(statement(CREATE, [user_id.0.into(), key.as_bytes().to_vec().into()])).await?;
    Ok(key)
}

/// The keys of these persons, to seal with. Whose key it is must be locked by then: the sender of a command, whom its first statement
/// locks, or a person whom the command itself has locked or made. Who has none is missing in the answer.
pub async fn load(tx: &impl ConnectionTrait, user_ids: &[UserId]) -> Result<HashMap<UserId, KeyState>, LogError> {
    const LOAD: &str = "SELECT user_id, key, 0::bigint AS serial FROM person_key WHERE user_id = ANY($1)";
    let rows = Row::find_by_statement(statement(LOAD, [uuids(user_ids).into()])).all(tx).await?;
    rows.into_iter().map(|row| Ok((UserId(row.user_id), row.state()?))).collect()
}

/// Destroys a person's key for good, leaving a mark.
pub async fn destroy(tx: &impl ConnectionTrait, user_id: UserId) -> Result<(), LogError> {
    destroy_all(tx, &[user_id]).await
}

/// Leaves marks also for persons without a key: after a restore the person may be unknown here, while copies hold the mark.
pub(crate) async fn destroy_all(tx: &impl ConnectionTrait, user_ids: &[UserId]) -> Result<(), LogError> {
    const DESTROY: &str = "
        INSERT INTO person_key (user_id, key, destroyed_at)
        SELECT DISTINCT user_id, NULL::bytea, now() FROM unnest($1::uuid[]) AS user_id ORDER BY user_id
        ON CONFLICT (user_id) DO UPDATE SET key = NULL, destroyed_at = now(), is_changed = true
            WHERE person_key.key IS NOT NULL";
    tx.execute_raw(statement(DESTROY, [uuids(user_ids).into()])).await?;
    Ok(())
}

pub(crate) async fn after(db: &impl ConnectionTrait, serial: i64, limit: u32) -> Result<Vec<KeyRow>, LogError> {
    const AFTER: &str = "SELECT user_id, key, serial FROM person_key WHERE serial > $1 ORDER BY serial LIMIT $2";
    let limit = i64::from(limit.min(KEYS_MAX));
    let rows = Row::find_by_statement(statement(AFTER, [serial.into(), limit.into()])).all(db).await?;
    rows.into_iter().map(KeyRow::try_from).collect()
}

#[derive(FromQueryResult)]
struct Row {
    user_id: Uuid,
    key: Option<Vec<u8>>,
    serial: i64,
}

impl Row {
    fn state(&self) -> Result<KeyState, LogError> {
        let Some(bytes) = &self.key else { return Ok(KeyState::Destroyed) };
        // The table's check keeps other lengths out.
        let key = PersonKey::from_bytes(bytes).ok_or(DbErr::Type("a person's key has 32 bytes".to_owned()))?;
        Ok(KeyState::Live(key))
    }
}

impl TryFrom<Row> for KeyRow {
    type Error = LogError;

    fn try_from(row: Row) -> Result<Self, LogError> {
        Ok(Self { serial: row.serial, user_id: UserId(row.user_id), state: row.state()? })
    }
}

fn uuids(user_ids: &[UserId]) -> Vec<Uuid> {
    user_ids.iter().map(|user_id| user_id.0).collect()
}

fn statement(sql: &str, values: impl IntoIterator<Item = sea_orm::Value>) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}
