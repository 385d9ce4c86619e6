//! Products: what lies in store of them.

use super::{ProductChanged, check_change, found};
use crate::CommandError;
use crate::command::{Command, Handled, Sender};
use crate::fault::Fault;
use crate::fields::Fields;
use crate::rows::stock_movement::Kind;
use crate::rows::{self, product, stock_movement};
use crate::unit_of_work::{Handling, UnitOfWork};
use async_graphql::InputObject;
use millrace_events::product::ProductRestocked;
use millrace_events::{Event, ProductId};
use serde::{Deserialize, Serialize};

/// The most that may lie in store of one product.
pub(super) const STOCK_MAX: u32 = 1_000_000;

/// Puts more of a product in store. For staff.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "RestockProductInput")]
#[serde(rename_all = "camelCase")]
pub struct RestockProduct {
    /// Which product.
    pub product_id: ProductId,
    /// How many came in; at least 1.
    pub quantity: i32,
    /// The version that the product must still be at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u32>,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// What came in, parsed.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub(super) product_id: ProductId,
    pub(super) quantity: u32,
    pub(super) expected_version: Option<u32>,
}

impl Command for RestockProduct {
    const NAME: &'static str = "restockProduct";
    const SENDER: Sender = Sender::Staff;
    type Valid = Delivery;
    type Outcome = ProductChanged;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<Delivery, Vec<CommandError>> {
        let mut fields = Fields::default();
        let quantity = fields.judge(quantity("quantity", self.quantity, 1));
        let (product_id, expected_version) = (self.product_id, self.expected_version);
        fields.finish(quantity.map(|quantity| Delivery { product_id, quantity, expected_version }))
    }

    async fn handle(valid: &Delivery, unit: &mut UnitOfWork) -> Handling<Handled<ProductChanged>> {
        let product = found(unit, valid.product_id).await?;
        let (product_id, quantity) = (valid.product_id, valid.quantity);
        let stock = decide_restock(&product, valid)?;
        let version =
            product::advance(unit.db(), &product, product::ActiveModel::default(), unit.at().moment()).await?;
        let received = received(product_id, version, quantity, unit)?;
        stock_movement::insert_all(unit.db(), received.into_iter().collect()).await?;
        let event = ProductRestocked { product_id, quantity, stock };
        unit.record(product_id.0, version, Event::ProductRestocked(event));
        Ok(Handled::new(ProductChanged { product: product_id }).at(product_id, version))
    }
}

/// How many there will be.
pub(super) fn decide_restock(product: &product::Model, delivery: &Delivery) -> Result<u32, CommandError> {
    check_change(product, delivery.expected_version)?;
    let stock = rows::quantity(product.stock) + delivery.quantity;
    if stock <= STOCK_MAX {
        Ok(stock)
    } else {
        Err(CommandError::limit_reached("Not so much fits in store.", "stock", STOCK_MAX))
    }
}

/// The movement of what came in; none if nothing did.
pub(super) fn received(
    product_id: ProductId,
    version: u32,
    quantity: u32,
    unit: &UnitOfWork,
) -> Result<Option<stock_movement::Model>, Fault> {
    if quantity == 0 {
        return Ok(None);
    }
    Ok(Some(stock_movement::Model {
        product_id: product_id.0,
        product_version: rows::column(version)?,
        kind: Kind::Received,
        quantity: rows::column(quantity)?,
        order_id: None,
        at: unit.at().moment(),
    }))
}

/// A number of things, within what fits in store.
pub(crate) fn quantity(field: &str, wanted: i32, min: u32) -> Result<u32, CommandError> {
    match u32::try_from(wanted) {
        Ok(quantity) if (min..=STOCK_MAX).contains(&quantity) => Ok(quantity),
        _ => Err(CommandError::invalid_text(field, format!("{field} must be from {min} to {STOCK_MAX}."))),
    }
}
