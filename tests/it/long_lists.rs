//! Lists that are longer than what one document keeps of them: orders past the newest, a statement past its newest lines, an order with
//! as many lines as may be.

use crate::harness::client::{Client, id_of, token};
use crate::harness::stage::Stage;
use crate::shop::Shop;
use serde_json::{Value, json};

/// The document of the newest orders keeps 20.
const ORDERS: usize = 45;
/// The document of a wallet keeps 200 lines.
const TRANSFERS: usize = 215;
const PAGE: usize = 7;
const STATEMENT_PAGE: usize = 60;
const LINES_MAX: usize = 50;

/// A connection that is read page by page.
struct List<'a> {
    viewer: &'a Client,
    /// The query; `ARGUMENTS` stands where the page's are.
    query: &'a str,
    /// Where the connection is in the answer.
    pointer: &'a str,
    /// What tells one entry from the others.
    key: &'a str,
    token: String,
}

impl List<'_> {
    async fn page(&self, arguments: &str) -> Value {
        let query = self.query.replace("ARGUMENTS", arguments);
        let data = self.viewer.ask_with(&query, json!({}), &[("millrace-consistency", &self.token)]).await;
        data.pointer(self.pointer).expect("a connection").clone()
    }

    fn keys(&self, page: &Value) -> Vec<String> {
        let nodes = page["nodes"].as_array().expect("nodes").iter();
        nodes.map(|node| node[self.key].as_str().expect("a key").to_owned()).collect()
    }

    /// All entries, read from the front.
    async fn forwards(&self, size: usize) -> Vec<String> {
        let (mut all, mut arguments) = (Vec::new(), format!("first: {size}"));
        loop {
            let page = self.page(&arguments).await;
            let (keys, info) = (self.keys(&page), &page["pageInfo"]);
            assert_eq!(info["hasPreviousPage"], json!(!all.is_empty()), "{page:#}");
            all.extend(keys);
            if info["hasNextPage"] == false {
                return all;
            }
            arguments = format!("first: {size}, after: {}", info["endCursor"]);
        }
    }

    /// All entries, read from the back.
    async fn backwards(&self, size: usize) -> Vec<String> {
        let (mut all, mut arguments): (Vec<String>, _) = (Vec::new(), format!("last: {size}"));
        loop {
            let page = self.page(&arguments).await;
            let (keys, info) = (self.keys(&page), &page["pageInfo"]);
            assert_eq!(info["hasNextPage"], json!(!all.is_empty()), "{page:#}");
            all.splice(0..0, keys);
            if info["hasPreviousPage"] == false {
                return all;
            }
            arguments = format!("last: {size}, before: {}", info["startCursor"]);
        }
    }
}

const OWN_ORDERS: &str = "{ viewer { orders(ARGUMENTS) {
    totalCount nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
} } }";
const STATEMENT: &str = "{ viewer { wallets { statement(ARGUMENTS) {
    nodes { note } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
} } } }";

#[tokio::test]
async fn orders_older_than_the_newest_are_paged_both_ways() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let shop = Shop::begin(&stage, &client).await;
    let product = shop.product(1_000).await;
    let (mut placed, mut last) = (Vec::new(), Value::Null);
    for _ in 0..ORDERS {
        let lines = json!([{ "productId": product, "quantity": 1 }]);
        let input = json!({ "lines": lines, "deliveryAddress": "Mill Lane 1" });
        last = shop.buyer.client.command("placeOrder", input, "").await;
        placed.insert(0, id_of(&last));
    }
    let list = List {
        viewer: &shop.buyer.client,
        query: OWN_ORDERS,
        pointer: "/viewer/orders",
        key: "id",
        token: token(&last),
    };
    assert_eq!(list.forwards(PAGE).await, placed, "the newest first");
    assert_eq!(list.backwards(PAGE).await, placed);
    assert_eq!(list.forwards(ORDERS).await, placed, "all at once");
    assert_eq!(list.page("first: 1").await["totalCount"], ORDERS);
    process.stop().await;
}

#[tokio::test]
async fn a_statement_longer_than_its_document_is_paged_both_ways() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let shop = Shop::begin(&stage, &client).await;
    shop.top_up(1_000).await;
    let (mut noted, mut last) = (Vec::new(), Value::Null);
    for number in 0..TRANSFERS {
        let amount = json!({ "amountMinor": "1", "currency": "EUR" });
        let input = json!({ "toUserId": shop.staff.id, "amount": amount, "note": format!("Number {number}") });
        last = shop.buyer.client.command("transfer", input, "").await;
        noted.insert(0, format!("Number {number}"));
    }
    // Whoever got all of it has nothing else in the wallet, as the sender has.
    let list = List {
        viewer: &shop.staff.client,
        query: STATEMENT,
        pointer: "/viewer/wallets/0/statement",
        key: "note",
        token: token(&last),
    };
    assert_eq!(list.forwards(STATEMENT_PAGE).await, noted, "the newest first");
    assert_eq!(list.backwards(STATEMENT_PAGE).await, noted);
    process.stop().await;
}

#[tokio::test]
async fn an_order_has_up_to_fifty_lines() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let shop = Shop::begin(&stage, &client).await;
    let mut products = Vec::new();
    for _ in 0..=LINES_MAX {
        products.push(shop.product(2).await);
    }
    let input = |count: usize| {
        let lines: Vec<Value> = products[..count].iter().map(|id| json!({ "productId": id, "quantity": 2 })).collect();
        json!({ "lines": lines, "deliveryAddress": "Mill Lane 1" })
    };
    let refused = shop.buyer.client.try_command("placeOrder", input(LINES_MAX + 1), "").await;
    let error = &refused["errors"][0];
    assert_eq!((&error["code"], &error["path"]), (&json!("VALIDATION_ERROR"), &json!(["lines"])), "{refused:#}");

    let selection = "order { totalPrice { amountMinor } lines { productId quantity totalPrice { amountMinor } } }";
    let placed = shop.buyer.client.command("placeOrder", input(LINES_MAX), selection).await;
    let line = |id: &String| json!({ "productId": id, "quantity": 2, "totalPrice": { "amountMinor": "500" } });
    let lines: Vec<Value> = products[..LINES_MAX].iter().map(line).collect();
    let order = &placed["order"];
    assert_eq!((&order["totalPrice"]["amountMinor"], &order["lines"]), (&json!("25000"), &json!(lines)));
    shop.top_up(25_000).await;
    let paid = shop.buyer.client.command("payOrder", json!({ "orderId": id_of(&placed) }), "").await;
    let own = "{ viewer { orders { nodes { status lines { productId } } } } }";
    let data = shop.buyer.client.ask_with(own, json!({}), &[("millrace-consistency", &token(&paid))]).await;
    let shown = &data["viewer"]["orders"]["nodes"][0];
    assert_eq!(shown["lines"].as_array().map(Vec::len), Some(LINES_MAX), "{shown:#}");
    assert_eq!(shown["status"], "CONFIRMED");
    let cancelled = shop.buyer.client.command("cancelOrder", json!({ "orderId": id_of(&placed) }), "").await;
    let query = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Product { stock } } }";
    let header = token(&cancelled);
    let back = client.ask_with(query, json!({ "ids": products }), &[("millrace-consistency", &header)]).await;
    let stocks: Vec<&Value> = back["nodes"].as_array().expect("nodes").iter().map(|node| &node["stock"]).collect();
    assert!(stocks.iter().all(|stock| **stock == json!(2)), "all lines came back: {stocks:?}");
    process.stop().await;
}
