//! Erasing a person from the tables, and the receipts of it. What becomes of which table stands in the table `erasable`.

use millrace_events::{CommandId, ErasureId, Timestamp, UserId};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, FromQueryResult, Statement, Value};
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// Erasing may take longer than a statement else may: a person may have written very much.
pub(crate) const STATEMENT_MAX: Duration = Duration::from_secs(300);

/// Erases a person, whose account is locked, from all tables and writes the receipt.
pub(crate) async fn erase(
    db: &impl ConnectionTrait,
    erasure: ErasureId,
    person: UserId,
    command: CommandId,
    at: Timestamp,
) -> Result<(), DbErr> {
    db.execute_unprepared(&format!("SET LOCAL statement_timeout = {}", STATEMENT_MAX.as_millis())).await?;
    let values = [erasure.0.into(), person.0.into(), command.0.into(), at.moment().into()];
    db.execute_raw(statement("SELECT erase_person($1, $2, $3, $4)", values)).await?;
    Ok(())
}

/// A receipt, without its tables.
#[derive(Debug, Clone, FromQueryResult)]
pub(crate) struct Erasure {
    pub id: Uuid,
    pub user_id: Uuid,
    pub command_id: Uuid,
    pub erased_at: OffsetDateTime,
}

/// One table of a receipt, with what is left there now.
#[derive(Debug, Clone, FromQueryResult)]
pub(crate) struct Table {
    pub name: String,
    pub action: String,
    /// How many rows the erasure changed; none in a table that came later.
    pub rows: Option<i64>,
    pub rows_left: i64,
}

/// The receipt with this id, or of this person.
pub(crate) async fn find(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Erasure>, DbErr> {
    const FIND: &str = "SELECT id, user_id, command_id, erased_at FROM erasures WHERE id = $1 OR user_id = $1";
    Erasure::find_by_statement(statement(FIND, [id.into()])).one(db).await
}

/// The tables of a receipt.
pub(crate) async fn tables(db: &impl ConnectionTrait, erasure: &Erasure) -> Result<Vec<Table>, DbErr> {
    const TABLES: &str = "
        SELECT l.name, l.action, p.rows, l.rows_left
        FROM left_of_person($2) l JOIN erasable e ON e.name = l.name
        LEFT JOIN erasure_parts p ON p.erasure_id = $1 AND p.place = e.place
        ORDER BY e.place";
    Table::find_by_statement(statement(TABLES, [erasure.id.into(), erasure.user_id.into()])).all(db).await
}

fn statement(sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}
