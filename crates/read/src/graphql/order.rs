//! Orders: their customers' and staff's to see. To everybody else they look as if they did not exist.

use super::context::RequestContext;
use super::error::Refusal;
use super::product::Product;
use super::read_side::Found;
use super::user::User;
use crate::models::shop::order::{self, OrderPayment, PaymentKind, Status};
use crate::models::shop::{Shop, ShopDocument};
use async_graphql::{Context, ID, Object, Result, SimpleObject};
use millrace_events::order::CancelledBy;
use millrace_events::{BigInt, Date, Money, OrderId, Position, ProductId, Timestamp, TransactionId, Viewer};
use std::sync::Arc;

/// An order that the viewer may see.
#[derive(Debug, Clone)]
pub struct Order {
    page: Arc<order::Order>,
    revision: Position,
}

/// An order with everything that its page shows.
#[Object]
impl Order {
    /// Opaque id, good for `node`.
    pub(super) async fn id(&self) -> ID {
        ID(self.page.id.to_global())
    }

    /// Version of the order, for `expectedVersion`.
    pub(super) async fn version(&self) -> u32 {
        self.page.version
    }

    /// Position in the log of the last change of what is shown here.
    pub(super) async fn revision(&self) -> BigInt {
        self.revision.0.into()
    }

    /// When it was placed.
    pub(super) async fn created_at(&self) -> Timestamp {
        self.page.created_at
    }

    /// When it changed last.
    pub(super) async fn updated_at(&self) -> Timestamp {
        self.page.updated_at
    }

    /// Where it stands.
    async fn status(&self) -> Status {
        self.page.status
    }

    /// Who ordered; null once the account is gone.
    async fn customer(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        Ok(User::find(RequestContext::of(ctx)?, self.page.customer_id).await?)
    }

    /// The customer's name when the order was placed; empty once the customer is erased.
    async fn customer_name(&self) -> &str {
        &self.page.customer_name
    }

    /// The customer's e-mail address when the order was placed; empty once the customer is erased.
    async fn customer_email(&self) -> &str {
        &self.page.customer_email
    }

    /// Where it goes; empty once the customer is erased.
    async fn delivery_address(&self) -> &str {
        &self.page.delivery_address
    }

    /// What was ordered.
    async fn lines(&self) -> Vec<OrderLine> {
        self.page.lines.iter().cloned().map(OrderLine).collect()
    }

    /// What it costs.
    async fn total_price(&self) -> Money {
        self.page.total_price
    }

    /// When it should arrive: so many working days after it was paid, or after today while it is unpaid.
    async fn estimated_delivery(&self) -> Date {
        self.page.estimated_delivery
    }

    /// When it was placed.
    async fn order_date(&self) -> Timestamp {
        self.page.created_at
    }

    /// Until when it can be paid; if it is not, it is cancelled.
    async fn pay_until(&self) -> Timestamp {
        self.page.pay_until
    }

    /// Each status with when it was reached, the first one first.
    async fn timeline(&self) -> Vec<OrderStep> {
        self.page.timeline.iter().map(|step| OrderStep { status: step.status, at: step.at }).collect()
    }

    /// Money that moved for it: one payment at the most, and one refund.
    async fn payments(&self) -> Vec<Payment> {
        self.page.payments.iter().map(Payment::of).collect()
    }

    /// Who cancelled it; null if nobody did.
    async fn cancelled_by(&self) -> Option<CancelledBy> {
        self.page.cancelled_by
    }

    /// Why it was cancelled, in the words of whoever did.
    async fn cancel_reason(&self) -> Option<&str> {
        self.page.cancel_reason.as_deref()
    }
}

/// One product of an order.
#[derive(Debug, Clone)]
pub struct OrderLine(order::OrderLine);

/// One product of an order, at the price of the moment when it was placed.
#[Object]
impl OrderLine {
    /// Which product.
    async fn product_id(&self) -> ProductId {
        self.0.product_id
    }

    /// The product as it is now.
    async fn product(&self, ctx: &Context<'_>) -> Result<Option<Product>> {
        Ok(Product::find(RequestContext::of(ctx)?, self.0.product_id).await?)
    }

    /// Its name when the order was placed.
    async fn product_name(&self) -> &str {
        &self.0.product_name
    }

    /// Its picture when the order was placed.
    async fn product_image(&self) -> Option<&str> {
        self.0.product_image.as_deref()
    }

    /// How many.
    async fn quantity(&self) -> u32 {
        self.0.quantity
    }

    /// Price of one.
    async fn price(&self) -> Money {
        self.0.price
    }

    /// Price of all of them.
    async fn total_price(&self) -> Money {
        self.0.total_price
    }
}

/// A status that an order has reached.
#[derive(Debug, Clone, SimpleObject)]
pub struct OrderStep {
    /// Which status.
    status: Status,
    /// When.
    at: Timestamp,
}

/// Money that moved for an order.
#[derive(Debug, Clone, SimpleObject)]
pub struct Payment {
    /// The movement of money, as the wallet's statement shows it.
    transaction_id: TransactionId,
    /// Paid, or paid back.
    kind: PaymentKind,
    /// How much.
    amount: Money,
    /// When.
    at: Timestamp,
}

impl Payment {
    fn of(payment: &OrderPayment) -> Self {
        let OrderPayment { transaction_id, kind, amount, at } = payment.clone();
        Self { transaction_id, kind, amount, at }
    }
}

impl Order {
    /// The order, if there is one that the viewer may see.
    pub async fn find(request: &RequestContext, id: OrderId) -> Result<Option<Self>, Refusal> {
        let found = request.load::<Shop>(&order::key(id)).await?;
        Ok(found.and_then(|found| Self::shown_to(|| request.viewer(), found)))
    }

    /// A document as an order, if it is one that this viewer may see.
    pub fn shown_to<'a>(viewer: impl FnOnce() -> &'a Viewer, found: Found<ShopDocument>) -> Option<Self> {
        match found.document {
            ShopDocument::Order(page) => Self::of_page(viewer, page, found.revision.position),
            ShopDocument::Product(_)
            | ShopDocument::Customer(_)
            | ShopDocument::Wallet(_)
            | ShopDocument::Movement(_) => None,
        }
    }

    /// An order out of whichever document, if this viewer may see it.
    pub fn of_page<'a>(
        viewer: impl FnOnce() -> &'a Viewer,
        page: Arc<order::Order>,
        revision: Position,
    ) -> Option<Self> {
        let viewer = viewer();
        (viewer.is(page.customer_id) || viewer.is_staff()).then_some(Self { page, revision })
    }
}
