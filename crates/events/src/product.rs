//! What happens to a product, and to what lies in store of it.

use crate::money::Money;
use crate::{OrderId, ProductId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A product came into the shop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProductCreated {
    /// Which product.
    pub product_id: ProductId,
    /// What it says of itself.
    #[serde(flatten)]
    pub description: ProductDescription,
    /// How many there are to begin with.
    pub stock: u32,
}

/// A product was described anew. Carries the whole description as it is now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProductUpdated {
    /// Which product.
    pub product_id: ProductId,
    /// What it says of itself.
    #[serde(flatten)]
    pub description: ProductDescription,
}

/// What a product says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProductDescription {
    /// Name.
    pub name: String,
    /// Text.
    #[serde(rename = "description")]
    pub text: String,
    /// Picture, if there is one.
    pub image_url: Option<String>,
    /// Price of one.
    pub price: Money,
}

/// More of a product came in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProductRestocked {
    /// Which product.
    pub product_id: ProductId,
    /// How many came.
    pub quantity: u32,
    /// How many there are now.
    pub stock: u32,
}

/// A product is sold no longer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProductRetired {
    /// Which product.
    pub product_id: ProductId,
}

/// Some of a product were set aside for an order, or came back from one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StockMoved {
    /// Which product.
    pub product_id: ProductId,
    /// For which order.
    pub order_id: OrderId,
    /// How many.
    pub quantity: u32,
    /// How many there are now.
    pub stock: u32,
}
