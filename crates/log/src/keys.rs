//! Keys of persons: what makes personal data in the log readable. Destroying one erases everything that it sealed.

use std::collections::HashMap;

use millrace_events::{KeyState, PersonKey, UserId};
use sea_orm::ConnectionTrait;

use crate::LogError;

/// A key as the relay mirrors it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// Moves whenever the key changes.
    pub serial: i64,
    /// Whose key.
    pub user_id: UserId,
    /// The key, or the mark that it was destroyed.
    pub state: KeyState,
}

/// Makes the key of a new person.
pub async fn create(tx: &impl ConnectionTrait, user_id: UserId) -> Result<PersonKey, LogError> {
    let _ = (tx, user_id);
    Err(LogError::NotMigrated)
}

/// The keys of these persons. Who has none is missing in the answer.
pub async fn load(tx: &impl ConnectionTrait, user_ids: &[UserId]) -> Result<HashMap<UserId, KeyState>, LogError> {
    let _ = (tx, user_ids);
    Err(LogError::NotMigrated)
}

/// Destroys a person's key for good, leaving a mark.
pub async fn destroy(tx: &impl ConnectionTrait, user_id: UserId) -> Result<(), LogError> {
    let _ = (tx, user_id);
    Err(LogError::NotMigrated)
}
