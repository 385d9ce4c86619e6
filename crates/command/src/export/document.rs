//! The document of an export, written part by part.

use super::parts::{PARTS, Part};
use super::words;
use super::writing::{Outlet, Snapshot, Stopped};
use crate::fault::Fault;
use millrace_events::{KeyState, UserId};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, QueryResult, Statement};
use std::mem::take;

/// The form of the document. A part or a field more is the same form; another meaning is another form.
pub const FORMAT: &str = "millrace-export/1";
/// Rows that are read at once. A row is at most about as large as an event may be.
const ROWS_AT_ONCE: usize = 32;

/// Writes the whole document, no faster than it is taken.
pub(super) async fn write(snapshot: &Snapshot, person: UserId, pieces: &Outlet<'_>) -> Result<(), Stopped> {
    let Snapshot { transaction, at, key } = snapshot;
    pieces.send(format!("{{\"format\":\"{FORMAT}\",\"exportedAt\":\"{at}\"")).await?;
    for part in PARTS {
        declare(transaction, part, person).await?;
        PartWriter { db: transaction, part, person, key }.write(pieces).await?;
        transaction.execute_unprepared("CLOSE part").await?;
    }
    pieces.send("\n}\n".into()).await
}

/// A cursor: what was not fetched yet costs nothing when the client leaves.
async fn declare(db: &DatabaseTransaction, part: &Part, person: UserId) -> Result<(), Fault> {
    let sql = format!("DECLARE part NO SCROLL CURSOR FOR {}", part.statement);
    db.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, [person.0.into()])).await?;
    Ok(())
}

struct PartWriter<'a> {
    db: &'a DatabaseTransaction,
    part: &'a Part,
    person: UserId,
    key: &'a KeyState,
}

impl PartWriter<'_> {
    async fn write(&self, pieces: &Outlet<'_>) -> Result<(), Stopped> {
        let (open, close) = if self.part.is_one { ("", "") } else { ("[", "]") };
        let (mut text, mut before_row) = (format!(",\n\"{}\":{open}", self.part.name), "");
        loop {
            let rows = self.fetch().await?;
            for row in &rows {
                text.push_str(before_row);
                text.push_str(&self.json(row)?);
                before_row = ",\n";
            }
            if rows.len() < ROWS_AT_ONCE {
                break;
            }
            pieces.send(take(&mut text)).await?;
        }
        if self.part.is_one && before_row.is_empty() {
            return Err(Fault::Missing("the one row of an export's part").into());
        }
        text.push_str(close);
        pieces.send(text).await
    }

    async fn fetch(&self) -> Result<Vec<QueryResult>, Fault> {
        let sql = format!("FETCH {ROWS_AT_ONCE} FROM part");
        Ok(self.db.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await?)
    }

    fn json(&self, row: &QueryResult) -> Result<String, Fault> {
        let json: String = row.try_get("", "json")?;
        if self.part.is_sealed { words::open(&json, self.person, self.key) } else { Ok(json) }
    }
}
