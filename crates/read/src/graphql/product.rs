//! Products.

use super::context::RequestContext;
use super::error::Refusal;
use super::read_side::Found;
use crate::models::shop::product::{self, Offered};
use crate::models::shop::{Shop, ShopDocument};
use async_graphql::{ID, Object};
use millrace_events::{BigInt, Money, Position, ProductId, Timestamp};
use std::sync::Arc;

/// A product, as its one document has it.
#[derive(Debug, Clone)]
pub struct Product {
    page: Arc<product::Product>,
    revision: Position,
}

/// A product of the shop.
#[Object]
impl Product {
    /// Opaque id, good for `node`.
    pub(super) async fn id(&self) -> ID {
        ID(self.page.id.to_global())
    }

    /// Version of the product, for `expectedVersion`.
    pub(super) async fn version(&self) -> u32 {
        self.page.version
    }

    /// Position in the log of the last change of what is shown here, stock included.
    pub(super) async fn revision(&self) -> BigInt {
        self.revision.0.into()
    }

    /// When it came into the shop.
    pub(super) async fn created_at(&self) -> Timestamp {
        self.page.created_at
    }

    /// When it changed last, stock included.
    pub(super) async fn updated_at(&self) -> Timestamp {
        self.page.updated_at
    }

    /// Name.
    async fn name(&self) -> &str {
        &self.page.name
    }

    /// Text.
    async fn description(&self) -> &str {
        &self.page.description
    }

    /// Picture, if there is one.
    async fn image_url(&self) -> Option<&str> {
        self.page.image_url.as_deref()
    }

    /// Price of one.
    async fn price(&self) -> Money {
        self.page.price
    }

    /// How many there are.
    async fn stock(&self) -> u32 {
        self.page.stock
    }

    /// True if it can be bought now.
    async fn in_stock(&self) -> bool {
        self.page.offered == Offered::InStock
    }

    /// True if it is sold no longer. Then it stands in no list, but can still be found by its id.
    async fn retired(&self) -> bool {
        self.page.is_retired()
    }
}

impl Product {
    /// The product, if there is one.
    pub async fn find(request: &RequestContext, id: ProductId) -> Result<Option<Self>, Refusal> {
        Ok(request.load::<Shop>(&product::key(id)).await?.and_then(Self::of))
    }

    /// A document as a product, if it is one.
    pub fn of(found: Found<ShopDocument>) -> Option<Self> {
        match found.document {
            ShopDocument::Product(page) => Some(Self { page, revision: found.revision.position }),
            ShopDocument::Order(_)
            | ShopDocument::Customer(_)
            | ShopDocument::Wallet(_)
            | ShopDocument::Movement(_) => None,
        }
    }
}
