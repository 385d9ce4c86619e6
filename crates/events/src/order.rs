//! What happens to an order.

use crate::money::Money;
use crate::{Date, OrderId, Personal, ProductId, Timestamp, TransactionId, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An order was placed: what it names is set aside, at the prices of this moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderPlaced {
    /// Which order.
    pub order_id: OrderId,
    /// Who ordered.
    pub customer_id: UserId,
    /// The customer's name at this moment.
    pub customer_name: Personal<String>,
    /// The customer's e-mail address at this moment.
    pub customer_email: Personal<String>,
    /// Where it shall go.
    pub delivery_address: Personal<String>,
    /// What was ordered, in the customer's order.
    pub lines: Vec<OrderedLine>,
    /// What it costs.
    pub total: Money,
    /// When it should arrive if it is paid today.
    pub estimated_delivery: Date,
    /// If it is not paid by then, it is cancelled.
    pub pay_until: Timestamp,
}

/// One product of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderedLine {
    /// Which product.
    pub product_id: ProductId,
    /// Its name at this moment.
    pub product_name: String,
    /// Its picture at this moment.
    pub product_image: Option<String>,
    /// How many.
    pub quantity: u32,
    /// Price of one at this moment.
    pub price: Money,
}

/// An order was paid, and so confirmed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderPaid {
    /// Which order.
    pub order_id: OrderId,
    /// Whose order.
    pub customer_id: UserId,
    /// The movement of money.
    pub transaction_id: TransactionId,
    /// How much.
    pub amount: Money,
    /// When it should arrive.
    pub estimated_delivery: Date,
}

/// An order left the shop, or arrived.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderSent {
    /// Which order.
    pub order_id: OrderId,
    /// Whose order.
    pub customer_id: UserId,
}

/// An order was cancelled: what was set aside is back in store, what was paid is back in the wallet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderCancelled {
    /// Which order.
    pub order_id: OrderId,
    /// Whose order.
    pub customer_id: UserId,
    /// Who cancelled it.
    pub by: CancelledBy,
    /// Why, in the words of whoever cancelled it.
    pub reason: Option<Personal<String>>,
    /// What went back, if it was paid.
    pub refund: Option<Refund>,
}

/// Who cancelled an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, async_graphql::Enum)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CancelledBy {
    /// The customer.
    Customer,
    /// Staff.
    Staff,
    /// Nobody paid it in time.
    Expiry,
}

/// Money that went back for an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Refund {
    /// The movement of money.
    pub transaction_id: TransactionId,
    /// How much.
    pub amount: Money,
}
