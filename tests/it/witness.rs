//! A client that looks at what its own commands did: with its tokens it sees them at once, on every instance, and never sees less again.

use crate::harness::client::{Client, Person, id_of, mutation, token};
use crate::harness::eventually;
use crate::harness::provider::Provider;
use crate::load::Dice;
use crate::market::PRICE_MINOR;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const TRY_AGAIN_AFTER: Duration = Duration::from_millis(30);
const TRIES_MAX: usize = 2_000;
/// What a command may answer while servers come and go: it is sent again.
const COMMAND_LATER: &[&str] = &["UNAVAILABLE", "TIMEOUT", "RATE_LIMITED", "CONSISTENCY_TIMEOUT"];
/// What a read may answer: that the projection is not there yet. That there is nothing to read from, it may not.
const READ_LATER: &[&str] = &["CONSISTENCY_TIMEOUT", "TIMEOUT"];

const PAGE: &str = "query($post: ID!, $user: ID!) {
    post(id: $post) { title commentCount viewerHasLiked comments(first: 1) { nodes { text author { firstName } } } }
    user(id: $user) { firstName }
}";

/// An order, the list of the newest orders, the wallet and what is left in store: four documents, or five with the person's own.
const PURCHASE: &str = "query($order: ID!, $placed: Boolean!, $product: ID!) {
    order(id: $order) @include(if: $placed) { status timeline { status } payments { kind } }
    viewer { orders(first: 1) { nodes { status } } wallets { balance { amountMinor } pendingTopUps { id } } }
    product(id: $product) { stock }
}";

/// A witness at work until it is told to end.
pub struct Witness {
    stop: CancellationToken,
    reads: Arc<AtomicUsize>,
    work: tokio::task::JoinHandle<()>,
}

impl Witness {
    /// Begins; each request goes to whichever address comes up. Nobody else buys the product, of which there is enough.
    pub fn begin(person: Person, urls: Vec<String>, seed: u64, provider: Provider, product: (String, usize)) -> Self {
        let (stop, reads, dice) = (CancellationToken::new(), Arc::new(AtomicUsize::new(0)), Dice::new(seed + 100));
        let (tokens, counted) = ([None, None], Arc::clone(&reads));
        let sees = Sees { person, urls, dice, tokens, reads: counted, provider, product, money: 0 };
        let work = tokio::spawn(sees.until(stop.clone()));
        Self { stop, reads, work }
    }

    /// Waits for so many more answered reads.
    pub async fn reads(&self, count: usize) {
        let due = self.reads.load(Ordering::Relaxed) + count;
        eventually(&format!("a witness has read {count} times more"), || async {
            assert!(!self.work.is_finished(), "a witness has seen something wrong");
            (self.reads.load(Ordering::Relaxed) >= due).then_some(())
        })
        .await;
    }

    /// Ends, and fails if it has seen anything wrong.
    pub async fn end(self) {
        self.stop.cancel();
        self.work.await.expect("a witness that has seen nothing wrong");
    }
}

struct Sees {
    person: Person,
    urls: Vec<String>,
    dice: Dice,
    /// Of its last command, and of its last read.
    tokens: [Option<String>; 2],
    reads: Arc<AtomicUsize>,
    provider: Provider,
    /// What it buys, and how many of it there are.
    product: (String, usize),
    money: usize,
}

impl Sees {
    async fn until(mut self, stop: CancellationToken) {
        let mut round = 0;
        while !stop.is_cancelled() {
            self.life_of_a_post(round).await;
            self.life_of_an_order(round).await;
            round += 1;
        }
    }

    /// After each command its effect is seen, together with that of all before.
    async fn life_of_a_post(&mut self, round: usize) {
        let (title, name) = (format!("Title {round}"), format!("Name{round}"));
        let payload = self.command("createPost", "", json!({ "title": title, "body": "Words." })).await;
        let id = id_of(&payload);
        let page = self.page(&id).await;
        assert_eq!((&page["post"]["title"], &page["post"]["commentCount"]), (&json!(title), &json!(0)), "{page:#}");
        for count in 1..=3 {
            let text = format!("Words {round}.{count}");
            self.command("addComment", "", json!({ "postId": id, "text": text })).await;
            let post = self.page(&id).await["post"].clone();
            let last = &post["comments"]["nodes"][0]["text"];
            assert_eq!((&post["commentCount"], last), (&json!(count), &json!(text)), "{post:#}");
        }
        self.command("updateProfile", "", json!({ "firstName": name })).await;
        assert_eq!(self.page(&id).await["user"]["firstName"], json!(name));
        self.command("likePost", "", json!({ "postId": id })).await;
        let page = self.page(&id).await;
        assert_eq!((&page["post"]["viewerHasLiked"], &page["user"]["firstName"]), (&json!(true), &json!(name)));
        self.command("deletePost", "", json!({ "postId": id })).await;
        let page = self.page(&id).await;
        assert_eq!(page["post"], Value::Null, "deleted");
        assert_eq!(self.page(&id).await, page, "and so it stays");
    }

    /// After each step of a purchase the order, the list of orders, the wallet and the store agree, and are where it left them.
    async fn life_of_an_order(&mut self, round: usize) {
        let before = self.money;
        let amount = json!({ "amountMinor": PRICE_MINOR.to_string(), "currency": "EUR" });
        let payload = self.command("topUpWallet", "topUpId", json!({ "amount": amount })).await;
        let top_up = payload["topUpId"].as_str().expect("an id").to_owned();
        self.sees_purchase(None, &[], (before, 1), 0).await;
        self.is_paid_in(&top_up).await;

        let lines = json!([{ "productId": self.product.0, "quantity": 1 }]);
        let input = json!({ "lines": lines, "deliveryAddress": format!("Mill Lane {round}") });
        let order = id_of(&self.command("placeOrder", "", input).await);
        self.sees_purchase(Some(&order), &["PENDING"], (before + PRICE_MINOR, 0), 1).await;
        self.command("payOrder", "", json!({ "orderId": order })).await;
        self.sees_purchase(Some(&order), &["PENDING", "CONFIRMED"], (before, 0), 1).await;
        self.command("cancelOrder", "", json!({ "orderId": order })).await;
        self.money = before + PRICE_MINOR;
        self.sees_purchase(Some(&order), &["PENDING", "CONFIRMED", "CANCELLED"], (self.money, 0), 0).await;
    }

    /// Nobody gets a token for it; that of any later command tells of it too.
    async fn is_paid_in(&mut self, top_up: &str) {
        let (provider, minor) = (self.provider.clone(), i64::try_from(PRICE_MINOR).expect("a price"));
        provider.insists(|| self.a_url(), top_up, minor).await;
    }

    /// The order has gone this way; in the wallet is so much, and so many top-ups wait; so many pieces are taken from the store.
    async fn sees_purchase(&mut self, order: Option<&str>, way: &[&str], wallet: (usize, usize), taken: usize) {
        let (product, stock) = self.product.clone();
        let variables = json!({ "order": order.unwrap_or(&product), "placed": order.is_some(), "product": product });
        let data = self.read(PURCHASE, variables).await;
        let (order, viewer) = (&data["order"], &data["viewer"]);
        if let Some(status) = way.last() {
            let went: Vec<&Value> =
                order["timeline"].as_array().expect("a way").iter().map(|at| &at["status"]).collect();
            assert_eq!((json!(went), &order["status"]), (json!(way), &json!(status)), "{data:#}");
            assert_eq!(viewer["orders"]["nodes"][0]["status"], json!(status), "{data:#}");
            let payments = order["payments"].as_array().expect("payments").len();
            assert_eq!(payments, way.len() - 1, "one to pay, one back: {data:#}");
        }
        let (own, (minor, waiting)) = (&viewer["wallets"][0], wallet);
        assert_eq!(own["balance"]["amountMinor"], json!(minor.to_string()), "{data:#}");
        assert_eq!(own["pendingTopUps"].as_array().expect("top-ups").len(), waiting, "{data:#}");
        assert_eq!(data["product"]["stock"], json!(stock - taken), "{data:#}");
    }

    /// Sends a command under one idempotency key until it is answered.
    async fn command(&mut self, name: &str, selection: &str, mut input: Value) -> Value {
        input["idempotencyKey"] = json!(Uuid::now_v7().simple().to_string());
        let body = self.insist(&mutation(name, selection), json!({ "input": input }), COMMAND_LATER).await;
        let payload = body["data"][name].clone();
        assert_eq!(payload["errors"], json!([]), "{name}: {payload:#}");
        self.tokens[0] = Some(token(&payload));
        payload
    }

    async fn page(&mut self, post: &str) -> Value {
        let variables = json!({ "post": post, "user": self.person.id });
        self.read(PAGE, variables).await
    }

    async fn read(&mut self, query: &str, variables: Value) -> Value {
        let body = self.insist(query, variables, READ_LATER).await;
        assert_eq!(body["extensions"]["millrace"]["stale"], false, "{body:#}");
        self.tokens[1] = body["extensions"]["millrace"]["token"].as_str().map(str::to_owned);
        self.reads.fetch_add(1, Ordering::Relaxed);
        body["data"].clone()
    }

    async fn insist(&mut self, query: &str, variables: Value, later: &[&str]) -> Value {
        let tokens = self.tokens.iter().flatten().cloned().collect::<Vec<_>>().join(",");
        let headers = if tokens.is_empty() { vec![] } else { vec![("millrace-consistency", tokens.as_str())] };
        for _ in 0..TRIES_MAX {
            let client = Client { url: self.a_url(), ..self.person.client.clone() };
            let body = client.send(query, variables.clone(), &headers).await.expect("an answer").body;
            match body["errors"][0]["extensions"]["code"].as_str() {
                None => return body,
                // An access token lives for five minutes.
                Some("UNAUTHENTICATED") => {
                    self.person.client.url = self.a_url();
                    self.person.try_sign_in().await;
                }
                Some(code) => assert!(later.contains(&code), "{query}: {body:#}"),
            }
            tokio::time::sleep(TRY_AGAIN_AFTER).await;
        }
        panic!("never answered: {query}");
    }

    fn a_url(&mut self) -> String {
        self.urls[self.dice.below(self.urls.len())].clone()
    }
}
