//! The shop's rows in the copy for `pgbench`, written at once: products in store, and a full wallet for everybody.

use super::shop::{CURRENCY, PRICE_MINOR, PURSE_MINOR, STOCK};
use crate::error::BenchError;
use crate::plan::PRODUCTS;
use crate::stage::Stage;
use crate::world::ids;
use sea_orm::{ConnectionTrait, DbBackend, Statement, TransactionTrait};
use uuid::Uuid;

const ROWS: [&str; 7] = [
    "INSERT INTO products (id, version, name, description, price_minor, currency, created_at, updated_at)
        SELECT id, 1, 'Product', 'Of oak, as all of them are here.', $2, $3, now(), now() FROM unnest($1::uuid[]) AS t(id)",
    "INSERT INTO stock_movements (product_id, product_version, kind, quantity, at)
        SELECT id, 1, 'received', $2::integer, now() FROM unnest($1::uuid[]) AS t(id)",
    "INSERT INTO wallets (id, version, user_id, currency, created_at, updated_at)
        SELECT gen_random_uuid(), 1, id, $1, now(), now() FROM users",
    "INSERT INTO ledger_accounts (id, kind, currency)
        SELECT id, 'wallet', currency FROM wallets WHERE currency = $1
        UNION ALL SELECT gen_random_uuid(), kind, $1 FROM unnest(ARRAY['provider', 'sales']) AS t(kind)",
    "INSERT INTO top_ups (id, wallet_id, amount_minor, state, provider_event_id, requested_at, ended_at)
        SELECT gen_random_uuid(), id, $2, 'succeeded', id::text, now(), now() FROM wallets WHERE currency = $1",
    "INSERT INTO ledger_transactions (id, cause, top_up_id, command_id, at)
        SELECT wallet_id, 'top_up', id, id, now() FROM top_ups",
    "INSERT INTO ledger_entries (transaction_id, account_id, currency, amount_minor)
        SELECT w.id, w.id, $1, $2::bigint FROM wallets w WHERE w.currency = $1
        UNION ALL SELECT w.id, a.id, $1, -$2::bigint FROM wallets w, ledger_accounts a
        WHERE w.currency = $1 AND a.kind = 'provider' AND a.currency = $1",
];

/// Writes them.
pub async fn fill(stage: &Stage, database: &str) -> Result<(), BenchError> {
    let log = stage.log(database).await?;
    let products: Vec<Uuid> = (0..PRODUCTS).map(|number| ids::product(number).0).collect();
    let values: [Vec<sea_orm::Value>; 7] = [
        vec![products.clone().into(), PRICE_MINOR.into(), CURRENCY.into()],
        vec![products.into(), STOCK.into()],
        vec![CURRENCY.into()],
        vec![CURRENCY.into()],
        vec![CURRENCY.into(), PURSE_MINOR.into()],
        vec![],
        vec![CURRENCY.into(), PURSE_MINOR.into()],
    ];
    let tx = log.database().begin().await?;
    for (sql, values) in ROWS.iter().zip(values) {
        tx.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, *sql, values)).await?;
    }
    tx.commit().await?;
    log.database().execute_unprepared("VACUUM (ANALYZE)").await?;
    Ok(log.close().await?)
}
