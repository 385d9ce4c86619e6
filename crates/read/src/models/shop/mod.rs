//! Projection `shop`: products, orders, and what is in people's wallets.

pub mod customer;
mod erasure;
pub mod movement;
pub mod order;
pub mod product;
pub mod wallet;

#[cfg(test)]
mod tests;

use crate::projection::{Audience, DocumentKey, FanOut, Lookup, Projection, Touches, Unfoldable};
use customer::Customer;
use millrace_events::{Event, Recorded, UserId};
use movement::Movement;
use order::{Order, Status};
use product::Product;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use wallet::Wallet;

/// Products, orders and wallets.
#[derive(Debug, Clone, Copy)]
pub struct Shop;

/// A document of [`Shop`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum ShopDocument {
    /// A product.
    Product(Arc<Product>),
    /// An order.
    Order(Arc<Order>),
    /// A person's newest orders.
    Customer(Arc<Customer>),
    /// A person's money in one currency.
    Wallet(Arc<Wallet>),
    /// One movement of money, as one wallet saw it.
    Movement(Arc<Movement>),
}

impl ShopDocument {
    pub(super) fn sort_value(&self, field: &str) -> Option<i64> {
        match self {
            Self::Product(product) if field == product::PRICE => Some(product.price_minor),
            Self::Product(product) => Some(product.created_micros),
            Self::Order(order) => Some(order.created_micros),
            Self::Wallet(wallet) => Some(wallet.created_micros),
            Self::Movement(movement) => Some(movement.created_micros),
            Self::Customer(_) => None,
        }
    }
}

/// The topic of everything that happens to orders, for staff.
pub const ORDERS_TOPIC: &str = "orders";

/// The topic of orders that stand here. As a change is told under the topics of before and after, it tells who comes and who leaves, too.
pub fn standing_topic(status: Status) -> String {
    format!("{ORDERS_TOPIC}/{}", status.as_str())
}

/// The topic of a person's orders.
pub fn orders_topic(customer: UserId) -> String {
    format!("{}/orders", customer::key(customer))
}

/// The topic of a person's wallets.
pub fn wallets_topic(owner: UserId) -> String {
    format!("{}/wallets", customer::key(owner))
}

impl Shop {
    pub(super) fn left_of(person: UserId) -> Vec<Value> {
        let id = person.to_string();
        let named =
            json!([{"customerName": {"$ne": ""}}, {"customerEmail": {"$ne": ""}}, {"deliveryAddress": {"$ne": ""}}]);
        vec![
            json!({"kind": order::KIND, "customerId": id, "$or": named.clone()}),
            json!({"_id": customer::key(person), "orders": {"$elemMatch": {"$or": named}}}),
            json!({"kind": order::KIND, "reasonOf": id}),
            json!({"kind": customer::KIND, "reasonIds": id}),
            json!({"kind": movement::KIND, "noteOf": id}),
        ]
    }

    pub(super) fn read(key: &DocumentKey, json: &str) -> serde_json::Result<ShopDocument> {
        match key.kind() {
            product::KIND => serde_json::from_str(json).map(ShopDocument::Product),
            order::KIND => serde_json::from_str(json).map(ShopDocument::Order),
            customer::KIND => serde_json::from_str(json).map(ShopDocument::Customer),
            wallet::KIND => serde_json::from_str(json).map(ShopDocument::Wallet),
            _ => serde_json::from_str(json),
        }
    }
}

impl Projection for Shop {
    const NAME: &'static str = "shop";
    const FOLD_VERSION: u32 = 3;
    type Document = ShopDocument;

    fn touches(event: &Recorded) -> Touches {
        let of_order = |order_id, customer_id| vec![order::key(order_id), customer::key(customer_id)];
        let writes = match &event.event {
            Event::ProductCreated(e) => vec![product::key(e.product_id)],
            Event::ProductUpdated(e) => vec![product::key(e.product_id)],
            Event::ProductRestocked(e) => vec![product::key(e.product_id)],
            Event::ProductRetired(e) => vec![product::key(e.product_id)],
            Event::StockReserved(e) | Event::StockReleased(e) => vec![product::key(e.product_id)],
            Event::OrderPlaced(e) => of_order(e.order_id, e.customer_id),
            Event::OrderPaid(e) => of_order(e.order_id, e.customer_id),
            Event::OrderShipped(e) | Event::OrderDelivered(e) => of_order(e.order_id, e.customer_id),
            Event::OrderCancelled(e) => of_order(e.order_id, e.customer_id),
            Event::WalletOpened(e) => vec![wallet::key(e.wallet_id)],
            Event::TopUpRequested(e) => vec![wallet::key(e.wallet_id)],
            Event::TopUpDeclined(e) => vec![wallet::key(e.wallet_id)],
            Event::WalletMoved(e) => vec![wallet::key(e.wallet_id), movement::key(e.transaction_id, e.wallet_id)],
            Event::UserErased(e) => vec![customer::key(e.user_id)],
            Event::UserCreated(_) | Event::ProfileUpdated(_) | Event::RoleGranted(_) | Event::RoleRevoked(_) => vec![],
            Event::SessionEnded(_) | Event::AllSessionsEnded(_) | Event::OtherSessionsEnded(_) => vec![],
            Event::PasswordChanged(_) | Event::EmailChangeRequested(_) | Event::EmailVerified(_) => vec![],
            Event::EmailChangeWithdrawn(_) | Event::AccountDeactivated(_) | Event::AccountReactivated(_) => vec![],
            Event::IdentityLinked(_) | Event::IdentityUnlinked(_) => vec![],
            Event::UserFollowed(_) | Event::UserUnfollowed(_) => vec![],
            Event::PostCreated(_) | Event::PostEdited(_) | Event::PostPublished(_) => vec![],
            Event::PostUnpublished(_) | Event::PostDeleted(_) | Event::PostLiked(_) | Event::PostUnliked(_) => vec![],
            Event::PostHidden(_) | Event::PostUnhidden(_) => vec![],
            Event::CommentHidden(_) | Event::CommentUnhidden(_) => vec![],
            Event::CommentAdded(_) | Event::CommentEdited(_) | Event::CommentDeleted(_) => vec![],
        };
        Touches { writes, reads: vec![] }
    }

    /// An order lies in two documents that change alike: its own, and its customer's newest orders.
    fn apply(
        event: &Recorded,
        key: &DocumentKey,
        document: &mut Option<ShopDocument>,
        _: &dyn Lookup<ShopDocument>,
    ) -> Result<(), Unfoldable> {
        let is_movement = key.kind() == movement::KIND;
        match &event.event {
            Event::ProductCreated(e) => product::created(document, event, e),
            Event::ProductUpdated(e) => product::updated(document, event, e),
            Event::ProductRestocked(e) => product::stock_moved(document, event, e.stock),
            Event::ProductRetired(_) => product::retired(document, event),
            Event::StockReserved(e) | Event::StockReleased(e) => product::stock_moved(document, event, e.stock),
            Event::OrderPlaced(e) => match key.kind() {
                customer::KIND => customer::placed(document, event, e, key)?,
                _ => *document = Some(ShopDocument::Order(Arc::new(order::placed(event, e, key)?))),
            },
            Event::OrderPaid(e) => customer::change(document, e.order_id, |order| order.paid(event, e)),
            Event::OrderShipped(e) => customer::change(document, e.order_id, |order| order.shipped(event)),
            Event::OrderDelivered(e) => customer::change(document, e.order_id, |order| order.delivered(event)),
            Event::OrderCancelled(e) => {
                let reason = order::reason(e, key)?;
                customer::cancelled(document, event, e, reason);
            }
            Event::UserErased(e) => erasure::forget(document, e.user_id),
            Event::WalletOpened(e) => wallet::opened(document, event, e),
            Event::TopUpRequested(e) => wallet::top_up_requested(document, event, e),
            Event::TopUpDeclined(e) => wallet::top_up_declined(document, event, e),
            Event::WalletMoved(e) if is_movement => movement::moved(document, e, key)?,
            Event::WalletMoved(e) => wallet::moved(document, event, e),
            Event::UserCreated(_) | Event::ProfileUpdated(_) | Event::RoleGranted(_) | Event::RoleRevoked(_) => {}
            Event::SessionEnded(_) | Event::AllSessionsEnded(_) | Event::OtherSessionsEnded(_) => {}
            Event::PasswordChanged(_) | Event::EmailChangeRequested(_) | Event::EmailVerified(_) => {}
            Event::EmailChangeWithdrawn(_) | Event::AccountDeactivated(_) | Event::AccountReactivated(_) => {}
            Event::IdentityLinked(_) | Event::IdentityUnlinked(_) => {}
            Event::UserFollowed(_) | Event::UserUnfollowed(_) => {}
            Event::PostCreated(_) | Event::PostEdited(_) | Event::PostPublished(_) => {}
            Event::PostUnpublished(_) | Event::PostDeleted(_) | Event::PostLiked(_) | Event::PostUnliked(_) => {}
            Event::PostHidden(_) | Event::PostUnhidden(_) => {}
            Event::CommentHidden(_) | Event::CommentUnhidden(_) => {}
            Event::CommentAdded(_) | Event::CommentEdited(_) | Event::CommentDeleted(_) => {}
        }
        Ok(())
    }

    fn fan_outs(event: &Recorded, _: &dyn Lookup<ShopDocument>) -> Vec<FanOut> {
        erasure::opened(event)
    }

    fn spread(
        fan_out: &FanOut,
        key: &DocumentKey,
        document: &mut Option<ShopDocument>,
        _: &[(DocumentKey, ShopDocument)],
        _: &dyn Lookup<ShopDocument>,
    ) -> Result<(), Unfoldable> {
        erasure::spread(fan_out, key, document)
    }

    fn refill_reads(_: &[(DocumentKey, ShopDocument)]) -> Vec<DocumentKey> {
        vec![]
    }

    fn topics(key: &DocumentKey, document: &ShopDocument) -> BTreeSet<String> {
        let own = key.to_string();
        match document {
            ShopDocument::Product(_) => BTreeSet::from([own]),
            ShopDocument::Order(order) => BTreeSet::from([
                own,
                ORDERS_TOPIC.into(),
                orders_topic(order.customer_id),
                standing_topic(order.status),
            ]),
            ShopDocument::Customer(_) | ShopDocument::Movement(_) => BTreeSet::from([own]),
            ShopDocument::Wallet(wallet) => BTreeSet::from([own, wallets_topic(wallet.user_id)]),
        }
    }

    fn audience(_: &DocumentKey, document: &ShopDocument) -> Audience {
        match document {
            ShopDocument::Product(_) => Audience::Everyone,
            ShopDocument::Order(order) => Audience::Person(order.customer_id),
            ShopDocument::Customer(customer) => Audience::Person(customer.user_id),
            ShopDocument::Wallet(wallet) => Audience::Person(wallet.user_id),
            ShopDocument::Movement(movement) => Audience::Person(movement.user_id),
        }
    }

    fn indexes() -> Vec<Value> {
        let newest = |field: &str| json!({field: 1, "createdMicros": -1, "_id": -1});
        let index = |name: &str, key: Value, kind: &str| json!({"name": name, "key": key, "partialFilterExpression": {"kind": kind}});
        vec![
            index("products_newest", newest("offered"), product::KIND),
            index("products_by_price", json!({"offered": 1, "priceMinor": 1, "_id": 1}), product::KIND),
            index("orders_of_customer", newest("customerId"), order::KIND),
            index("orders_by_reason", json!({"reasonOf": 1, "_id": 1}), order::KIND),
            index("customers_by_reason", json!({"reasonIds": 1, "_id": 1}), customer::KIND),
            index("orders_by_customer", json!({"customerId": 1, "_id": 1}), order::KIND),
            index("movements_by_note", json!({"noteOf": 1, "_id": 1}), movement::KIND),
            index("orders_by_status", newest("status"), order::KIND),
            index("orders_newest", json!({"createdMicros": -1, "_id": -1}), order::KIND),
            index("wallets_of_person", newest("userId"), wallet::KIND),
            index("movements_of_wallet", newest("walletId"), movement::KIND),
            json!({
                "name": "words",
                "key": {"name": "text", "description": "text"},
                "weights": {"name": 4, "description": 1},
                "default_language": "none",
                "language_override": "searchLanguage",
            }),
        ]
    }
}
