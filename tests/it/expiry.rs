//! Lateness of the process manager that cancels unpaid orders, as operators see it.

use crate::checker::books;
use crate::harness::eventually;
use crate::harness::stage::Stage;
use crate::metrics::{Metrics, shows};
use crate::shop::Shop;
use sea_orm::ConnectionTrait;
use serde_json::json;
use std::cell::Cell;

const LATE: &str = "millrace_orders_expiry_late_seconds";
const EXPIRED: &str = "millrace_orders_expired_total";
/// Orders may be paid for 15 minutes: an hour after that they were to be cancelled long ago.
const LONG_AGO: &str = "UPDATE orders SET pay_until = now() - interval '1 hour' WHERE status = 'pending'";
const LATE_S_MIN: f64 = 3_600.0;

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
