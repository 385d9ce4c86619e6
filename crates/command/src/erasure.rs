//! Receipts of erasures, for whoever checks them afterwards.

use crate::fault::Fault;
use crate::rows::erasure;
use millrace_events::{CommandId, ErasureId, Timestamp, UserId};
use millrace_log::Log;
use uuid::Uuid;

/// What an erasure removed from the tables, and what is left there now. It names nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Which receipt.
    pub id: ErasureId,
    /// Whose: an id that leads to nobody any more.
    pub user_id: UserId,
    /// The command that did it.
    pub command_id: CommandId,
    /// When.
    pub erased_at: Timestamp,
    /// Table by table.
    pub tables: Vec<ErasedTable>,
}

/// What became of the person's rows in one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasedTable {
    /// Which table.
    pub name: String,
    /// Whether rows were deleted, or cleared of everything personal.
    pub action: String,
    /// How many rows; none of a table that is younger than the receipt.
    pub rows: Option<u64>,
    /// How many rows there are now that should not be.
    pub left: u64,
}

impl Receipt {
    /// The receipt with this id, or of the person with this id.
    pub async fn find(log: &Log, id: Uuid) -> Result<Option<Self>, Fault> {
        let Some(found) = erasure::find(log.database(), id).await? else { return Ok(None) };
        let tables = erasure::tables(log.database(), &found).await?;
        Ok(Some(Self {
            id: ErasureId(found.id),
            user_id: UserId(found.user_id),
            command_id: CommandId(found.command_id),
            erased_at: Timestamp::new(found.erased_at),
            tables: tables.into_iter().map(ErasedTable::from).collect(),
        }))
    }
}

impl From<erasure::Table> for ErasedTable {
    fn from(table: erasure::Table) -> Self {
        let rows = table.rows.map(i64::unsigned_abs);
        Self { name: table.name, action: table.action, rows, left: table.rows_left.unsigned_abs() }
    }
}
