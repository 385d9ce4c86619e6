//! Live orders: each change is told once, in order, and as what it was, however far the order has gone on since.

use super::live::{ADA, BEN, event};
use super::stage::{Stage, person, viewer};
use crate::models::tests::{Log, eur, id};
use futures_util::stream::BoxStream;
use millrace_events::order::{CancelledBy, OrderCancelled, OrderPaid, OrderSent};
use millrace_events::{Date, Event, OrderId, Role, TransactionId, UserId, Viewer};
use serde_json::{Value, json};
use time::macros::date;

const FIRST: OrderId = OrderId(id(50));
const SECOND: OrderId = OrderId(id(51));
/// Orders that come after all else, so that whatever is told too much before them shows.
const LAST: [OrderId; 2] = [OrderId(id(52)), OrderId(id(53))];

/// The subscription whose field this is.
fn watching(field: &str) -> String {
    format!(
        "subscription {{ {field} {{ __typename ... on LiveEvent {{ cursor }} ... on OrdersSnapshot {{ orders {{ status }} }}
            ... on OrderChanged {{ orderId event from to order {{ status }} }} }} }}"
    )
}

fn staff() -> Viewer {
    Viewer::Person(person(BEN, &[Role::Staff]))
}

fn pay(log: &mut Log, order_id: OrderId, customer_id: UserId) {
    log.record(Event::OrderPaid(OrderPaid {
        order_id,
        customer_id,
        transaction_id: TransactionId(id(60)),
        amount: eur(600),
        estimated_delivery: Date(date!(2026 - 12 - 01)),
    }));
}

/// One order goes its whole way, another is paid and cancelled.
fn go(log: &mut Log) {
    go_as(log, [FIRST, SECOND], ADA);
}

fn go_as(log: &mut Log, [whole, cancelled]: [OrderId; 2], customer_id: UserId) {
    log.place_order(whole, customer_id, 1);
    pay(log, whole, customer_id);
    let sent = OrderSent { order_id: whole, customer_id };
    log.record(Event::OrderShipped(sent.clone())).record(Event::OrderDelivered(sent));
    log.place_order(cancelled, customer_id, 1);
    pay(log, cancelled, customer_id);
    let by = CancelledBy::Customer;
    let cancelled = OrderCancelled { order_id: cancelled, customer_id, by, reason: None, refund: None };
    log.record(Event::OrderCancelled(cancelled));
}

/// What [`go`] is told as, and then that the customer is erased: of which order, what, where it led from and to, and where it stands now.
fn all() -> [Value; 9] {
    let (first, second) = (FIRST.to_global(), SECOND.to_global());
    [
        json!([first, "order.placed", null, "PENDING", "DELIVERED"]),
        json!([first, "order.paid", "PENDING", "CONFIRMED", "DELIVERED"]),
        json!([first, "order.shipped", "CONFIRMED", "SHIPPED", "DELIVERED"]),
        json!([first, "order.delivered", "SHIPPED", "DELIVERED", "DELIVERED"]),
        json!([second, "order.placed", null, "PENDING", "CANCELLED"]),
        json!([second, "order.paid", "PENDING", "CONFIRMED", "CANCELLED"]),
        json!([second, "order.cancelled", "CONFIRMED", "CANCELLED", "CANCELLED"]),
        json!([first, "erasure", null, null, "DELIVERED"]),
        json!([second, "erasure", null, null, "CANCELLED"]),
    ]
}

/// Somebody has signed up, so that the log has begun.
async fn begin() -> Stage {
    let stage = Stage::new().await;
    let sign_up = |log: &mut Log| {
        log.sign_up(ADA, "Ada").sign_up(BEN, "Ben");
    };
    stage.fold(sign_up).await;
    stage
}

/// Takes the next events, which must be these; answers the last one's cursor.
async fn tells(events: &mut BoxStream<'static, Value>, due: &[usize]) -> Value {
    let (all, mut cursor) = (all(), Value::Null);
    for index in due {
        let told = event(events).await;
        let change = json!([told["orderId"], told["event"], told["from"], told["to"], told["order"]["status"]]);
        assert_eq!(change, all[*index], "{told:#}");
        cursor = told["cursor"].clone();
    }
    cursor
}

#[tokio::test]
async fn who_watches_a_status_is_told_who_comes_who_leaves_and_who_changes_there() {
    let stage = begin().await;
    let watched: [(&str, &[usize], &[usize]); 6] = [
        ("orders(status: PENDING)", &[0, 1, 4, 5], &[]),
        ("orders(status: CONFIRMED)", &[1, 2, 5, 6], &[]),
        ("orders(status: SHIPPED)", &[2, 3], &[]),
        ("orders(status: DELIVERED)", &[3], &[7]),
        ("orders(status: CANCELLED)", &[6], &[8]),
        ("orders", &[0, 1, 2, 3, 4, 5, 6], &[7, 8]),
    ];
    let mut all = watched.map(|(field, ..)| stage.subscribe(&staff(), &watching(field)));
    for events in &mut all {
        assert_eq!(event(events).await["orders"], json!([]));
    }
    stage.fold(go).await;
    for (events, (_, due, _)) in all.iter_mut().zip(watched) {
        tells(events, due).await;
    }
    let erase = |log: &mut Log| {
        log.erase(ADA);
    };
    stage.fold(erase).await;
    for (events, (.., due)) in all.iter_mut().zip(watched) {
        tells(events, due).await;
    }
    stage.fold(|log| go_as(log, LAST, BEN)).await;
    for (events, (field, ..)) in all.iter_mut().zip(watched) {
        let due = LAST[usize::from(field.contains("CANCELLED"))];
        let told = event(events).await;
        assert_eq!(told["orderId"], json!(due.to_global()), "{field} tells too much: {told:#}");
    }
}

#[tokio::test]
async fn who_comes_back_is_told_the_rest_of_what_happened_to_a_status() {
    let stage = begin().await;
    let mut events = stage.subscribe(&staff(), &watching("orders(status: CONFIRMED)"));
    event(&mut events).await;
    stage.fold(go).await;
    let cursor = tells(&mut events, &[1]).await;
    let resumed = format!("orders(status: CONFIRMED, after: {cursor})");
    tells(&mut stage.subscribe(&staff(), &watching(&resumed)), &[2, 5, 6]).await;
}

#[tokio::test]
async fn a_customer_is_told_each_step_although_all_are_taken() {
    let one = format!("orderChanged(id: \"{}\")", FIRST.to_global());
    let watched: [(&str, &[usize]); 2] = [("viewerOrders", &[0, 1, 2, 3, 4, 5, 6]), (&one, &[0, 1, 2, 3])];
    for (field, due) in watched {
        let stage = begin().await;
        let mut events = stage.subscribe(&viewer(ADA), &watching(field));
        event(&mut events).await;
        stage.fold(go).await;
        tells(&mut events, due).await;
    }
}
