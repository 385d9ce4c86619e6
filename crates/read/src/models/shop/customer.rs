//! `customer:ID`: a person's newest orders, ready in one document.

use super::ShopDocument;
use super::order::{self, Order, Reason};
use crate::projection::{DocumentKey, Unfoldable};
use millrace_events::order::{OrderCancelled, OrderPlaced};
use millrace_events::{OrderId, Recorded, UserId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The kind of these documents.
pub const KIND: &str = "customer";
/// The most orders that are kept here. Older ones are read from the collection.
pub const ORDERS_KEPT: usize = 20;
/// The most lines of all orders kept here together: one order alone may have 50.
pub const LINES_KEPT: usize = 200;

/// A person's newest orders.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Customer {
    /// Whose.
    pub user_id: UserId,
    /// How many orders the person has placed.
    pub order_count: u32,
    /// The newest, the newest first.
    pub orders: Vec<Arc<Order>>,
    /// Whose words stand in these orders as reasons, for selecting.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub reason_ids: BTreeSet<UserId>,
}

/// The key of a person's newest orders.
pub fn key(id: UserId) -> DocumentKey {
    DocumentKey::new(KIND, id)
}

impl Customer {
    /// True if there are no orders but these.
    pub fn holds_all(&self) -> bool {
        self.orders.len() >= self.order_count as usize
    }

    fn admit(&mut self, order: Order) {
        self.order_count = self.order_count.saturating_add(1);
        let place = |other: &Order| (other.created_micros, other.id);
        let at = self.orders.partition_point(|other| place(other) > place(&order));
        // What falls behind the last one kept is not let in: between it and the last one there may be others.
        if at == self.orders.len() && self.order_count as usize > self.orders.len() + 1 {
            return;
        }
        self.orders.insert(at, Arc::new(order));
        self.trim();
        self.note_reasons();
    }

    fn note_reasons(&mut self) {
        self.reason_ids = self.orders.iter().filter_map(|order| order.reason_of).collect();
    }

    /// Takes everything of a person out of the orders kept here.
    pub(super) fn forget(&mut self, person: UserId) {
        self.orders.iter_mut().for_each(|order| Arc::make_mut(order).forget(person));
        self.note_reasons();
    }

    /// The newest stays, however large it is.
    fn trim(&mut self) {
        self.orders.truncate(ORDERS_KEPT);
        while self.orders.len() > 1 && self.orders.iter().map(|order| order.weight()).sum::<usize>() > LINES_KEPT {
            self.orders.pop();
        }
    }
}

pub(super) fn placed(
    document: &mut Option<ShopDocument>,
    event: &Recorded,
    e: &OrderPlaced,
    key: &DocumentKey,
) -> Result<(), Unfoldable> {
    let order = order::placed(event, e, key)?;
    let none = || {
        ShopDocument::Customer(Arc::new(Customer {
            user_id: e.customer_id,
            order_count: 0,
            orders: vec![],
            reason_ids: BTreeSet::new(),
        }))
    };
    if let ShopDocument::Customer(customer) = document.get_or_insert_with(none) {
        Arc::make_mut(customer).admit(order);
    }
    Ok(())
}

/// Changes the order in whichever document of it this is. One that is too old to be kept here is not changed.
pub(super) fn change(document: &mut Option<ShopDocument>, id: OrderId, change: impl FnOnce(&mut Order)) {
    match document {
        Some(ShopDocument::Order(order)) => change(Arc::make_mut(order)),
        Some(ShopDocument::Customer(customer)) => {
            let Some(at) = customer.orders.iter().position(|order| order.id == id) else { return };
            change(Arc::make_mut(&mut Arc::make_mut(customer).orders[at]));
        }
        Some(ShopDocument::Product(_) | ShopDocument::Wallet(_) | ShopDocument::Movement(_)) | None => {}
    }
}

/// A reason may stand in the newest orders of a person, by somebody else.
pub(super) fn cancelled(
    document: &mut Option<ShopDocument>,
    event: &Recorded,
    e: &OrderCancelled,
    reason: Option<Reason>,
) {
    change(document, e.order_id, |order| order.cancelled(event, e, reason));
    if let Some(ShopDocument::Customer(customer)) = document {
        Arc::make_mut(customer).note_reasons();
    }
}
