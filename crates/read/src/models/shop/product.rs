//! `product:ID`: a product as the shop shows it.

use super::ShopDocument;
use crate::models::fields::{global_id, micros};
use crate::projection::DocumentKey;
use millrace_events::product::{ProductCreated, ProductDescription, ProductUpdated};
use millrace_events::{Money, ProductId, Recorded, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The kind of these documents.
pub const KIND: &str = "product";

/// The field that lists are sorted by price with.
pub const PRICE: &str = "priceMinor";

/// Whether a product can be bought, for selecting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Offered {
    /// There are some.
    InStock,
    /// There are none now.
    SoldOut,
    /// It is sold no longer.
    Retired,
}

impl Offered {
    /// The text in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InStock => "inStock",
            Self::SoldOut => "soldOut",
            Self::Retired => "retired",
        }
    }
}

/// A product.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Product {
    /// Which product.
    #[serde(with = "global_id")]
    pub id: ProductId,
    /// Version of the product, for `expectedVersion`.
    pub version: u32,
    /// When it came into the shop.
    pub created_at: Timestamp,
    /// The same, for sorting.
    pub created_micros: i64,
    /// When it changed last, stock included.
    pub updated_at: Timestamp,
    /// Name.
    pub name: String,
    /// Text.
    pub description: String,
    /// Picture.
    pub image_url: Option<String>,
    /// Price of one.
    pub price: Money,
    /// The same in minor units, for sorting.
    pub price_minor: i64,
    /// How many there are.
    pub stock: u32,
    /// Whether it can be bought, for selecting.
    pub offered: Offered,
}

/// The key of a product.
pub fn key(id: ProductId) -> DocumentKey {
    DocumentKey::new(KIND, id)
}

impl Product {
    /// True if it is sold no longer.
    pub fn is_retired(&self) -> bool {
        self.offered == Offered::Retired
    }

    fn describe(&mut self, description: &ProductDescription) {
        self.name.clone_from(&description.name);
        self.description.clone_from(&description.text);
        self.image_url.clone_from(&description.image_url);
        self.price = description.price;
        self.price_minor = description.price.minor();
    }

    fn set_stock(&mut self, stock: u32) {
        self.stock = stock;
        if !self.is_retired() {
            self.offered = if stock > 0 { Offered::InStock } else { Offered::SoldOut };
        }
    }
}

pub(super) fn created(document: &mut Option<ShopDocument>, event: &Recorded, e: &ProductCreated) {
    let mut product = Product {
        id: e.product_id,
        version: event.aggregate.version,
        created_at: event.at,
        created_micros: micros(event.at),
        updated_at: event.at,
        name: String::new(),
        description: String::new(),
        image_url: None,
        price: e.description.price,
        price_minor: 0,
        stock: 0,
        offered: Offered::SoldOut,
    };
    product.describe(&e.description);
    product.set_stock(e.stock);
    *document = Some(ShopDocument::Product(Arc::new(product)));
}

pub(super) fn updated(document: &mut Option<ShopDocument>, event: &Recorded, e: &ProductUpdated) {
    with(document, event, |product| product.describe(&e.description));
}

pub(super) fn stock_moved(document: &mut Option<ShopDocument>, event: &Recorded, stock: u32) {
    with(document, event, |product| product.set_stock(stock));
}

pub(super) fn retired(document: &mut Option<ShopDocument>, event: &Recorded) {
    with(document, event, |product| product.offered = Offered::Retired);
}

fn with(document: &mut Option<ShopDocument>, event: &Recorded, change: impl FnOnce(&mut Product)) {
    let Some(ShopDocument::Product(product)) = document else { return };
    let product = Arc::make_mut(product);
    change(product);
    product.version = event.aggregate.version;
    product.updated_at = event.at;
}
