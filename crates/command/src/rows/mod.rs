//! The tables: one SeaORM entity per file, with the few ways in which its rows are locked, read and written.

pub(crate) mod comment;
pub(crate) mod follow;
pub(crate) mod like;
pub(crate) mod post;
pub(crate) mod post_tag;
pub(crate) mod refresh_token;
pub(crate) mod session;
pub(crate) mod user;
pub(crate) mod user_role;

use crate::fault::Fault;
use sea_orm::{ActiveModelTrait, ConnectionTrait, EntityTrait, Insert, IntoActiveModel, UpdateMany};

/// Versions are counted up from 1 in a column that holds no sign.
pub(crate) fn version(column: i32) -> u32 {
    column.unsigned_abs()
}

/// Inserts one whole row.
pub(crate) async fn insert<A>(db: &impl ConnectionTrait, row: impl IntoActiveModel<A> + Send) -> Result<(), Fault>
where
    A: ActiveModelTrait + Send,
{
    let rows = Insert::one(row.into_active_model().reset_all()).exec_without_returning(db).await?;
    exactly_one("an insert", rows)
}

/// Runs an update that must find its row, which is locked.
pub(crate) async fn update_one<E: EntityTrait>(db: &impl ConnectionTrait, update: UpdateMany<E>) -> Result<(), Fault> {
    let updated = update.exec(db).await?;
    exactly_one("an update", updated.rows_affected)
}

pub(crate) fn exactly_one(statement: &'static str, rows: u64) -> Result<(), Fault> {
    if rows == 1 { Ok(()) } else { Err(Fault::Rows { statement, rows }) }
}
