//! Two hundred buyers rush for twenty items over two command processes: exactly the twenty are sold, and nobody meets a deadlock.

use crate::checker::{books, everything_holds};
use crate::harness::client::{Client, Person, id_of};
use crate::harness::cluster::{Cluster, PAIRS};
use crate::harness::stage::Stage;
use crate::market::Market;
use crate::sender::Sender;
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::time::Duration;

const BUYERS: usize = 200;
const PRODUCTS: usize = 4;
const STOCK: usize = 5;
/// So many sign up at once.
const SIGN_UPS: usize = 10;
/// Longer than a command may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Baskets of one to three products that overlap, each in another order. Of each product more are wanted alone than there are, so that
/// nothing can be left.
fn basket(products: &[String], number: usize) -> Vec<Value> {
    let step = 1 + 2 * (number % 2);
    let places = (0..=number % 3).map(|line| (number * 7 + step * line) % products.len());
    places.map(|place| json!({ "productId": products[place], "quantity": 1 })).collect()
}

async fn products(market: &Market) -> Vec<String> {
    let mut products = Vec::new();
    for number in 0..PRODUCTS {
        let price = json!({ "amountMinor": "100", "currency": "EUR" });
        let input = json!({ "name": format!("Rare {number}"), "description": "Few.", "price": price, "stock": STOCK });
        products.push(id_of(&market.staff.client.command("createProduct", input, "").await));
    }
    products
}

async fn buyers(urls: &[String]) -> Vec<Person> {
    let mut buyers = Vec::new();
    while buyers.len() < BUYERS {
        let clients = urls.iter().cycle().take(SIGN_UPS).map(|url| Client::new(url));
        buyers.extend(join_all(clients.map(async |client: Client| client.sign_up("Buyer").await)).await);
    }
    buyers
}

/// How many items the buyer got: all of the basket, or nothing because something of it is out of stock.
async fn buys(mut buyer: Sender, lines: Vec<Value>) -> usize {
    let wanted = lines.len();
    let input = json!({ "lines": lines, "deliveryAddress": "Mill Lane 1" });
    buyer.try_to("placeOrder", input, &["OutOfStock"]).await.map_or(0, |_| wanted)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_buyers_get_exactly_the_twenty_items() {
    let stage = Stage::new().await;
    let cluster = Cluster::of_size(&stage, PAIRS).await;
    let urls = cluster.urls();
    let market = Market::open(&stage, &urls[0]).await;
    let (products, buyers) = (products(&market).await, buyers(&urls).await);
    // Of two hundred at once a busy machine refuses some for a moment.
    let bought = buyers.iter().enumerate().map(|(number, buyer)| {
        let sender = Sender::with_patience(PATIENCE, buyer, std::slice::from_ref(&buyer.client.url), number as u64);
        buys(sender, basket(&products, number))
    });
    let bought: usize = join_all(bought).await.into_iter().sum();

    let database = books::connect(&stage).await;
    let left = "SELECT coalesce(sum(stock), 0)::bigint AS n FROM products WHERE name LIKE 'Rare%'";
    assert_eq!((bought, books::number(&database, left).await), (PRODUCTS * STOCK, 0));
    everything_holds(&stage).await;
    // A backend counts what it met when it ends at the latest. A retry would hide a deadlock from the buyer, not from PostgreSQL.
    cluster.stop().await;
    let deadlocks = "SELECT deadlocks AS n FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(books::number(&database, deadlocks).await, 0, "deadlocks");
}
