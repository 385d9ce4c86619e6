//! Reads need neither PostgreSQL nor NATS, nor does the end of a sign-in need PostgreSQL to reach them; with Redis away the answers are
//! the same.

use crate::checker::log::Log;
use crate::checker::settled;
use crate::harness::client::{Client, Person, id_of};
use crate::harness::cluster::Cluster;
use crate::harness::eventually;
use crate::harness::socket::{Received, Socket};
use crate::harness::stage::Stage;
use crate::shop::Shop;
use serde_json::{Value, json};

/// Everything at once is more than a client may ask.
const MANY_ROOTS: (&str, &str) = ("MILLRACE_LIMITS__ROOT_FIELDS_MAX", "100");
const EVERYTHING: &str = "query($post: ID!, $user: ID!, $product: ID!, $order: ID!, $command: ID!) {
    post(id: $post) { id title body commentCount likeCount author { fullName followerCount } comments { nodes { text author { fullName } } } }
    user(id: $user) { fullName postCount followerCount posts { nodes { title } } }
    posts(first: 5) { nodes { title } }
    users(search: \"Ada\") { nodes { fullName } }
    feed { nodes { title } }
    product(id: $product) { name stock inStock price { amountMinor currency } }
    products(first: 5) { nodes { name stock } }
    search: products(search: \"sluice\") { nodes { name } }
    order(id: $order) { status totalPrice { amountMinor } lines { productName quantity product { stock } } timeline { status at } payments { kind } }
    viewer {
        user { email }
        orders(first: 5) { nodes { id status customerName } }
        wallets { balance { amountMinor } statement(first: 5) { nodes { cause amount { amountMinor } balance { amountMinor } } } }
    }
    node(id: $order) { __typename id }
    nodes(ids: [$post, $user, $product]) { __typename id }
    commandStatus(id: $command) { state firstPosition lastPosition aggregateId projections { name state } }
}";

/// Ben reads what he and Ada wrote, and what he bought.
async fn fill(stage: &Stage, client: &Client) -> (Client, Value) {
    let (ada, ben) = (client.sign_up("Ada").await, client.sign_up("Ben").await);
    let post = json!({ "title": "Still here", "body": "Words.", "tags": ["water"] });
    let payload = ada.client.command("createPost", post, "post { id }").await;
    let id = payload["post"]["id"].clone();
    ben.client.command("addComment", json!({ "postId": id, "text": "Yes." }), "post { id }").await;
    ben.client.command("followUser", json!({ "userId": ada.id }), "user { id }").await;
    let last = ben.client.command("likePost", json!({ "postId": id }), "post { likeCount }").await;
    assert_eq!(last["post"]["likeCount"], 1);
    let (product, order, command) = buy(stage, client, &ben).await;
    settled(stage).await;
    let variables = json!({ "post": id, "user": ada.id, "product": product, "order": order, "command": command });
    (ben.client, variables)
}

/// A product, a paid order of it, and the command that paid.
async fn buy(stage: &Stage, client: &Client, buyer: &Person) -> (String, String, Value) {
    let mut shop = Shop::begin(stage, client).await;
    shop.buyer = buyer.clone();
    let product = shop.product(10).await;
    shop.top_up(1_000).await;
    let lines = json!([{ "productId": product, "quantity": 2 }]);
    let input = json!({ "lines": lines, "deliveryAddress": "Mill Lane 1" });
    let order = id_of(&buyer.client.command("placeOrder", input, "").await);
    let paid = buyer.client.command("payOrder", json!({ "orderId": order }), "").await;
    (product, order, paid["receipt"]["commandId"].clone())
}

/// Nothing is missing in an answer that is then compared.
fn is_complete(answer: &Value) {
    for path in [
        "/post/comments/nodes/0/text",
        "/feed/nodes/0/title",
        "/product/stock",
        "/products/nodes/0/name",
        "/search/nodes/0/name",
        "/order/payments/0/kind",
        "/viewer/orders/nodes/0/status",
        "/viewer/wallets/0/statement/nodes/1/cause",
        "/node/id",
        "/nodes/2/id",
        "/commandStatus/firstPosition",
    ] {
        assert!(answer.pointer(path).is_some_and(|value| !value.is_null()), "{path} of {answer:#}");
    }
}

#[tokio::test]
async fn the_query_role_answers_with_postgresql_and_nats_stopped() {
    let stage = Stage::with_own_servers().await.with(MANY_ROOTS.0, MANY_ROOTS.1);
    let (all, client) = stage.all().await;
    let (reader, variables) = fill(&stage, &client).await;
    let before = reader.ask(EVERYTHING, variables.clone()).await;
    is_complete(&before);
    all.stop().await;
    let servers = stage.servers.as_ref().expect("own servers");
    servers.postgresql().stop().await.expect("PostgreSQL stops");
    servers.nats().stop().await.expect("NATS stops");

    let nowhere =
        [("MILLRACE_POSTGRES__URL", ""), ("MILLRACE_NATS__URL", ""), ("MILLRACE_COMMAND__URL", "http://127.0.0.1:9")];
    let query = crate::harness::process::Process::serve("query", &stage.environment_with(&nowhere)).await;
    let moved = Client { url: query.graphql(), ..reader };
    assert_eq!(moved.ask(EVERYTHING, variables).await, before);
    let refused = moved
        .send(&crate::harness::client::mutation("signOut", ""), json!({ "input": {} }), &[])
        .await
        .expect("an answer");
    assert_eq!(refused.body["errors"][0]["extensions"]["code"], "UNAVAILABLE", "{:#}", refused.body);
    query.stop().await;
}

const WHO: &str = "{ viewer { user { id } } }";

/// Whether a token is taken: the code of the refusal if it is not.
async fn refusal(client: &Client) -> Option<String> {
    let answer = client.send(WHO, json!({}), &[]).await.expect("an answer");
    answer.body["errors"][0]["extensions"]["code"].as_str().map(str::to_owned)
}

/// Waits until the stream holds the whole log.
async fn is_relayed(stage: &Stage) {
    let (log, context) = (Log::of(stage).await, async_nats::jetstream::new(stage.nats().await));
    eventually("the stream holds the log", || async {
        let mut stream = context.get_stream(format!("{}-log", stage.name)).await.ok()?;
        let last = stream.info().await.ok()?.state.last_sequence;
        (last == log.head().await).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_end_of_a_sign_in_reaches_queries_without_postgresql() {
    let stage = Stage::with_own_servers().await;
    let mut cluster = Cluster::start(&stage).await;
    let urls = cluster.urls();
    let client = Client::new(&urls[0]);
    let (ada, ben) = (client.sign_up("Ada").await, client.sign_up("Ben").await);
    settled(&stage).await;
    let everywhere = |person: &Person| -> Vec<Client> {
        urls.iter().map(|url| Client { url: url.clone(), ..person.client.clone() }).collect()
    };
    for client in everywhere(&ada).iter().chain(&everywhere(&ben)) {
        assert_eq!(refusal(client).await, None);
    }
    cluster.take_down("projector").await;
    ada.client.command("signOut", json!({}), "").await;
    is_relayed(&stage).await;
    stage.servers.as_ref().expect("own servers").postgresql().stop().await.expect("PostgreSQL stops");
    assert_eq!(refusal(&everywhere(&ada)[1]).await, None, "nobody has folded it, and nobody asks PostgreSQL");

    cluster.bring_back("projector", &[]).await;
    for client in everywhere(&ada) {
        let is_refused = || async { refusal(&client).await.filter(|code| code == "UNAUTHENTICATED") };
        eventually("the token is refused", is_refused).await;
        let socket = Socket::try_open(&client.url, client.access_token.as_deref()).await;
        assert!(matches!(socket, Err(Received::Closed(4403))), "a socket is refused, too");
    }
    for client in everywhere(&ben) {
        assert_eq!(refusal(&client).await, None, "another's sign-in goes on");
    }
    cluster.stop().await;
}

#[tokio::test]
async fn with_redis_off_all_answers_are_the_same() {
    let stage = Stage::with_own_servers().await.with(MANY_ROOTS.0, MANY_ROOTS.1);
    let (all, client) = stage.all().await;
    let (reader, variables) = fill(&stage, &client).await;
    let before = reader.ask(EVERYTHING, variables.clone()).await;
    is_complete(&before);
    let servers = stage.servers.as_ref().expect("own servers");
    servers.redis().stop().await.expect("Redis stops");
    assert_eq!(reader.ask(EVERYTHING, variables.clone()).await, before);

    let post = json!({ "title": "Without a cache", "body": "Words." });
    let payload = reader.command("createPost", post, "post { title }").await;
    assert_eq!(payload["post"]["title"], "Without a cache", "a command shows in its payload: {payload:#}");
    servers.redis().start().await.expect("Redis starts");
    assert_ne!(reader.ask(EVERYTHING, variables).await, before, "the new post is in the list");
    all.stop().await;
}
