//! The ledger: transactions of entries that sum to zero. Inserting entries moves the balances of wallets, inside PostgreSQL.

use crate::fault::Fault;
use crate::rows::exactly;
use millrace_events::{CommandId, Money, OrderId, TopUpId, TransactionId, WalletId};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use time::OffsetDateTime;
use uuid::Uuid;

/// Why money moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// From the payment provider.
    TopUp(TopUpId),
    /// An order is paid.
    Payment(OrderId),
    /// A paid order is cancelled.
    Refund(OrderId),
    /// From one wallet to another.
    Transfer,
}

impl Cause {
    /// Its name in the ledger.
    pub fn name(self) -> &'static str {
        match self {
            Self::TopUp(_) => "top_up",
            Self::Payment(_) => "payment",
            Self::Refund(_) => "refund",
            Self::Transfer => "transfer",
        }
    }
}

/// Where money comes from or goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Account {
    /// A wallet, whose row is locked.
    Wallet(WalletId),
    /// What payment providers owe us.
    Provider,
    /// What was sold.
    Sales,
}

/// A transaction of two entries: what goes out of one account comes into the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Movement {
    pub id: TransactionId,
    pub cause: Cause,
    pub from: Account,
    pub to: Account,
    /// Above zero.
    pub amount: Money,
}

/// Writes a transaction with both its entries. Answers its moment: by PostgreSQL's clock while the wallets are locked, but no earlier than
/// their own times allow.
pub(crate) async fn record(
    db: &impl ConnectionTrait,
    movement: &Movement,
    not_before: Option<OffsetDateTime>,
    command_id: CommandId,
) -> Result<OffsetDateTime, Fault> {
    let from = account_id(db, movement.from, movement.amount).await?;
    let to = account_id(db, movement.to, movement.amount).await?;
    let at = insert_transaction(db, movement, not_before, command_id).await?;
    insert_entries(db, movement, from, to).await?;
    Ok(at)
}

/// Opens a new wallet's account.
pub(crate) async fn open_account(db: &impl ConnectionTrait, wallet_id: WalletId, currency: &str) -> Result<(), Fault> {
    const OPEN: &str = "INSERT INTO ledger_accounts (id, kind, currency) VALUES ($1, 'wallet', $2)";
    let values = [wallet_id.0.into(), currency.into()];
    let opened = db.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, OPEN, values)).await?;
    exactly("opening an account", opened.rows_affected(), 1)
}

async fn insert_transaction(
    db: &impl ConnectionTrait,
    movement: &Movement,
    not_before: Option<OffsetDateTime>,
    command_id: CommandId,
) -> Result<OffsetDateTime, Fault> {
    const INSERT: &str = "
        INSERT INTO ledger_transactions (id, cause, order_id, top_up_id, command_id, at)
        VALUES ($1, $2, $3, $4, $5, greatest(clock_timestamp(), $6)) RETURNING at";
    let (order_id, top_up_id): (Option<Uuid>, Option<Uuid>) = match movement.cause {
        Cause::TopUp(id) => (None, Some(id.0)),
        Cause::Payment(id) | Cause::Refund(id) => (Some(id.0), None),
        Cause::Transfer => (None, None),
    };
    let values = [
        movement.id.0.into(),
        movement.cause.name().into(),
        order_id.into(),
        top_up_id.into(),
        command_id.0.into(),
        not_before.into(),
    ];
    let inserted = db.query_one_raw(Statement::from_sql_and_values(DbBackend::Postgres, INSERT, values)).await?;
    let inserted = inserted.ok_or(Fault::Missing("a transaction that was just written"))?;
    Ok(inserted.try_get("", "at")?)
}

async fn insert_entries(db: &impl ConnectionTrait, movement: &Movement, from: Uuid, to: Uuid) -> Result<(), Fault> {
    const INSERT: &str = "
        INSERT INTO ledger_entries (transaction_id, account_id, currency, amount_minor)
        VALUES ($1, $2, $4, -$5::bigint), ($1, $3, $4, $5::bigint)";
    let (currency, amount) = (movement.amount.currency.as_str(), movement.amount.minor());
    let values = [movement.id.0.into(), from.into(), to.into(), currency.into(), amount.into()];
    let inserted = db.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, INSERT, values)).await?;
    exactly("entries of a transaction", inserted.rows_affected(), 2)
}

/// The id of an account; an account of the house is opened when it is first needed.
async fn account_id(db: &impl ConnectionTrait, account: Account, amount: Money) -> Result<Uuid, Fault> {
    let kind = match account {
        Account::Wallet(id) => return Ok(id.0),
        Account::Provider => "provider",
        Account::Sales => "sales",
    };
    match house_account(db, kind, amount).await? {
        Some(id) => Ok(id),
        None => open_house_account(db, kind, amount).await,
    }
}

async fn house_account(db: &impl ConnectionTrait, kind: &str, amount: Money) -> Result<Option<Uuid>, Fault> {
    const FIND: &str = "SELECT id FROM ledger_accounts WHERE kind = $1 AND currency = $2";
    let values = [kind.into(), amount.currency.as_str().into()];
    let found = db.query_one_raw(Statement::from_sql_and_values(DbBackend::Postgres, FIND, values)).await?;
    Ok(found.map(|row| row.try_get("", "id")).transpose()?)
}

/// Somebody else may open it at the same moment: then theirs is found once they have committed.
async fn open_house_account(db: &impl ConnectionTrait, kind: &str, amount: Money) -> Result<Uuid, Fault> {
    const OPEN: &str = "INSERT INTO ledger_accounts (id, kind, currency) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    let values = [Uuid::now_v7().into(), kind.into(), amount.currency.as_str().into()];
    db.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, OPEN, values)).await?;
    house_account(db, kind, amount).await?.ok_or(Fault::Missing("an account of the house"))
}
