//! The shop end to end: products, orders and money, in queries, over the webhook and live.

use crate::harness::client::{Client, Person, id_of, token};
use crate::harness::cluster::free_address;
use crate::harness::process::Process;
use crate::harness::provider::Provider;
use crate::harness::socket::Socket;
use crate::harness::stage::Stage;
use millrace_command::PaymentResult;
use serde_json::{Value, json};
use time::macros::format_description;
use time::{Date, Duration, Weekday};

const PRODUCT: &str = "subscription($id: ID!) { event: productChanged(id: $id) {
    __typename ... on LiveEvent { commandId } ... on ProductChanged { product { name stock retired price { amountMinor } } }
} }";
const ORDERS: &str = "subscription { event: orders {
    __typename ... on LiveEvent { commandId } ... on OrderChanged { order { status customerName } }
} }";
const OWN_ORDERS: &str = "subscription { event: viewerOrders {
    __typename ... on LiveEvent { commandId } ... on OrderChanged { order { status } }
} }";
const WALLET: &str = "subscription { event: walletChanged {
    __typename ... on LiveEvent { commandId }
    ... on WalletChanged { wallet { balance { amountMinor currency } pendingTopUps { id } } }
} }";
/// Each step of an order that is delivered: what it is, and where it leads from and to.
const WAY: [(&str, Option<&str>, &str); 4] = [
    ("order.placed", None, "PENDING"),
    ("order.paid", Some("PENDING"), "CONFIRMED"),
    ("order.shipped", Some("CONFIRMED"), "SHIPPED"),
    ("order.delivered", Some("SHIPPED"), "DELIVERED"),
];

/// A shop with staff and a customer.
#[derive(Clone)]
pub struct Shop {
    url: String,
    pub staff: Person,
    pub buyer: Person,
    pub provider: Provider,
}

impl Shop {
    pub async fn begin(stage: &Stage, client: &Client) -> Self {
        let (staff, buyer) = (client.sign_up("Staff").await, client.sign_up("Ada").await);
        stage.grant(&staff, "staff").await;
        Self { url: client.url.clone(), staff, buyer, provider: Provider::of(stage) }
    }

    /// The same shop, with somebody else who buys.
    pub fn with_buyer(&self, buyer: &Person) -> Self {
        Self { buyer: buyer.clone(), ..self.clone() }
    }

    /// The same shop, served elsewhere.
    fn at(mut self, url: &str) -> Self {
        for person in [&mut self.staff, &mut self.buyer] {
            person.client.url = url.to_owned();
        }
        Self { url: url.to_owned(), ..self }
    }

    pub async fn product(&self, stock: i32) -> String {
        let price = json!({ "amountMinor": "250", "currency": "EUR" });
        let input = json!({ "name": "Sluice", "description": "Of oak.", "price": price, "stock": stock });
        id_of(&self.staff.client.command("createProduct", input, "product { name stock inStock }").await)
    }

    pub async fn order(&self, product: &str) -> String {
        let lines = json!([{ "productId": product, "quantity": 2 }]);
        let input = json!({ "lines": lines, "deliveryAddress": "Mill Lane 1" });
        id_of(&self.buyer.client.command("placeOrder", input, "order { id }").await)
    }

    /// What a payment provider sends; answers the status.
    pub async fn notice(&self, top_up_id: &str, event_id: &str, minor: i64) -> u16 {
        let told = self.provider.tells(&self.url, top_up_id, PaymentResult::Succeeded, event_id, minor);
        told.await.expect("an answer")
    }

    pub async fn ask_for_money(&self, minor: i64) -> String {
        let amount = json!({ "amountMinor": minor.to_string(), "currency": "EUR" });
        let payload = self.buyer.client.command("topUpWallet", json!({ "amount": amount }), "topUpId").await;
        payload["topUpId"].as_str().expect("an id").to_owned()
    }

    pub async fn top_up(&self, minor: i64) {
        let id = self.ask_for_money(minor).await;
        assert_eq!(self.notice(&id, &format!("evt-{id}"), minor).await, 204);
    }

    pub async fn balance(&self, viewer: &Client) -> Value {
        let data = viewer.ask("{ viewer { wallets { balance { amountMinor } } } }", json!({})).await;
        data["viewer"]["wallets"][0]["balance"]["amountMinor"].clone()
    }

    /// Subscribes, has the snapshot, sends the mutation, and answers the first event that this command caused.
    async fn moved(
        &self,
        subscription: &str,
        variables: Value,
        viewer: &Person,
        send: (&Person, &str, Value),
    ) -> Value {
        let mut socket = Socket::open(&self.url, viewer.client.access_token.as_deref()).await;
        socket.subscribe("1", subscription, variables).await;
        socket.event("event", "the snapshot").await;
        let (sender, name, input) = send;
        let payload = sender.client.command(name, input, "").await;
        loop {
            let event = socket.event("event", name).await;
            if event["commandId"] == payload["receipt"]["commandId"] {
                return event;
            }
        }
    }
}

/// The mutations that [`moves`] has a case for.
pub const MUTATIONS: &[&str] = &[
    "createProduct",
    "updateProduct",
    "restockProduct",
    "retireProduct",
    "placeOrder",
    "payOrder",
    "shipOrder",
    "confirmDelivery",
    "cancelOrder",
    "topUpWallet",
    "transfer",
];

/// A mutation of the shop moves a subscription that shows it.
pub async fn moves(shop: &Shop, name: &str) {
    let (staff, buyer) = (&shop.staff, &shop.buyer);
    let product = shop.product(10).await;
    let watch = json!({ "id": product });
    match name {
        "createProduct" => {
            let event = shop.moved(PRODUCT, watch, buyer, (staff, "restockProduct", restock(&product))).await;
            assert_eq!(event["product"]["stock"], 11, "what was created can be watched: {event:#}");
        }
        "updateProduct" => {
            let input = json!({ "productId": product, "name": "Weir" });
            assert_eq!(shop.moved(PRODUCT, watch, buyer, (staff, name, input)).await["product"]["name"], "Weir");
        }
        "restockProduct" => {
            let event = shop.moved(PRODUCT, watch, buyer, (staff, name, restock(&product))).await;
            assert_eq!(event["product"]["stock"], 11);
        }
        "retireProduct" => {
            let event = shop.moved(PRODUCT, watch, buyer, (staff, name, json!({ "productId": product }))).await;
            assert_eq!(event["product"]["retired"], true);
        }
        "placeOrder" => {
            let lines = json!([{ "productId": product, "quantity": 3 }]);
            let input = json!({ "lines": lines, "deliveryAddress": "Mill Lane 1" });
            let event = shop.moved(ORDERS, json!({}), staff, (buyer, name, input.clone())).await;
            assert_eq!(event["order"], json!({ "status": "PENDING", "customerName": "Ada Test" }));
            assert_eq!(shop.moved(PRODUCT, watch, buyer, (buyer, name, input)).await["product"]["stock"], 4);
        }
        "topUpWallet" => {
            shop.top_up(100).await;
            let amount = json!({ "amountMinor": "5", "currency": "EUR" });
            let event = shop.moved(WALLET, json!({}), buyer, (buyer, name, json!({ "amount": amount }))).await;
            assert_eq!(event["wallet"]["pendingTopUps"].as_array().map(Vec::len), Some(1), "{event:#}");
        }
        "transfer" => {
            shop.top_up(100).await;
            let amount = json!({ "amountMinor": "30", "currency": "EUR" });
            let input = json!({ "toUserId": staff.id, "amount": amount });
            let event = shop.moved(WALLET, json!({}), buyer, (buyer, name, input)).await;
            assert_eq!(event["wallet"]["balance"]["amountMinor"], "70", "{event:#}");
        }
        _ => order_moves(shop, &product, name).await,
    }
}

fn restock(product: &str) -> Value {
    json!({ "productId": product, "quantity": 1 })
}

async fn order_moves(shop: &Shop, product: &str, name: &str) {
    let (staff, buyer) = (&shop.staff, &shop.buyer);
    shop.top_up(10_000).await;
    let input = json!({ "orderId": shop.order(product).await });
    let before: &[(&Person, &str)] = match name {
        "payOrder" | "cancelOrder" => &[],
        "shipOrder" => &[(buyer, "payOrder")],
        _ => &[(buyer, "payOrder"), (staff, "shipOrder")],
    };
    for (sender, step) in before {
        sender.client.command(step, input.clone(), "").await;
    }
    let (sender, status) = match name {
        "payOrder" => (buyer, "CONFIRMED"),
        "cancelOrder" => (buyer, "CANCELLED"),
        "shipOrder" => (staff, "SHIPPED"),
        _ => (staff, "DELIVERED"),
    };
    let event = shop.moved(OWN_ORDERS, json!({}), buyer, (sender, name, input)).await;
    assert_eq!(event["order"]["status"], status, "{event:#}");
}

/// A subscription to orders that goes on after a cursor.
fn steps(variables: &str, field: &str) -> String {
    format!(
        "subscription($after: String{variables}) {{ event: {field} {{
            __typename ... on LiveEvent {{ cursor }}
            ... on OrdersSnapshot {{ orders {{ status }} }}
            ... on OrderChanged {{
                orderId event from to order {{ timeline {{ status }} payments {{ kind amount {{ amountMinor }} }} }}
            }}
        }} }}"
    )
}

fn own_steps() -> String {
    steps("", "viewerOrders(after: $after)")
}

/// Takes the next event, which must be this step of the order.
async fn takes(socket: &mut Socket, order: &str, step: usize) -> Value {
    let (what, from, to) = WAY[step];
    let event = socket.event("event", what).await;
    let told = json!([event["orderId"], event["event"], event["from"], event["to"]]);
    assert_eq!(told, json!([order, what, from, to]), "{event:#}");
    event
}

#[tokio::test]
async fn an_order_is_followed_from_pending_to_delivered_across_a_restart() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let shop = Shop::begin(&stage, &client).await;
    let product = shop.product(5).await;
    shop.top_up(1_000).await;
    let mut socket = Socket::open(&client.url, shop.buyer.client.access_token.as_deref()).await;
    socket.subscribe("1", &own_steps(), json!({})).await;
    let before = socket.event("event", "the snapshot").await;
    assert_eq!(before["orders"], json!([]));
    let order = shop.order(&product).await;
    takes(&mut socket, &order, 0).await;
    let input = json!({ "orderId": order });
    shop.buyer.client.command("payOrder", input.clone(), "order { status }").await;
    let paid = takes(&mut socket, &order, 1).await;
    assert_eq!(paid["order"]["payments"], json!([{ "kind": "PAYMENT", "amount": { "amountMinor": "500" } }]));
    assert_eq!(shop.balance(&shop.buyer.client).await, "500");
    let stranger = client.sign_up("Eve").await;
    assert_eq!(
        stranger.client.ask("query($id: ID!) { order(id: $id) { id } }", json!({ "id": order })).await["order"],
        Value::Null
    );
    process.stop().await;
    ship_meanwhile(&stage, &shop.staff.client, &input).await;

    let (process, client) = stage.all().await;
    let shop = shop.at(&client.url);
    let mut socket = Socket::open(&client.url, shop.buyer.client.access_token.as_deref()).await;
    socket.subscribe("1", &own_steps(), json!({ "after": paid["cursor"] })).await;
    takes(&mut socket, &order, 2).await;
    let delivered = shop.staff.client.command("confirmDelivery", input, "").await;
    let last = takes(&mut socket, &order, 3).await;
    let statuses: Vec<&Value> =
        last["order"]["timeline"].as_array().expect("steps").iter().map(|step| &step["status"]).collect();
    assert_eq!(statuses, WAY.map(|(.., to)| to));
    is_listed(&shop.buyer.client, &delivered).await;
    // Whatever would come twice would come before what happens only now.
    let another = shop.order(&product).await;
    takes(&mut socket, &another, 0).await;
    all_is_told_later(&shop, &order, &before["cursor"]).await;
    process.stop().await;
}

async fn is_listed(buyer: &Client, delivered: &Value) {
    let own = "{ viewer { orders { totalCount nodes { status lines { productName quantity } } } } }";
    let data = buyer.ask_with(own, json!({}), &[("millrace-consistency", &token(delivered))]).await;
    let lines = json!([{ "productName": "Sluice", "quantity": 2 }]);
    let listed = json!({ "totalCount": 1, "nodes": [{ "status": "DELIVERED", "lines": lines }] });
    assert_eq!(data["viewer"]["orders"], listed, "{data:#}");
}

/// Who goes on from before all of it is told each step as it was, although the order has arrived: whoever follows the order, and staff
/// who watch the orders that are paid.
async fn all_is_told_later(shop: &Shop, order: &str, after: &Value) {
    let followed = steps(", $id: ID!", "orderChanged(id: $id, after: $after)");
    let mut socket = Socket::open(&shop.url, shop.buyer.client.access_token.as_deref()).await;
    socket.subscribe("1", &followed, json!({ "id": order, "after": after })).await;
    for step in 0..WAY.len() {
        takes(&mut socket, order, step).await;
    }
    socket.subscribe("2", &followed, json!({ "id": order })).await;
    let snapshot = socket.event("event", "nothing but a new snapshot").await;
    assert_eq!(snapshot["orders"], json!([{ "status": "DELIVERED" }]), "{snapshot:#}");
    let mut socket = Socket::open(&shop.url, shop.staff.client.access_token.as_deref()).await;
    let paid = steps("", "orders(status: CONFIRMED, after: $after)");
    socket.subscribe("1", &paid, json!({ "after": after })).await;
    takes(&mut socket, order, 1).await;
    takes(&mut socket, order, 2).await;
}

/// It is sent while nobody reads, relays or folds: a command process takes that, by way of another query process.
async fn ship_meanwhile(stage: &Stage, staff: &Client, input: &Value) {
    let listen = free_address();
    let command = stage.environment_with(&[("MILLRACE_COMMAND__LISTEN", &listen)]);
    let command = Process::serve("command", &command).await;
    let query = stage.environment_with(&[("MILLRACE_COMMAND__URL", &format!("http://{listen}"))]);
    let query = Process::serve("query", &query).await;
    let staff = Client { url: query.graphql(), ..staff.clone() };
    staff.command("shipOrder", input.clone(), "").await;
    query.stop().await;
    command.stop().await;
}

/// The day on which an order was paid that is paid now, and the one on which it should arrive.
async fn paid_and_expected(working_days: &str) -> (Date, Date) {
    let stage = Stage::new().await.with("MILLRACE_SHOP__DELIVERY_WORKING_DAYS", working_days);
    let (process, client) = stage.all().await;
    let shop = Shop::begin(&stage, &client).await;
    let product = shop.product(5).await;
    shop.top_up(1_000).await;
    let order = shop.order(&product).await;
    let shown = "order { estimatedDelivery timeline { status at } }";
    let paid = shop.buyer.client.command("payOrder", json!({ "orderId": order }), shown).await["order"].clone();
    let day = |value: &Value| {
        let text = value.as_str().and_then(|text| text.get(..10)).expect("a day");
        Date::parse(text, format_description!("[year]-[month]-[day]")).expect("a day")
    };
    assert_eq!(paid["timeline"][1]["status"], "CONFIRMED");
    process.stop().await;
    (day(&paid["timeline"][1]["at"]), day(&paid["estimatedDelivery"]))
}

#[tokio::test]
async fn delivery_is_expected_after_the_working_days_that_are_set() {
    let (paid, expected) = paid_and_expected("0").await;
    assert_eq!(expected, paid);
    let (paid, expected) = paid_and_expected("5").await;
    let days = match paid.weekday() {
        Weekday::Saturday => 6,
        Weekday::Sunday => 5,
        _ => 7,
    };
    assert_eq!(expected, paid + Duration::days(days));
}

#[tokio::test]
async fn products_are_searched_sorted_and_paged() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let shop = Shop::begin(&stage, &client).await;
    let mut last = Value::Null;
    for (name, price, stock) in [("Oak sluice", 300, 1), ("Elm sluice", 100, 0), ("Weir", 200, 5)] {
        let price = json!({ "amountMinor": price.to_string(), "currency": "EUR" });
        let input = json!({ "name": name, "description": "Made by hand.", "price": price, "stock": stock });
        last = shop.staff.client.command("createProduct", input, "").await;
    }
    let names = async |arguments: &str| {
        let query = format!("{{ products({arguments}) {{ nodes {{ name }} }} }}");
        let data = client.ask_with(&query, json!({}), &[("millrace-consistency", &token(&last))]).await;
        let nodes = data["products"]["nodes"].as_array().expect("nodes").clone();
        nodes.iter().map(|node| node["name"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("first: 5").await, ["Weir", "Elm sluice", "Oak sluice"]);
    assert_eq!(names("sort: PRICE_LOWEST").await, ["Elm sluice", "Weir", "Oak sluice"]);
    assert_eq!(names("sort: PRICE_HIGHEST, inStock: true").await, ["Oak sluice", "Weir"]);
    assert_eq!(names("search: \"sluice\", inStock: false").await, ["Elm sluice"]);
    let page = "query($after: String) { products(sort: PRICE_LOWEST, first: 1, after: $after) { nodes { name } pageInfo { endCursor } } }";
    let first = client.ask(page, json!({})).await;
    let second = client.ask(page, json!({ "after": first["products"]["pageInfo"]["endCursor"] })).await;
    assert_eq!(second["products"]["nodes"], json!([{ "name": "Weir" }]));
    process.stop().await;
}
