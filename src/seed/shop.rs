//! The demo shop: products with pictures, money, and orders that stand everywhere an order can.

use super::picture::Picture;
use super::{Seed, SeedError, key};
use millrace_command::order::OrderLineInput;
use millrace_command::{
    Answer, CancelOrder, Command, ConfirmDelivery, CreateProduct, PayOrder, PlaceOrder, ShipOrder, TopUpWallet,
    Transfer,
};
use millrace_events::money::MoneyInput;
use millrace_events::{OrderId, ProductId, TopUpId};
use serde::Deserialize;

const SHOP: &str = include_str!("shop.json");

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shop {
    products: Vec<ProductText>,
    top_ups: Vec<TopUpText>,
    transfers: Vec<TransferText>,
    orders: Vec<OrderText>,
}

#[derive(Deserialize)]
struct ProductText {
    /// Its picture's name.
    slug: String,
    name: String,
    description: String,
    price: MoneyInput,
    stock: i32,
    picture: Picture,
}

#[derive(Deserialize)]
struct TopUpText {
    person: usize,
    amount: MoneyInput,
}

#[derive(Deserialize)]
struct TransferText {
    from: usize,
    to: usize,
    amount: MoneyInput,
    note: String,
}

#[derive(Deserialize)]
struct OrderText {
    customer: usize,
    lines: Vec<LineText>,
    address: String,
    state: State,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct LineText {
    product: usize,
    quantity: i32,
}

/// How far an order goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum State {
    Pending,
    Confirmed,
    Shipped,
    Delivered,
    /// Cancelled before it was paid.
    Cancelled,
    /// Cancelled after it was paid.
    Refunded,
}

/// What happens to an order, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Pay,
    Ship,
    Deliver,
    Cancel,
}

impl State {
    /// The way from pending.
    fn steps(self) -> &'static [Step] {
        match self {
            Self::Pending => &[],
            Self::Confirmed => &[Step::Pay],
            Self::Shipped => &[Step::Pay, Step::Ship],
            Self::Delivered => &[Step::Pay, Step::Ship, Step::Deliver],
            Self::Cancelled => &[Step::Cancel],
            Self::Refunded => &[Step::Pay, Step::Cancel],
        }
    }
}

impl Shop {
    pub fn read() -> Result<Self, SeedError> {
        Ok(serde_json::from_str(SHOP)?)
    }
}

/// The picture of this name, as SVG; none if the demo shop has no such picture.
pub fn picture(slug: &str) -> Option<String> {
    let shop = Shop::read().ok()?;
    let product = shop.products.into_iter().find(|product| product.slug == slug)?;
    Some(product.picture.draw(&product.name))
}

impl Seed {
    pub(super) async fn make_shop(&self, staff: usize, shop: &Shop) -> Result<(), SeedError> {
        let mut products = Vec::with_capacity(shop.products.len());
        for (number, product) in shop.products.iter().enumerate() {
            products.push(self.create(staff, number, product).await?);
        }
        for (number, top_up) in shop.top_ups.iter().enumerate() {
            self.top_up(number, top_up).await?;
        }
        for (number, transfer) in shop.transfers.iter().enumerate() {
            self.transfer(number, transfer).await?;
        }
        for (number, order) in shop.orders.iter().enumerate() {
            self.order(staff, number, order, &products).await?;
        }
        Ok(())
    }

    async fn create(&self, staff: usize, number: usize, product: &ProductText) -> Result<ProductId, SeedError> {
        let input = CreateProduct {
            name: product.name.clone(),
            description: product.description.clone(),
            image_url: Some(format!("{}{}", self.pictures_at, product.slug)),
            price: product.price,
            stock: product.stock,
            idempotency_key: key("product", number),
        };
        Ok(self.send(staff, input).await?.product)
    }

    /// Asks for money, and answers as the provider of the development set-up does, who may be faster or not there at all.
    async fn top_up(&self, number: usize, top_up: &TopUpText) -> Result<(), SeedError> {
        let input =
            TopUpWallet { amount: top_up.amount, expected_version: None, idempotency_key: key("top-up", number) };
        let top_up_id = self.send(top_up.person, input).await?.top_up_id;
        self.provide(top_up_id).await
    }

    async fn provide(&self, top_up_id: TopUpId) -> Result<(), SeedError> {
        let failed = |source| SeedError::Failed { command: TopUpWallet::NAME, source };
        let open = self.commands.open_top_ups().await.map_err(failed)?;
        let Some(notice) = open.into_iter().find(|notice| notice.top_up_id == top_up_id) else { return Ok(()) };
        match self.commands.complete_top_up(notice).await.map_err(failed)? {
            Answer::Accepted { .. } => Ok(()),
            Answer::Rejected { errors, .. } => Err(SeedError::Rejected { command: TopUpWallet::NAME, errors }),
        }
    }

    async fn transfer(&self, number: usize, transfer: &TransferText) -> Result<(), SeedError> {
        let input = Transfer {
            to_user_id: self.person(transfer.to)?.0,
            amount: transfer.amount,
            note: Some(transfer.note.clone()),
            expected_version: None,
            idempotency_key: key("transfer", number),
        };
        self.send(transfer.from, input).await.map(|_| ())
    }

    async fn order(
        &self,
        staff: usize,
        number: usize,
        order: &OrderText,
        products: &[ProductId],
    ) -> Result<(), SeedError> {
        let input = PlaceOrder {
            lines: order.lines.iter().map(|line| line.of(products)).collect::<Result<_, _>>()?,
            delivery_address: order.address.clone(),
            idempotency_key: key("order", number),
        };
        let order_id = self.send(order.customer, input).await?.order;
        for step in order.state.steps() {
            self.step(staff, order, order_id, *step).await?;
        }
        Ok(())
    }

    /// Each step has a key of its own: an order takes each of them once.
    async fn step(&self, staff: usize, order: &OrderText, order_id: OrderId, step: Step) -> Result<(), SeedError> {
        let (expected_version, idempotency_key) = (None, Some(order_id.0.to_string()));
        let done = match step {
            Step::Pay => self.send(order.customer, PayOrder { order_id, expected_version, idempotency_key }).await,
            Step::Ship => self.send(staff, ShipOrder { order_id, expected_version, idempotency_key }).await,
            Step::Deliver => self.send(staff, ConfirmDelivery { order_id, expected_version, idempotency_key }).await,
            Step::Cancel => {
                let reason = order.reason.clone();
                self.send(order.customer, CancelOrder { order_id, reason, expected_version, idempotency_key }).await
            }
        };
        done.map(|_| ())
    }
}

impl LineText {
    fn of(&self, products: &[ProductId]) -> Result<OrderLineInput, SeedError> {
        let product_id = *products.get(self.product).ok_or(SeedError::NoProduct(self.product))?;
        Ok(OrderLineInput { product_id, quantity: self.quantity })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_shop_has_a_picture_for_each_product_and_an_order_in_each_state() {
        let shop = Shop::read().unwrap();
        let pictures: BTreeSet<String> =
            shop.products.iter().map(|product| picture(&product.slug).expect(&product.slug)).collect();
        assert_eq!(pictures.len(), shop.products.len(), "each has its own");
        assert_eq!(picture("nothing"), None);
        use State::{Cancelled, Confirmed, Delivered, Pending, Refunded, Shipped};
        for state in [Pending, Confirmed, Shipped, Delivered, Cancelled, Refunded] {
            assert!(shop.orders.iter().any(|order| order.state == state), "{state:?}");
        }
    }
}
