//! Lateness of the process manager that cancels unpaid orders, as operators see it.

use crate::checker::books;
use crate::harness::eventually;
use crate::harness::stage::Stage;
use crate::metrics::{Metrics, shows};
use crate::shop::Shop;
use sea_orm::{ConnectionTrait, TransactionTrait};
use serde_json::json;
use std::cell::Cell;

const LATE: &str = "millrace_orders_expiry_late_seconds";
const EXPIRED: &str = "millrace_orders_expired_total";
/// Orders may be paid for 15 minutes: an hour after that they were to be cancelled long ago.
const LONG_AGO: &str = "UPDATE orders SET pay_until = now() - interval '1 hour' WHERE status = 'pending'";
const LATE_S_MIN: f64 = 3_600.0;
const ORDERS: i64 = 20;

/// The due times lie in PostgreSQL: an order whose time was over while no process looked is found late, and the metric says by how much.
#[tokio::test]
async fn how_late_an_unpaid_order_is_cancelled_is_a_metric() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let shop = Shop::begin(&stage, &client).await;
    let (product, database) = (shop.product(1_000).await, books::connect(&stage).await);
    shows(&process, "nothing is late", |metrics| metrics.sample(LATE) == Some(0.0)).await;

    let placed = Cell::new(0);
    // One look shows it until the next, which is a second: the test may be slower, and then places another.
    eventually("the manager is late by an hour", || async {
        shop.order(&product).await;
        placed.set(placed.get() + 1);
        database.execute_unprepared(LONG_AGO).await.expect("an order of long ago");
        Metrics::of(&process).await.sample(LATE).filter(|late| *late >= LATE_S_MIN)
    })
    .await;
    let all = Some(f64::from(placed.get()));
    shows(&process, "all are cancelled once", |metrics| metrics.sample(EXPIRED) == all).await;
    shows(&process, "nothing is late any more", |metrics| metrics.sample(LATE) == Some(0.0)).await;
    let newest = "{ viewer { orders(first: 1) { nodes { status cancelledBy } } } }";
    let expired = json!([{ "status": "CANCELLED", "cancelledBy": "EXPIRY" }]);
    eventually("the customer sees it", || async {
        let data = shop.buyer.client.ask(newest, json!({})).await;
        (data["viewer"]["orders"]["nodes"] == expired).then_some(())
    })
    .await;
    process.stop().await;
}

/// Nobody can look while PostgreSQL is away: that must not read as if nothing were late.
#[tokio::test]
async fn lateness_grows_while_nobody_can_look() {
    let stage = Stage::with_own_servers().await;
    let (process, _client) = stage.all().await;
    let postgresql = stage.servers.as_ref().expect("servers of its own").postgresql();
    shows(&process, "nothing is late", |metrics| metrics.sample(LATE) == Some(0.0)).await;
    postgresql.stop().await.expect("PostgreSQL stops");
    shows(&process, "nobody knows", |metrics| metrics.sample(LATE).is_some_and(|late| late > 1.0)).await;
    postgresql.start().await.expect("PostgreSQL starts");
    shows(&process, "nothing is late again", |metrics| metrics.sample(LATE) == Some(0.0)).await;
    process.stop().await;
}

/// A look at orders that cannot be cancelled takes long: lateness shows meanwhile, and whoever ends the process does not wait for the
/// rest of them.
#[tokio::test]
async fn a_stuck_look_shows_how_late_it_is_and_ends_with_the_process() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let shop = Shop::begin(&stage, &client).await;
    let (product, database) = (shop.product(1_000).await, books::connect(&stage).await);
    for _ in 0..ORDERS {
        shop.order(&product).await;
    }
    let held = database.begin().await.expect("a transaction");
    held.execute_unprepared("SELECT 1 FROM products FOR UPDATE").await.expect("products that are locked");
    database.execute_unprepared(LONG_AGO).await.expect("orders of long ago");
    shows(&process, "it is late by an hour", |metrics| metrics.sample(LATE).is_some_and(|late| late >= LATE_S_MIN))
        .await;
    let (operations, stopping) = (process.operations().to_owned(), tokio::spawn(process.stop()));
    eventually("it drains", || async {
        let answer = reqwest::get(format!("{operations}/readyz")).await.ok()?;
        (answer.status() == reqwest::StatusCode::SERVICE_UNAVAILABLE).then_some(())
    })
    .await;
    held.rollback().await.expect("products that are free");
    stopping.await.expect("its end");
    let left = books::number(&database, "SELECT count(*) AS n FROM orders WHERE status = 'pending'").await;
    assert!(left >= ORDERS - 1, "{left} of {ORDERS} are left: only what had begun ends");
    books::add_up(&database).await;
}

/// Whoever pays too late is told so, until the manager has come by; then it is cancelled.
#[tokio::test]
async fn an_order_whose_time_is_over_is_not_paid_but_cancelled() {
    let stage = Stage::new().await.with("MILLRACE_SHOP__PAY_WITHIN_S", "0");
    let (process, client) = stage.all().await;
    let shop = Shop::begin(&stage, &client).await;
    let product = shop.product(1_000).await;
    shop.top_up(100_000).await;
    let shown = "order { payUntil } errors { ... on PaymentOverdue { payUntil } ... on InvalidTransition { from } }";
    // The manager may be as fast.
    let refused = eventually("it is refused before it is cancelled", || async {
        let order = json!({ "orderId": shop.order(&product).await });
        let payload = shop.buyer.client.try_command("payOrder", order, shown).await;
        let error = payload["errors"][0].clone();
        let is_cancelled = (&error["__typename"], &error["from"]) == (&json!("InvalidTransition"), &json!("CANCELLED"));
        assert!(is_cancelled || error["__typename"] == "PaymentOverdue", "{payload:#}");
        (!is_cancelled).then_some(error)
    })
    .await;
    assert_eq!((&refused["code"], &refused["path"]), (&json!("PAYMENT_OVERDUE"), &json!(["orderId"])));
    assert!(refused["payUntil"].is_string(), "{refused:#}");
    let database = books::connect(&stage).await;
    let pending = "SELECT count(*) AS n FROM orders WHERE status <> 'cancelled'";
    eventually("all are cancelled", || async { (books::number(&database, pending).await == 0).then_some(()) }).await;
    assert_eq!(shop.balance(&shop.buyer.client).await, "100000");
    process.stop().await;
}
