//! `order:ID`: an order with everything that its page shows, calculated ahead.

use super::standing_topic;
use crate::models::fields::{global_id, micros, readable};
use crate::projection::{Change, ChangeKind, DocumentKey, Unfoldable};
use millrace_events::order::{CancelledBy, OrderCancelled, OrderPaid, OrderPlaced, OrderedLine};
use millrace_events::{Date, EventKind, Money, OrderId, ProductId, Recorded, Timestamp, TransactionId, UserId};
use serde::{Deserialize, Serialize};

/// The kind of these documents.
pub const KIND: &str = "order";

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, async_graphql::Enum)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[graphql(name = "OrderStatus")]
pub enum Status {
    /// Placed: what it names is set aside until it is paid.
    Pending,
    /// Paid.
    Confirmed,
    /// On its way.
    Shipped,
    /// Arrived.
    Delivered,
    /// Cancelled: stock and money went back.
    Cancelled,
}

impl Status {
    /// Each of them.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Confirmed, Self::Shipped, Self::Delivered, Self::Cancelled];

    /// The event by which an order comes here.
    pub fn event(self) -> EventKind {
        match self {
            Self::Pending => EventKind::OrderPlaced,
            Self::Confirmed => EventKind::OrderPaid,
            Self::Shipped => EventKind::OrderShipped,
            Self::Delivered => EventKind::OrderDelivered,
            Self::Cancelled => EventKind::OrderCancelled,
        }
    }

    /// The text in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Confirmed => "CONFIRMED",
            Self::Shipped => "SHIPPED",
            Self::Delivered => "DELIVERED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

/// A step from one status to another, or to the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Where the order stood before; none if it was placed.
    pub from: Option<Status>,
    /// Where it stood then.
    pub to: Status,
}

impl Step {
    /// The step that a change was, if it was one: whatever has become of the order since.
    ///
    /// Where to is in the event, and where from in the topics, which are those of before and after. An order that is parked by an event
    /// took no step.
    pub fn of(change: &Change) -> Option<Self> {
        let is_told_to = |status: &Status| change.topics.contains(&standing_topic(*status));
        let to = Status::ALL.into_iter().find(|status| status.event().name() == change.event).filter(is_told_to)?;
        let from = Status::ALL.into_iter().find(|status| *status != to && is_told_to(status));
        (from.is_some() || change.kind == ChangeKind::Created).then_some(Self { from, to })
    }
}

/// An order. Name, addresses and reason are empty once the person is erased.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// Which order.
    #[serde(with = "global_id")]
    pub id: OrderId,
    /// Version of the order, for `expectedVersion`.
    pub version: u32,
    /// When it was placed.
    pub created_at: Timestamp,
    /// The same, for sorting.
    pub created_micros: i64,
    /// When it changed last.
    pub updated_at: Timestamp,
    /// Where it stands.
    pub status: Status,
    /// Who ordered, for selecting.
    pub customer_id: UserId,
    /// The customer's name when it was placed.
    pub customer_name: String,
    /// The customer's e-mail address when it was placed.
    pub customer_email: String,
    /// Where it goes.
    pub delivery_address: String,
    /// What was ordered.
    pub lines: Vec<OrderLine>,
    /// What it costs.
    pub total_price: Money,
    /// When it should arrive.
    pub estimated_delivery: Date,
    /// Until when it can be paid.
    pub pay_until: Timestamp,
    /// Each status with when it was reached, the first one first.
    pub timeline: Vec<OrderStep>,
    /// Money that moved for it, in order: one payment at the most, and one refund.
    pub payments: Vec<OrderPayment>,
    /// Who cancelled it.
    pub cancelled_by: Option<CancelledBy>,
    /// Why it was cancelled, in the words of whoever did.
    pub cancel_reason: Option<String>,
    /// Who gave that reason, for selecting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason_of: Option<UserId>,
}

/// One product of an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderLine {
    /// Which product.
    #[serde(with = "global_id")]
    pub product_id: ProductId,
    /// Its name when the order was placed.
    pub product_name: String,
    /// Its picture when the order was placed.
    pub product_image: Option<String>,
    /// How many.
    pub quantity: u32,
    /// Price of one when the order was placed.
    pub price: Money,
    /// Price of all of them.
    pub total_price: Money,
}

/// A status that an order has reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderStep {
    /// Which status.
    pub status: Status,
    /// When.
    pub at: Timestamp,
}

/// Money that moved for an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderPayment {
    /// The movement.
    #[serde(with = "global_id")]
    pub transaction_id: TransactionId,
    /// Paid, or paid back.
    pub kind: PaymentKind,
    /// How much.
    pub amount: Money,
    /// When.
    pub at: Timestamp,
}

/// Which way money moved for an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, async_graphql::Enum)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PaymentKind {
    /// From the customer.
    Payment,
    /// Back to the customer.
    Refund,
}

/// The key of an order.
pub fn key(id: OrderId) -> DocumentKey {
    DocumentKey::new(KIND, id)
}

/// The order that a key names, if it names one.
pub fn id_in(key: &DocumentKey) -> Option<OrderId> {
    key.as_str().strip_prefix(KIND)?.strip_prefix(':')?.parse().ok().map(OrderId)
}

/// The order that an event brings into being.
pub(super) fn placed(event: &Recorded, e: &OrderPlaced, key: &DocumentKey) -> Result<Order, Unfoldable> {
    let text = |personal| readable(personal, key).map(|value: Option<&String>| value.cloned().unwrap_or_default());
    let lines = e.lines.iter().map(|line| line_of(line, key)).collect::<Result<_, _>>()?;
    Ok(Order {
        id: e.order_id,
        version: event.aggregate.version,
        created_at: event.at,
        created_micros: micros(event.at),
        updated_at: event.at,
        status: Status::Pending,
        customer_id: e.customer_id,
        customer_name: text(&e.customer_name)?,
        customer_email: text(&e.customer_email)?,
        delivery_address: text(&e.delivery_address)?,
        lines,
        total_price: e.total,
        estimated_delivery: e.estimated_delivery,
        pay_until: e.pay_until,
        timeline: vec![OrderStep { status: Status::Pending, at: event.at }],
        payments: vec![],
        cancelled_by: None,
        cancel_reason: None,
        reason_of: None,
    })
}

fn line_of(line: &OrderedLine, key: &DocumentKey) -> Result<OrderLine, Unfoldable> {
    let too_much = |_| Unfoldable { key: key.clone(), reason: "a line's price overflows" };
    Ok(OrderLine {
        product_id: line.product_id,
        product_name: line.product_name.clone(),
        product_image: line.product_image.clone(),
        quantity: line.quantity,
        price: line.price,
        total_price: line.price.times(line.quantity).map_err(too_much)?,
    })
}

/// Why an order was cancelled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reason {
    text: String,
    of: UserId,
}

/// Why an order was cancelled; none if nobody said, or if whoever said it is erased.
pub(super) fn reason(e: &OrderCancelled, key: &DocumentKey) -> Result<Option<Reason>, Unfoldable> {
    let Some(reason) = &e.reason else { return Ok(None) };
    Ok(readable(reason, key)?.map(|text| Reason { text: text.clone(), of: reason.of() }))
}

impl Order {
    /// What it takes of a document, as a count of lines.
    pub(super) fn weight(&self) -> usize {
        self.lines.len()
    }

    fn step(&mut self, event: &Recorded, status: Status) {
        self.status = status;
        self.version = event.aggregate.version;
        self.updated_at = event.at;
        self.timeline.push(OrderStep { status, at: event.at });
    }

    pub(super) fn paid(&mut self, event: &Recorded, e: &OrderPaid) {
        self.step(event, Status::Confirmed);
        self.estimated_delivery = e.estimated_delivery;
        let (transaction_id, amount, at) = (e.transaction_id, e.amount, event.at);
        self.payments.push(OrderPayment { transaction_id, kind: PaymentKind::Payment, amount, at });
    }

    pub(super) fn shipped(&mut self, event: &Recorded) {
        self.step(event, Status::Shipped);
    }

    pub(super) fn delivered(&mut self, event: &Recorded) {
        self.step(event, Status::Delivered);
    }

    /// Takes everything of a person out of it: who ordered, and where it goes, and why it was cancelled in their words.
    pub(super) fn forget(&mut self, person: UserId) {
        if self.customer_id == person {
            self.customer_name.clear();
            self.customer_email.clear();
            self.delivery_address.clear();
        }
        if self.reason_of == Some(person) {
            (self.cancel_reason, self.reason_of) = (None, None);
        }
    }

    pub(super) fn cancelled(&mut self, event: &Recorded, e: &OrderCancelled, reason: Option<Reason>) {
        self.step(event, Status::Cancelled);
        self.cancelled_by = Some(e.by);
        (self.cancel_reason, self.reason_of) = reason.map(|reason| (reason.text, reason.of)).unzip();
        let refund = e.refund.as_ref().map(|refund| OrderPayment {
            transaction_id: refund.transaction_id,
            kind: PaymentKind::Refund,
            amount: refund.amount,
            at: event.at,
        });
        self.payments.extend(refund);
    }
}
