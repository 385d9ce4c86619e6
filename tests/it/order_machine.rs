//! Every command to an order in every state: what leads on does, everything else is refused, told from where to where, and changes
//! nothing.

use crate::checker::books;
use crate::checker::log::Log;
use crate::harness::client::{Client, Person};
use crate::harness::eventually;
use crate::harness::socket::Socket;
use crate::harness::stage::Stage;
use crate::market::Market;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const STATES: [&str; 5] = ["PENDING", "CONFIRMED", "SHIPPED", "DELIVERED", "CANCELLED"];
/// Each command, and where it leads.
const COMMANDS: [(&str, &str); 4] = [
    ("payOrder", "CONFIRMED"),
    ("shipOrder", "SHIPPED"),
    ("confirmDelivery", "DELIVERED"),
    ("cancelOrder", "CANCELLED"),
];
const LEADS_ON: [(&str, &str); 5] = [
    ("PENDING", "CONFIRMED"),
    ("PENDING", "CANCELLED"),
    ("CONFIRMED", "SHIPPED"),
    ("CONFIRMED", "CANCELLED"),
    ("SHIPPED", "DELIVERED"),
];

struct Shop {
    market: Market,
    buyer: Person,
}

impl Shop {
    /// Whoever may send it.
    fn sender(&self, command: &str) -> &Client {
        if ["payOrder", "cancelOrder"].contains(&command) { &self.buyer.client } else { &self.market.staff.client }
    }

    /// Sends a command; answers all that its errors tell.
    async fn send(&self, command: &str, order: &str) -> Value {
        let input_type = format!("{}{}Input", command[..1].to_uppercase(), &command[1..]);
        let text = format!(
            "mutation($input: {input_type}!) {{ {command}(input: $input) {{
                receipt {{ version }} errors {{ __typename path ... on InvalidTransition {{ from to }} }}
            }} }}"
        );
        self.sender(command).ask(&text, json!({ "input": { "orderId": order } })).await[command].clone()
    }

    /// A new order that stands there.
    async fn order_in(&self, state: &str) -> String {
        let lines = json!([{ "productId": self.market.products[0], "quantity": 1 }]);
        let input = json!({ "lines": lines, "deliveryAddress": "Mill Lane 1" });
        let placed = self.buyer.client.command("placeOrder", input, "").await;
        let order = placed["receipt"]["aggregateId"].as_str().expect("an id").to_owned();
        let steps: &[&str] = match state {
            "PENDING" => &[],
            "CONFIRMED" => &["payOrder"],
            "SHIPPED" => &["payOrder", "shipOrder"],
            "DELIVERED" => &["payOrder", "shipOrder", "confirmDelivery"],
            _ => &["cancelOrder"],
        };
        for step in steps {
            self.sender(step).command(step, json!({ "orderId": order }), "").await;
        }
        order
    }

    /// What staff are shown of one state.
    async fn listed(&self, state: &str) -> BTreeSet<String> {
        let query = "query($status: OrderStatus!) { orders(status: $status, first: 100) { nodes { id status } } }";
        let data = self.market.staff.client.ask(query, json!({ "status": state })).await;
        let nodes = data["orders"]["nodes"].as_array().expect("nodes").iter();
        nodes.map(|node| node["id"].as_str().expect("an id").to_owned()).collect()
    }

    /// An order that is placed and paid is passed over; one that is cancelled is told.
    async fn only_what_is_cancelled_is_told(&self) {
        let client = &self.market.staff.client;
        let mut socket = Socket::open(&client.url, client.access_token.as_deref()).await;
        let query = "subscription { orders(status: CANCELLED) {
            __typename ... on OrdersSnapshot { orders { status } } ... on OrderChanged { orderId order { status } }
        } }";
        socket.subscribe("1", query, json!({})).await;
        let snapshot = socket.event("orders", "the snapshot").await;
        let shown = snapshot["orders"].as_array().expect("orders");
        assert!(!shown.is_empty() && shown.iter().all(|order| order["status"] == "CANCELLED"), "{snapshot:#}");
        self.order_in("CONFIRMED").await;
        let cancelled = self.order_in("CANCELLED").await;
        let told = socket.event("orders", "the one that is cancelled").await;
        assert_eq!((&told["orderId"], &told["order"]["status"]), (&json!(cancelled), &json!("CANCELLED")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_to_every_state_leads_on_or_is_refused() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let shop = Shop { market: Market::open(&stage, &client.url).await, buyer: client.sign_up("Ada").await };
    let amount = json!({ "amountMinor": "100000", "currency": "EUR" });
    let asked = shop.buyer.client.command("topUpWallet", json!({ "amount": amount }), "topUpId").await;
    let top_up = asked["topUpId"].as_str().expect("an id");
    assert_eq!(shop.market.provider.succeeds(&client.url, top_up, 100_000).await.expect("an answer"), 204);
    let restock = json!({ "productId": shop.market.products[0], "quantity": 1_000 });
    shop.market.staff.client.command("restockProduct", restock, "").await;
    let (log, database) = (Log::of(&stage).await, books::connect(&stage).await);
    let mut standing: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for from in STATES {
        for (command, to) in COMMANDS {
            let order = shop.order_in(from).await;
            let before = log.head().await;
            let payload = shop.send(command, &order).await;
            let leads_on = LEADS_ON.contains(&(from, to));
            let refused = json!([{ "__typename": "InvalidTransition", "path": ["orderId"], "from": from, "to": to }]);
            assert_eq!(payload["errors"], if leads_on { json!([]) } else { refused }, "{command} of one {from}");
            assert_eq!(log.head().await > before, leads_on, "{command} of one {from}: what is refused changes nothing");
            let stands = if leads_on { to } else { from };
            let id = millrace_events::OrderId::from_global(&order).expect("an id");
            let sql = format!("SELECT count(*) AS n FROM orders WHERE id = '{id}' AND upper(status) = '{stands}'");
            assert_eq!(books::number(&database, &sql).await, 1, "{command} of one {from} leaves it {stands}");
            books::add_up(&database).await;
            standing.entry(stands).or_default().insert(order);
        }
    }
    for state in STATES {
        eventually(&format!("all orders that are {state}, and no other"), || async {
            (shop.listed(state).await == standing[state]).then_some(())
        })
        .await;
    }
    shop.only_what_is_cancelled_is_told().await;
    process.stop().await;
}
