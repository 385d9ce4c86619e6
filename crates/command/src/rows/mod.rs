//! The tables: one SeaORM entity per file, with the few ways in which its rows are locked, read and written.

pub(crate) mod comment;
pub(crate) mod erasure;
pub(crate) mod follow;
pub(crate) mod identity;
pub(crate) mod ledger;
pub(crate) mod like;
pub(crate) mod mail;
pub(crate) mod mail_token;
pub(crate) mod order;
pub(crate) mod order_line;
pub(crate) mod post;
pub(crate) mod post_tag;
pub(crate) mod product;
pub(crate) mod provider_event;
pub(crate) mod refresh_token;
pub(crate) mod session;
pub(crate) mod stock_movement;
pub(crate) mod top_up;
pub(crate) mod unlinked_provider;
pub(crate) mod user;
pub(crate) mod user_role;
pub(crate) mod wallet;

use crate::fault::Fault;
use millrace_events::{Currency, Money};
use sea_orm::{ActiveModelTrait, ConnectionTrait, EntityTrait, Insert, IntoActiveModel, UpdateMany};

/// Versions are counted up from 1 in a column that holds no sign.
pub(crate) fn version(column: i32) -> u32 {
    column.unsigned_abs()
}

/// Quantities are counted in a column that holds no sign here.
pub(crate) fn quantity(column: i32) -> u32 {
    column.unsigned_abs()
}

/// A version or a quantity, for a column that has a sign.
pub(crate) fn column(number: u32) -> Result<i32, Fault> {
    i32::try_from(number).map_err(|_| Fault::Missing("room in a column"))
}

/// An amount out of its columns. Its currency was parsed before it was written.
pub(crate) fn money(amount_minor: i64, currency: &str) -> Result<Money, Fault> {
    let currency = Currency::parse(currency).map_err(|_| Fault::Missing("a currency that is known"))?;
    Ok(Money::new(amount_minor, currency))
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
    exactly(statement, rows, 1)
}

/// A statement over rows that are locked, or new, concerns all of them.
pub(crate) fn exactly(statement: &'static str, rows: u64, wanted: usize) -> Result<(), Fault> {
    if u64::try_from(wanted) == Ok(rows) { Ok(()) } else { Err(Fault::Rows { statement, rows, wanted }) }
}
