//! A shop for loads: staff, products, a payment provider, and customers who trade at random.

use crate::acknowledged::Acknowledged;
use crate::checker::books;
use crate::checker::log::Log;
use crate::harness::client::{Client, Person, id_of};
use crate::harness::eventually;
use crate::harness::provider::Provider;
use crate::harness::stage::Stage;
use crate::sender::Sender;
use millrace_events::Event;
use millrace_events::order::CancelledBy;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const PRODUCTS: usize = 4;
const STOCK: usize = 12;
pub const PRICE_MINOR: usize = 40;
const LINES_MAX: usize = 3;
const TOP_UP_MINOR_MAX: usize = 600;
const TRANSFER_MINOR_MAX: usize = 200;
/// Products of their own that staff have at the most while a customer trades.
const OWN_PRODUCTS_MAX: usize = 2;

/// What customers find.
#[derive(Clone)]
pub struct Market {
    pub staff: Person,
    pub provider: Provider,
    pub products: Vec<String>,
}

impl Market {
    /// Somebody is staff and admin, and has brought products.
    pub async fn open(stage: &Stage, url: &str) -> Self {
        let staff = Client::new(url).sign_up("Staff").await;
        for role in ["staff", "admin"] {
            stage.run(&["user", "grant", &staff.email, role]).await;
        }
        let mut products = Vec::new();
        for number in 0..PRODUCTS {
            let payload = staff.client.command("createProduct", product(number), "").await;
            products.push(id_of(&payload));
        }
        Self { staff, provider: Provider::of(stage), products }
    }

    /// One product more, which no [`Trader`] buys.
    pub async fn offer(&self, name: &str, stock: usize) -> String {
        id_of(&self.staff.client.command("createProduct", named(name, PRICE_MINOR, stock), "").await)
    }

    /// Whatever stays unpaid is cancelled, each order once, and none that was paid. Answers how many.
    pub async fn unpaid_orders_expire_once(&self, stage: &Stage) -> usize {
        let database = books::connect(stage).await;
        let pending = "SELECT count(*) AS n FROM orders WHERE status = 'pending'";
        let none_waits = || async { (books::number(&database, pending).await == 0).then_some(()) };
        eventually("no order waits for its payment", none_waits).await;
        books::are_sequenced(stage).await;
        let (mut paid, mut expired) = (BTreeSet::new(), BTreeSet::new());
        for recorded in Log::of(stage).await.recorded().await {
            match recorded.event {
                Event::OrderPaid(event) => assert!(paid.insert(event.order_id), "paid twice: {event:?}"),
                Event::OrderCancelled(event) if event.by == CancelledBy::Expiry => {
                    assert!(!paid.contains(&event.order_id), "it was paid: {event:?}");
                    assert!(expired.insert(event.order_id), "it expired twice: {event:?}");
                }
                _ => {}
            }
        }
        assert!(!expired.is_empty(), "no order has expired");
        expired.len()
    }
}

fn product(number: usize) -> Value {
    named(&format!("Sluice {number}"), PRICE_MINOR + number, STOCK)
}

fn named(name: &str, minor: usize, stock: usize) -> Value {
    json!({ "name": name, "description": "Of oak.", "price": eur(minor), "stock": stock })
}

fn eur(minor: usize) -> Value {
    json!({ "amountMinor": minor.to_string(), "currency": "EUR" })
}

/// A customer, with staff who see to this customer's orders.
pub struct Trader {
    market: Market,
    staff: Sender,
    /// Products that staff brought while this customer traded.
    own_products: Vec<String>,
    pending: Vec<String>,
    paid: Vec<String>,
    shipped: Vec<String>,
}

impl Trader {
    pub fn new(market: &Market, urls: &[String], seed: u64, acknowledged: &Acknowledged) -> Self {
        let staff = Sender::new(&market.staff, urls, seed).noted_by(acknowledged);
        let (pending, paid, shipped) = (Vec::new(), Vec::new(), Vec::new());
        Self { market: market.clone(), staff, own_products: Vec::new(), pending, paid, shipped }
    }

    /// One thing that customers or staff do.
    pub async fn one(&mut self, customer: &mut Sender, others: &[String]) {
        match customer.below(12) {
            0 | 1 => self.top_up(customer).await,
            2..=4 => self.place(customer).await,
            5 | 6 => self.pay(customer).await,
            7 => self.cancel(customer).await,
            8 => self.ship().await,
            9 => self.deliver().await,
            10 => transfer(customer, others).await,
            _ => self.mind_the_shop().await,
        }
    }

    /// Staff do something about this customer.
    pub async fn by_staff(&mut self, name: &str, input: Value) {
        self.staff.insist(name, input).await;
    }

    /// A notice is sent again until it is taken, as providers do.
    async fn top_up(&mut self, customer: &mut Sender) {
        let minor = 1 + customer.below(TOP_UP_MINOR_MAX);
        let payload = customer.insist_on("topUpWallet", "topUpId", json!({ "amount": eur(minor) })).await;
        let top_up = payload["topUpId"].as_str().expect("an id");
        customer.notify(&self.market.provider, top_up, i64::try_from(minor).expect("an amount")).await;
    }

    async fn place(&mut self, customer: &mut Sender) {
        let shelf = [&self.market.products[..], &self.own_products].concat();
        let (from, count) = (customer.below(shelf.len()), 1 + customer.below(LINES_MAX));
        let products = shelf.iter().cycle().skip(from).take(count);
        let lines: Vec<Value> = products.map(|id| json!({ "productId": id, "quantity": 1 + from % 2 })).collect();
        let input = json!({ "lines": lines, "deliveryAddress": "Mill Lane 1" });
        if let Some(payload) = customer.try_to("placeOrder", input, &["OutOfStock"]).await {
            self.pending.push(id_of(&payload));
        }
    }

    /// What could not be paid stays pending, unless its time is over.
    async fn pay(&mut self, customer: &mut Sender) {
        let Some(order) = self.pending.pop() else { return };
        let accepted = &["InsufficientFunds", "InvalidTransition", "PaymentOverdue"];
        match customer.try_to("payOrder", json!({ "orderId": order }), accepted).await {
            Some(_) => self.paid.push(order),
            None => self.pending.insert(0, order),
        }
    }

    async fn cancel(&mut self, customer: &mut Sender) {
        let (paid, pending) = (customer.below(2) == 0, customer.below(2) == 0);
        let order = if paid { self.paid.pop() } else { self.pending.pop().filter(|_| pending) };
        let Some(order) = order else { return };
        let input = json!({ "orderId": order, "reason": "Too wet." });
        let accepted: &[&str] = if paid { &[] } else { &["InvalidTransition"] };
        customer.try_to("cancelOrder", input, accepted).await;
    }

    async fn ship(&mut self) {
        let Some(order) = self.paid.pop() else { return };
        self.staff.insist("shipOrder", json!({ "orderId": order })).await;
        self.shipped.push(order);
    }

    async fn deliver(&mut self) {
        let Some(order) = self.shipped.pop() else { return };
        self.staff.insist("confirmDelivery", json!({ "orderId": order })).await;
    }

    async fn mind_the_shop(&mut self) {
        let product = self.market.products[self.staff.below(PRODUCTS)].clone();
        let (name, input) = match self.staff.below(5) {
            0 | 1 => ("restockProduct", json!({ "productId": product, "quantity": 1 + self.staff.below(STOCK) })),
            2 => ("updateProduct", json!({ "productId": product, "price": eur(PRICE_MINOR + self.staff.below(9)) })),
            3 if self.own_products.len() < OWN_PRODUCTS_MAX => ("createProduct", self::product(PRODUCTS)),
            _ => match self.own_products.pop() {
                Some(own) => ("retireProduct", json!({ "productId": own })),
                None => return,
            },
        };
        let payload = self.staff.insist(name, input).await;
        if name == "createProduct" {
            self.own_products.push(id_of(&payload));
        }
    }
}

async fn transfer(customer: &mut Sender, others: &[String]) {
    let (to, minor) = (&others[customer.below(others.len())], 1 + customer.below(TRANSFER_MINOR_MAX));
    let input = json!({ "toUserId": to, "amount": eur(minor), "note": "For flour." });
    // Whoever has deactivated their account cannot be sent money.
    customer.try_to("transfer", input, &["InsufficientFunds", "NotFound"]).await;
}
