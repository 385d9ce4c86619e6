//! Orders: placing them.

mod cancel;
mod expire;
mod pay;
mod send;
mod standing;
#[cfg(test)]
mod tests;

use crate::CommandError;
use crate::command::{Command, Handled};
use crate::fault::HandlerError;
use crate::fields::{Fields, check_room};
use crate::product::quantity;
use crate::rows::order::Status;
use crate::rows::stock_movement::Kind;
use crate::rows::{self, order, order_line, product, stock_movement, user};
use crate::unit_of_work::{Handling, UnitOfWork};
use async_graphql::InputObject;
use millrace_events::order::{OrderPlaced, OrderedLine};
use millrace_events::product::StockMoved;
use millrace_events::values::DeliveryAddress;
use millrace_events::{Date, Event, Money, OrderId, Personal, ProductId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

pub use self::cancel::CancelOrder;
pub use self::expire::{Expired, Tried};
pub use self::pay::PayOrder;
pub(crate) use self::pay::decide_funds;
pub use self::send::{ConfirmDelivery, ShipOrder};

/// The most lines of an order.
pub const LINES_MAX: usize = 50;

/// Orders products. What is ordered is set aside until it is paid, for 15 minutes unless the shop has another rule.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "PlaceOrderInput")]
#[serde(rename_all = "camelCase")]
pub struct PlaceOrder {
    /// What to order: 1 to 50 lines, each product once, all in one currency.
    pub lines: Vec<OrderLineInput>,
    /// Where it shall go, up to 500 characters.
    pub delivery_address: String,
    /// Makes repetitions harmless: within 24 hours the same key and input give the same order. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// One product to order.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderLineInput {
    /// Which product.
    pub product_id: ProductId,
    /// How many; at least 1.
    pub quantity: i32,
}

/// What a change of an order did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderChanged {
    /// The order.
    pub order: OrderId,
}

/// An order whose fields are parsed.
#[derive(Debug, Clone)]
pub struct Basket {
    lines: Vec<Wanted>,
    delivery_address: DeliveryAddress,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wanted {
    product_id: ProductId,
    quantity: u32,
}

impl Command for PlaceOrder {
    const NAME: &'static str = "placeOrder";
    type Valid = Basket;
    type Outcome = OrderChanged;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<Basket, Vec<CommandError>> {
        let mut fields = Fields::default();
        let delivery_address = fields.take("deliveryAddress", DeliveryAddress::parse(&self.delivery_address));
        let count = fields.judge(line_count(self.lines.len()));
        let mut seen = BTreeSet::new();
        let lines = self.lines.iter().take(LINES_MAX).enumerate();
        let lines: Vec<_> = lines.map(|(place, line)| fields.judge(wanted(place, line, &mut seen))).collect();
        let lines = lines.into_iter().collect::<Option<Vec<_>>>();
        let parts = lines.zip(delivery_address).zip(count);
        fields.finish(parts.map(|((lines, delivery_address), ())| Basket { lines, delivery_address }))
    }

    async fn handle(valid: &Basket, unit: &mut UnitOfWork) -> Handling<Handled<OrderChanged>> {
        let customer_id = unit.user_id()?;
        let customer = user::relied_on(unit.db(), customer_id.0).await?;
        let customer = customer.ok_or(crate::Fault::NotSignedIn)?;
        decide_another(order::unpaid_count(unit.db(), customer_id.0).await?, unit.shop().unpaid_orders_max)?;
        let ids: Vec<Uuid> = valid.lines.iter().map(|line| line.product_id.0).collect();
        let products = product::all_locked(unit.db(), &ids).await?;
        let priced = decide_place(&valid.lines, &products).map_err(HandlerError::Rejected)?;
        let order = new_order(customer_id, &customer, priced, valid, unit);
        let products = of_lines(&order, &products)?;
        write(unit, &order, &ids, &products).await?;
        record(unit, &order, &products);
        Ok(Handled::new(OrderChanged { order: order.order_id }).at(order.order_id, 1))
    }
}

/// An unpaid order costs nothing and keeps stock from everybody else. Orders of one customer that are placed at the same moment do not see
/// each other, so there may be a few more.
fn decide_another(unpaid: u64, unpaid_max: u32) -> Result<(), CommandError> {
    check_room(unpaid, unpaid_max, "unpaidOrders", "Pay or cancel one of your other orders first.")
}

fn line_count(count: usize) -> Result<(), CommandError> {
    if (1..=LINES_MAX).contains(&count) {
        return Ok(());
    }
    Err(CommandError::invalid_text("lines", format!("lines must have 1 to {LINES_MAX} entries.")))
}

fn wanted(place: usize, line: &OrderLineInput, seen: &mut BTreeSet<ProductId>) -> Result<Wanted, CommandError> {
    let quantity = quantity(&format!("lines.{place}.quantity"), line.quantity, 1)?;
    if !seen.insert(line.product_id) {
        let message = "The product stands in another line already.".to_owned();
        return Err(CommandError::invalid_text(&product_field(place), message));
    }
    Ok(Wanted { product_id: line.product_id, quantity })
}

fn product_field(place: usize) -> String {
    format!("lines.{place}.productId")
}

/// The lines at the prices of this moment, and what they cost together.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Priced {
    lines: Vec<OrderedLine>,
    total: Money,
}

/// What the order costs, if there is enough of everything. All that is wrong is told at once.
fn decide_place(wanted: &[Wanted], products: &[product::Model]) -> Result<Priced, Vec<CommandError>> {
    let by_id: HashMap<Uuid, &product::Model> = products.iter().map(|product| (product.id, product)).collect();
    let (mut lines, mut errors) = (Vec::with_capacity(wanted.len()), Vec::new());
    for (place, line) in wanted.iter().enumerate() {
        match price_line(place, *line, by_id.get(&line.product_id.0).copied()) {
            Ok(line) => lines.push(line),
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let total = total(&lines).map_err(|error| vec![error])?;
    Ok(Priced { lines, total })
}

fn price_line(place: usize, wanted: Wanted, product: Option<&product::Model>) -> Result<OrderedLine, CommandError> {
    let field = product_field(place);
    let absent = || CommandError::not_found("product", &field);
    let product = product.filter(|product| !product.retired).ok_or_else(absent)?;
    let available = rows::quantity(product.stock);
    if available < wanted.quantity {
        return Err(CommandError::out_of_stock(wanted.product_id, available, &field));
    }
    let price = rows::money(product.price_minor, &product.currency).map_err(|_| absent())?;
    Ok(OrderedLine {
        product_id: wanted.product_id,
        product_name: product.name.clone(),
        product_image: product.image_url.clone(),
        quantity: wanted.quantity,
        price,
    })
}

fn total(lines: &[OrderedLine]) -> Result<Money, CommandError> {
    use millrace_events::money::MoneyError;
    let Some(first) = lines.first() else {
        return Err(CommandError::invalid_text("lines", "lines must not be empty.".into()));
    };
    let mut total = Money::zero(first.price.currency);
    for (place, line) in lines.iter().enumerate() {
        let sum = line.price.times(line.quantity).and_then(|price| total.plus(price));
        total = sum.map_err(|error| match error {
            MoneyError::OtherCurrency(..) => {
                let message = format!("An order is in one currency: the first line is in {}.", total.currency);
                CommandError::currency_mismatch(message, &product_field(place))
            }
            MoneyError::Overflow => CommandError::invalid_text("lines", "The order costs too much.".into()),
        })?;
    }
    Ok(total)
}

fn new_order(
    customer_id: UserId,
    customer: &user::Model,
    priced: Priced,
    basket: &Basket,
    unit: &UnitOfWork,
) -> OrderPlaced {
    let (rules, now) = (unit.shop(), unit.at().moment());
    let personal = |text: String| Personal::known(customer_id, text);
    OrderPlaced {
        order_id: OrderId::generate(),
        customer_id,
        customer_name: personal(format!("{} {}", customer.first_name, customer.last_name)),
        customer_email: personal(customer.email.clone()),
        delivery_address: personal(basket.delivery_address.as_str().to_owned()),
        lines: priced.lines,
        total: priced.total,
        estimated_delivery: Date(rules.delivery_after(now.date())),
        pay_until: Timestamp::new(now + rules.pay_within),
    }
}

async fn write(unit: &UnitOfWork, order: &OrderPlaced, ids: &[Uuid], products: &[&product::Model]) -> Handling<()> {
    let at = unit.at().moment();
    rows::insert(unit.db(), order_row(order, unit)).await?;
    order_line::insert_all(unit.db(), line_rows(order)?).await?;
    product::advance_all(unit.db(), ids, at).await?;
    let reserved = order.lines.iter().zip(products).map(|(line, product)| {
        Ok(stock_movement::Model {
            product_id: line.product_id.0,
            product_version: product.version + 1,
            kind: Kind::Reserved,
            quantity: -rows::column(line.quantity)?,
            order_id: Some(order.order_id.0),
            at,
        })
    });
    let reserved = reserved.collect::<Result<Vec<_>, crate::Fault>>()?;
    Ok(stock_movement::insert_all(unit.db(), reserved).await?)
}

/// The locked products of the lines, line by line.
fn of_lines<'a>(order: &OrderPlaced, products: &'a [product::Model]) -> Result<Vec<&'a product::Model>, crate::Fault> {
    let by_id: HashMap<Uuid, &product::Model> = products.iter().map(|product| (product.id, product)).collect();
    let of_line = |id: &Uuid| by_id.get(id).copied().ok_or(crate::Fault::Missing("a product of an order"));
    order.lines.iter().map(|line| of_line(&line.product_id.0)).collect()
}

fn order_row(order: &OrderPlaced, unit: &UnitOfWork) -> order::Model {
    let at = unit.at().moment();
    order::Model {
        id: order.order_id.0,
        version: 1,
        customer_id: order.customer_id.0,
        status: Status::Pending,
        total_minor: order.total.minor(),
        currency: order.total.currency.as_str().to_owned(),
        delivery_address: order.delivery_address.value().cloned(),
        pay_until: order.pay_until.moment(),
        created_at: at,
        updated_at: at,
    }
}

fn line_rows(order: &OrderPlaced) -> Result<Vec<order_line::Model>, crate::Fault> {
    let lines = (0i16..).zip(&order.lines).map(|(place, line)| {
        Ok(order_line::Model {
            order_id: order.order_id.0,
            place,
            product_id: line.product_id.0,
            quantity: rows::column(line.quantity)?,
            price_minor: line.price.minor(),
        })
    });
    lines.collect()
}

/// The order first: what is set aside is set aside for it.
fn record(unit: &mut UnitOfWork, order: &OrderPlaced, products: &[&product::Model]) {
    unit.record(order.order_id.0, 1, Event::OrderPlaced(order.clone()));
    for (line, product) in order.lines.iter().zip(products) {
        let moved = StockMoved {
            product_id: line.product_id,
            order_id: order.order_id,
            quantity: line.quantity,
            stock: rows::quantity(product.stock) - line.quantity,
        };
        unit.record(line.product_id.0, rows::version(product.version) + 1, Event::StockReserved(moved));
    }
}
