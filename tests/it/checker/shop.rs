//! What the shop's documents must be, made apart from the projection's fold: the events of each thing are gathered, and every field is
//! looked up or summed anew. What an event says of a sum (stock, balance) is only compared with it.

use super::life::{Documents, Life, first, kind, last, lives, micros, text, with};
use millrace_events::order::{OrderCancelled, OrderPaid, OrderPlaced};
use millrace_events::wallet::{OPEN_TOP_UPS_MAX, WalletMoved};
use millrace_events::{AggregateKind, Event, Money, Recorded, Timestamp};
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// How many of a person's newest orders one document keeps. With all of them it has fewer lines than it may have.
const ORDERS_KEPT: usize = 20;
/// The ways that an order can go.
const LIVES: [&[&str]; 6] = [
    &["PENDING"],
    &["PENDING", "CONFIRMED"],
    &["PENDING", "CONFIRMED", "SHIPPED"],
    &["PENDING", "CONFIRMED", "SHIPPED", "DELIVERED"],
    &["PENDING", "CANCELLED"],
    &["PENDING", "CONFIRMED", "CANCELLED"],
];

/// All documents of the shop.
pub fn documents(log: &[Recorded]) -> Documents {
    let of = |kind| lives(log, kind);
    let mut all = Documents::new();
    all.extend(of(AggregateKind::Product).iter().map(|(id, life)| (format!("product:{id}"), product(life))));
    all.extend(of(AggregateKind::Order).iter().map(|(id, life)| (format!("order:{id}"), kind("order", order(life)))));
    all.extend(customers(of(AggregateKind::Order).values()));
    for (id, life) in of(AggregateKind::Wallet) {
        all.insert(format!("wallet:{id}"), wallet(&life));
        all.extend(movements(&life));
    }
    all
}

fn product(life: &Life) -> Value {
    let (mut stock, mut description, mut retired) = (0_i64, None, false);
    for recorded in life {
        let (moved, said) = match &recorded.event {
            Event::ProductCreated(e) => (i64::from(e.stock), Some(e.stock)),
            Event::ProductRestocked(e) => (i64::from(e.quantity), Some(e.stock)),
            Event::StockReserved(e) => (-i64::from(e.quantity), Some(e.stock)),
            Event::StockReleased(e) => (i64::from(e.quantity), Some(e.stock)),
            _ => (0, None),
        };
        match &recorded.event {
            Event::ProductCreated(e) => description = Some(&e.description),
            Event::ProductUpdated(e) => description = Some(&e.description),
            Event::ProductRetired(_) => retired = true,
            _ => {}
        }
        stock += moved;
        assert!(said.is_none_or(|said| i64::from(said) == stock), "{stock} in store, {recorded:?}");
    }
    let description = description.expect("a description");
    let offered = if retired { "retired" } else { ["soldOut", "inStock"][usize::from(stock > 0)] };
    json!({
        "kind": "product",
        "id": millrace_events::ProductId(first(life).aggregate.id).to_global(),
        "version": life.len(),
        "createdAt": first(life).at,
        "createdMicros": micros(first(life).at),
        "updatedAt": last(life).at,
        "name": description.name,
        "description": description.text,
        "imageUrl": description.image_url,
        "price": description.price,
        "priceMinor": description.price.minor(),
        "stock": stock,
        "offered": offered,
    })
}

fn placed<'a>(life: &Life<'a>) -> &'a OrderPlaced {
    match &first(life).event {
        Event::OrderPlaced(placed) => placed,
        other => panic!("an order begins with {other:?}"),
    }
}

fn status(recorded: &Recorded) -> &'static str {
    match &recorded.event {
        Event::OrderPlaced(_) => "PENDING",
        Event::OrderPaid(_) => "CONFIRMED",
        Event::OrderShipped(_) => "SHIPPED",
        Event::OrderDelivered(_) => "DELIVERED",
        Event::OrderCancelled(_) => "CANCELLED",
        other => panic!("this happens to no order: {other:?}"),
    }
}

fn order(life: &Life) -> Value {
    let placed = placed(life);
    let statuses: Vec<&str> = life.iter().map(|recorded| status(recorded)).collect();
    assert!(LIVES.contains(&&statuses[..]), "an order went {statuses:?}");
    let paid = life.iter().find_map(|recorded| match &recorded.event {
        Event::OrderPaid(paid) => Some((paid, recorded.at)),
        _ => None,
    });
    let cancelled = life.iter().find_map(|recorded| match &recorded.event {
        Event::OrderCancelled(cancelled) => Some((cancelled, recorded.at)),
        _ => None,
    });
    let reason =
        cancelled.and_then(|(cancelled, _)| cancelled.reason.as_ref()).filter(|reason| reason.value().is_some());
    let document = json!({
        "id": placed.order_id.to_global(),
        "version": life.len(),
        "createdAt": first(life).at,
        "createdMicros": micros(first(life).at),
        "updatedAt": last(life).at,
        "status": statuses.last(),
        "customerId": placed.customer_id.0,
        "customerName": text(&placed.customer_name),
        "customerEmail": text(&placed.customer_email),
        "deliveryAddress": text(&placed.delivery_address),
        "lines": lines(placed),
        "totalPrice": placed.total,
        "estimatedDelivery": paid.map_or(placed.estimated_delivery, |(paid, _)| paid.estimated_delivery),
        "payUntil": placed.pay_until,
        "timeline": life.iter().map(|recorded| json!({ "status": status(recorded), "at": recorded.at })).collect::<Vec<_>>(),
        "payments": payments(placed, paid, cancelled),
        "cancelledBy": cancelled.map(|(cancelled, _)| cancelled.by),
        "cancelReason": reason.and_then(|reason| reason.value().cloned()),
    });
    with(document, "reasonOf", reason.map(|reason| json!(reason.of().0)))
}

fn lines(placed: &OrderPlaced) -> Vec<Value> {
    let mut total = 0;
    let mut lines = Vec::new();
    for line in &placed.lines {
        let minor = line.price.minor() * i64::from(line.quantity);
        total += minor;
        lines.push(json!({
            "productId": line.product_id.to_global(),
            "productName": line.product_name,
            "productImage": line.product_image,
            "quantity": line.quantity,
            "price": line.price,
            "totalPrice": Money::new(minor, line.price.currency),
        }));
    }
    assert_eq!(placed.total.minor(), total, "what an order costs");
    lines
}

/// What is paid is what it costs, and what comes back is what was paid.
fn payments(
    placed: &OrderPlaced,
    paid: Option<(&OrderPaid, Timestamp)>,
    cancelled: Option<(&OrderCancelled, Timestamp)>,
) -> Vec<Value> {
    let payment = paid.map(|(paid, at)| ("PAYMENT", paid.transaction_id, paid.amount, at));
    let refund = cancelled.and_then(|(cancelled, at)| cancelled.refund.as_ref().map(|refund| (refund, at)));
    let refund = refund.map(|(refund, at)| ("REFUND", refund.transaction_id, refund.amount, at));
    assert_eq!(refund.is_some(), payment.is_some() && cancelled.is_some(), "who has paid gets it back");
    let both = payment.into_iter().chain(refund).map(|(kind, transaction_id, amount, at)| {
        assert_eq!(amount, placed.total);
        json!({ "transactionId": transaction_id.to_global(), "kind": kind, "amount": amount, "at": at })
    });
    both.collect()
}

fn customers<'a>(orders: impl Iterator<Item = &'a Life<'a>>) -> Documents {
    let mut of_customer = BTreeMap::<Uuid, Vec<(Timestamp, Uuid, Value)>>::new();
    for life in orders {
        let place = (first(life).at, placed(life).order_id.0, order(life));
        of_customer.entry(placed(life).customer_id.0).or_default().push(place);
    }
    let customer = |(id, mut orders): (Uuid, Vec<(Timestamp, Uuid, Value)>)| {
        orders.sort_by_key(|(at, id, _)| Reverse((*at, *id)));
        let count = orders.len();
        let newest: Vec<Value> = orders.into_iter().map(|(_, _, order)| order).take(ORDERS_KEPT).collect();
        let reasons: BTreeSet<Uuid> =
            newest.iter().filter_map(|order| order["reasonOf"].as_str()?.parse().ok()).collect();
        let document = json!({ "kind": "customer", "userId": id, "orderCount": count, "orders": newest });
        let reasons = (!reasons.is_empty()).then(|| json!(reasons));
        (format!("customer:{id}"), with(document, "reasonIds", reasons))
    };
    of_customer.into_iter().map(customer).collect()
}

fn wallet(life: &Life) -> Value {
    let Event::WalletOpened(opened) = &first(life).event else { panic!("a wallet begins with {:?}", life[0]) };
    let balance: i64 = moved(life).iter().map(|(_, e)| e.amount.minor()).sum();
    json!({
        "kind": "wallet",
        "id": opened.wallet_id.to_global(),
        "version": life.len(),
        "createdAt": first(life).at,
        "createdMicros": micros(first(life).at),
        "updatedAt": last(life).at,
        "userId": opened.user_id.0,
        "balance": Money::new(balance, opened.currency),
        "pendingTopUps": pending_top_ups(life),
    })
}

/// What waits for the payment provider: the last that were asked for, of which so many are kept.
fn pending_top_ups(life: &Life) -> Vec<Value> {
    let mut pending = Vec::new();
    for recorded in life {
        match &recorded.event {
            Event::TopUpRequested(e) => {
                let shown = json!({ "id": e.top_up_id.to_global(), "amount": e.amount, "requestedAt": recorded.at });
                pending.push((e.top_up_id, shown));
                pending = pending.split_off(pending.len().saturating_sub(OPEN_TOP_UPS_MAX as usize));
            }
            Event::WalletMoved(e) => pending.retain(|(id, _)| Some(*id) != e.top_up_id),
            Event::TopUpDeclined(e) => pending.retain(|(id, _)| *id != e.top_up_id),
            _ => {}
        }
    }
    pending.into_iter().map(|(_, shown)| shown).collect()
}

fn moved<'a>(life: &Life<'a>) -> Vec<(&'a Recorded, &'a WalletMoved)> {
    let moved = life.iter().filter_map(|recorded| match &recorded.event {
        Event::WalletMoved(moved) => Some((*recorded, moved)),
        _ => None,
    });
    moved.collect()
}

fn movements(life: &Life) -> Documents {
    let mut balance = 0;
    let mut movements = Documents::new();
    for (recorded, e) in moved(life) {
        balance += e.amount.minor();
        assert!(balance >= 0, "below zero by {recorded:?}");
        let note = e.note.as_ref().filter(|note| note.value().is_some());
        let document = json!({
            "kind": "movement",
            "transactionId": e.transaction_id.to_global(),
            "walletId": e.wallet_id.0,
            "userId": e.user_id.0,
            "at": e.moved_at,
            "createdMicros": micros(e.moved_at),
            "cause": e.cause,
            "amount": e.amount,
            "balance": Money::new(balance, e.amount.currency),
            "orderId": e.order_id.map(|id| id.0),
            "otherUserId": e.other_user_id.map(|id| id.0),
            "note": note.and_then(|note| note.value().cloned()),
        });
        let document = with(document, "noteOf", note.map(|note| json!(note.of().0)));
        assert!(
            movements.insert(format!("movement:{}-{}", e.transaction_id, e.wallet_id), document).is_none(),
            "twice"
        );
    }
    movements
}
