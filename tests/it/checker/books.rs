//! The shop's books in PostgreSQL: they add up, and say what the log says.

use super::documents::compare;
use super::life::Documents;
use super::log::Log;
use super::prices;
use super::shop;
use crate::harness::eventually;
use crate::harness::stage::Stage;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, QueryResult, Statement};
use serde_json::{Value, json};

/// In one snapshot: entries sum to zero, balances and stock are their sums, nothing is below zero, all money that came in is there.
const AUDIT: &str = include_str!("../../../crates/command/tests/it/audit.sql");
/// What rows and documents both have, each as `key`, `version` and `state`.
const ROWS: &str = "
    SELECT 'wallet:' || id AS key, version, balance_minor::text AS state FROM wallets
    UNION ALL SELECT 'product:' || id, version, stock::text FROM products
    UNION ALL SELECT 'order:' || id, version, upper(status) FROM orders";

/// A connection of one's own to the stage's PostgreSQL.
pub async fn connect(stage: &Stage) -> DatabaseConnection {
    Database::connect(stage.variable("MILLRACE_POSTGRES__URL")).await.expect("PostgreSQL")
}

/// The books add up at this very moment, whatever happens.
pub async fn add_up(database: &DatabaseConnection) {
    assert_eq!(number(database, AUDIT).await, 0, "rows that do not add up");
}

/// The one number that a query answers as `n`.
pub async fn number(database: &DatabaseConnection, sql: &str) -> i64 {
    let row = database.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.expect("an answer");
    row.expect("a row").try_get("", "n").expect("a number")
}

/// Waits until everything that is committed is in the log: whoever committed it may have died before.
pub async fn are_sequenced(stage: &Stage) {
    let database = connect(stage).await;
    let is_empty = || async { (number(&database, "SELECT count(*) AS n FROM outbox").await == 0).then_some(()) };
    eventually("the outbox is empty", is_empty).await;
}

/// Now that all is quiet, they also say what the log says.
pub async fn are_right(stage: &Stage) {
    let database = connect(stage).await;
    add_up(&database).await;
    let rows = database.query_all_raw(Statement::from_string(DbBackend::Postgres, ROWS)).await.expect("rows");
    let rows: Documents = rows.iter().map(row).collect();
    let log = Log::of(stage).await.recorded().await;
    prices::held_when_ordered(&log);
    let documents = shop::documents(&log);
    compare("rows of the shop", documents.into_iter().filter_map(state).collect(), rows);
}

fn row(row: &QueryResult) -> (String, Value) {
    let text = |column| row.try_get::<String>("", column).expect("a text");
    (text("key"), json!({ "version": row.try_get::<i32>("", "version").expect("a version"), "state": text("state") }))
}

/// What a document says of the same.
fn state((key, document): (String, Value)) -> Option<(String, Value)> {
    let state = match key.split_once(':')?.0 {
        "wallet" => document["balance"]["amountMinor"].clone(),
        "product" => json!(document["stock"].to_string()),
        "order" => document["status"].clone(),
        _ => return None,
    };
    Some((key, json!({ "version": document["version"], "state": state })))
}
