//! Products: describing them.

mod stock;
#[cfg(test)]
mod tests;

use crate::CommandError;
use crate::command::{Command, Handled, Sender};
use crate::fault::Fault;
use crate::fields::{Change, Fields, check_version};
use crate::rows::{self, product, stock_movement};
use crate::unit_of_work::{Handling, UnitOfWork};
use async_graphql::{InputObject, MaybeUndefined};
use millrace_events::money::MoneyInput;
use millrace_events::product::{ProductCreated, ProductDescription, ProductRetired, ProductUpdated};
use millrace_events::values::{ImageUrl, ProductName, ProductText};
use millrace_events::{Event, Money, ProductId};
use sea_orm::Set;
use serde::{Deserialize, Serialize};

pub use self::stock::RestockProduct;
pub(crate) use self::stock::quantity;

/// The most that one of something may cost, in minor units: so that no sum of an order can overflow.
const PRICE_MINOR_MAX: i64 = 1_000_000_000_000;

/// Brings a product into the shop. For staff.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "CreateProductInput")]
#[serde(rename_all = "camelCase")]
pub struct CreateProduct {
    /// Name, up to 200 characters.
    pub name: String,
    /// Text, up to 5,000 characters.
    pub description: String,
    /// Web address of a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,
    /// Price of one.
    pub price: MoneyInput,
    /// How many there are to begin with, up to 1,000,000.
    pub stock: i32,
    /// Makes repetitions harmless: within 24 hours the same key and input give the same product. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// What a change of a product did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductChanged {
    /// The product.
    pub product: ProductId,
}

/// A new product whose fields are parsed.
#[derive(Debug, Clone)]
pub struct NewProduct {
    description: ProductDescription,
    stock: u32,
}

impl Command for CreateProduct {
    const NAME: &'static str = "createProduct";
    const SENDER: Sender = Sender::Staff;
    type Valid = NewProduct;
    type Outcome = ProductChanged;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<NewProduct, Vec<CommandError>> {
        let mut fields = Fields::default();
        let name = fields.take("name", ProductName::parse(&self.name));
        let text = fields.take("description", ProductText::parse(&self.description));
        let image_url = fields.take_optional("imageUrl", self.image_url.as_deref(), ImageUrl::parse);
        let price = fields.judge(price(self.price));
        let stock = fields.judge(quantity("stock", self.stock, 0));
        let parts = name.zip(text).zip(image_url).zip(price.zip(stock));
        fields.finish(parts.map(|(((name, text), image_url), (price, stock))| NewProduct {
            description: ProductDescription {
                name: name.into_string(),
                text: text.into_string(),
                image_url: image_url.map(ImageUrl::into_string),
                price,
            },
            stock,
        }))
    }

    async fn handle(valid: &NewProduct, unit: &mut UnitOfWork) -> Handling<Handled<ProductChanged>> {
        let NewProduct { description, stock } = valid.clone();
        let product_id = ProductId::generate();
        rows::insert(unit.db(), row(product_id, &description, unit)).await?;
        if let Some(received) = stock::received(product_id, 1, stock, unit)? {
            stock_movement::insert_all(unit.db(), vec![received]).await?;
        }
        unit.record(product_id.0, 1, Event::ProductCreated(ProductCreated { product_id, description, stock }));
        Ok(Handled::new(ProductChanged { product: product_id }).at(product_id, 1))
    }
}

fn row(product_id: ProductId, description: &ProductDescription, unit: &UnitOfWork) -> product::Model {
    let at = unit.at().moment();
    product::Model {
        id: product_id.0,
        version: 1,
        name: description.name.clone(),
        description: description.text.clone(),
        image_url: description.image_url.clone(),
        price_minor: description.price.minor(),
        currency: description.price.currency.as_str().to_owned(),
        stock: 0,
        retired: false,
        created_at: at,
        updated_at: at,
    }
}

fn price(input: MoneyInput) -> Result<Money, CommandError> {
    let amount = input.amount_minor.0;
    if (1..=PRICE_MINOR_MAX).contains(&amount) {
        return Ok(Money::new(amount, input.currency));
    }
    let message = format!("price must be from 1 to {PRICE_MINOR_MAX} minor units.");
    Err(CommandError::invalid_text("price.amountMinor", message))
}

/// Describes a product anew. What is left out stays as it is. For staff.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "UpdateProductInput")]
#[serde(rename_all = "camelCase")]
pub struct UpdateProduct {
    /// Which product.
    pub product_id: ProductId,
    /// Name, up to 200 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Text, up to 5,000 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Web address of a picture; null takes it away.
    #[serde(default, skip_serializing_if = "MaybeUndefined::is_undefined")]
    pub image_url: MaybeUndefined<String>,
    /// Price of one. Orders that are placed already keep theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<MoneyInput>,
    /// The version that the product must still be at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u32>,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// The wanted changes of a product, parsed.
#[derive(Debug, Clone)]
pub struct ProductChange {
    product_id: ProductId,
    name: Option<ProductName>,
    text: Option<ProductText>,
    image_url: Change<ImageUrl>,
    price: Option<Money>,
    expected_version: Option<u32>,
}

impl Command for UpdateProduct {
    const NAME: &'static str = "updateProduct";
    const SENDER: Sender = Sender::Staff;
    type Valid = ProductChange;
    type Outcome = ProductChanged;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<ProductChange, Vec<CommandError>> {
        let mut fields = Fields::default();
        let name = fields.take_optional("name", self.name.as_deref(), ProductName::parse);
        let text = fields.take_optional("description", self.description.as_deref(), ProductText::parse);
        let image_url = fields.take_change("imageUrl", &self.image_url, ImageUrl::parse);
        let price = fields.judge(self.price.map(price).transpose());
        let (product_id, expected_version) = (self.product_id, self.expected_version);
        let parts = name.zip(text).zip(image_url.zip(price));
        fields.finish(parts.map(|((name, text), (image_url, price))| ProductChange {
            product_id,
            name,
            text,
            image_url,
            price,
            expected_version,
        }))
    }

    async fn handle(valid: &ProductChange, unit: &mut UnitOfWork) -> Handling<Handled<ProductChanged>> {
        let product = found(unit, valid.product_id).await?;
        let (product_id, now) = (valid.product_id, description(&product)?);
        let handled = Handled::new(ProductChanged { product: product_id });
        let Some(description) = decide_update(&product, &now, valid)? else {
            return Ok(handled.at(product_id, rows::version(product.version)));
        };
        let version = product::advance(unit.db(), &product, columns(&description), unit.at().moment()).await?;
        unit.record(product_id.0, version, Event::ProductUpdated(ProductUpdated { product_id, description }));
        Ok(handled.at(product_id, version))
    }
}

/// How the product shall be described; `None` if it is described so already.
fn decide_update(
    product: &product::Model,
    now: &ProductDescription,
    change: &ProductChange,
) -> Result<Option<ProductDescription>, CommandError> {
    check_change(product, change.expected_version)?;
    let mut next = now.clone();
    if let Some(name) = &change.name {
        next.name = name.as_str().to_owned();
    }
    if let Some(text) = &change.text {
        next.text = text.as_str().to_owned();
    }
    change.image_url.apply(&mut next.image_url, ImageUrl::as_str);
    next.price = change.price.unwrap_or(next.price);
    Ok((next != *now).then_some(next))
}

fn check_change(product: &product::Model, expected: Option<u32>) -> Result<(), CommandError> {
    check_version(expected, rows::version(product.version))?;
    if product.retired {
        return Err(CommandError::not_allowed("The product is sold no longer.", "productId"));
    }
    Ok(())
}

async fn found(unit: &UnitOfWork, id: ProductId) -> Handling<product::Model> {
    let product = product::locked(unit.db(), id.0).await?;
    product.ok_or_else(|| CommandError::not_found("product", "productId").into())
}

fn description(product: &product::Model) -> Result<ProductDescription, Fault> {
    Ok(ProductDescription {
        name: product.name.clone(),
        text: product.description.clone(),
        image_url: product.image_url.clone(),
        price: rows::money(product.price_minor, &product.currency)?,
    })
}

fn columns(description: &ProductDescription) -> product::ActiveModel {
    product::ActiveModel {
        name: Set(description.name.clone()),
        description: Set(description.text.clone()),
        image_url: Set(description.image_url.clone()),
        price_minor: Set(description.price.minor()),
        currency: Set(description.price.currency.as_str().to_owned()),
        ..Default::default()
    }
}

/// Takes a product out of the shop. Orders that are placed already go on. Retiring twice is no error. For staff.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "RetireProductInput")]
#[serde(rename_all = "camelCase")]
pub struct RetireProduct {
    /// Which product.
    pub product_id: ProductId,
    /// The version that the product must still be at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u32>,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

impl Command for RetireProduct {
    const NAME: &'static str = "retireProduct";
    const SENDER: Sender = Sender::Staff;
    type Valid = Self;
    type Outcome = ProductChanged;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<Self, Vec<CommandError>> {
        Ok(self.clone())
    }

    async fn handle(valid: &Self, unit: &mut UnitOfWork) -> Handling<Handled<ProductChanged>> {
        let product = found(unit, valid.product_id).await?;
        let product_id = valid.product_id;
        check_version(valid.expected_version, rows::version(product.version))?;
        let handled = Handled::new(ProductChanged { product: product_id });
        if product.retired {
            return Ok(handled.at(product_id, rows::version(product.version)));
        }
        let columns = product::ActiveModel { retired: Set(true), ..Default::default() };
        let version = product::advance(unit.db(), &product, columns, unit.at().moment()).await?;
        unit.record(product_id.0, version, Event::ProductRetired(ProductRetired { product_id }));
        Ok(handled.at(product_id, version))
    }
}
