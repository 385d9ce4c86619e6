//! A process dies between each two steps of a payment, a cancellation, an expiry and a provider's notice: whoever asks again gets the
//! same answer, and all of it has happened once.

use crate::checker::log::Log;
use crate::checker::{books, everything_holds};
use crate::harness::client::{Client, Person, id_of, mutation};
use crate::harness::cluster::Cluster;
use crate::harness::eventually;
use crate::harness::stage::Stage;
use crate::market::Market;
use millrace_events::order::CancelledBy;
use millrace_events::{Event, OrderId, Recorded, TopUpId};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tokio_util::sync::CancellationToken;

/// Enough for all orders of a test.
const MONEY_MINOR: i64 = 1_000_000;
const PRICE_MINOR: &str = "7";
/// Enough of a product for all orders of a test.
const STOCK: u32 = 1_000_000;
/// Of those who were answered at once, one in so many asks again too.
const ASK_AGAIN_EVERY: usize = 10;
/// Orders that are not paid expire after this long, where they shall.
const PAY_WITHIN: (&str, &str) = ("MILLRACE_SHOP__PAY_WITHIN_S", "1");
/// A quick machine places more within that time than a customer may leave unpaid.
const UNPAID_ORDERS_MAX: (&str, &str) = ("MILLRACE_SHOP__UNPAID_ORDERS_MAX", "100000");

/// A cluster, and somebody rich in a shop that is full.
struct Scene {
    stage: Stage,
    cluster: Cluster,
    market: Market,
    buyer: Person,
    product: String,
}

/// A command that was answered, and how often it was sent for that.
struct Answered {
    name: &'static str,
    input: Value,
    payload: Value,
    tries: usize,
}

impl Scene {
    async fn begin(stage: Stage) -> Self {
        let cluster = Cluster::start(&stage).await;
        let url = cluster.urls()[0].clone();
        let market = Market::open(&stage, &url).await;
        let price = json!({ "amountMinor": PRICE_MINOR, "currency": "EUR" });
        let input = json!({ "name": "Sluice", "description": "Of oak.", "price": price, "stock": STOCK });
        let product = id_of(&market.staff.client.command("createProduct", input, "").await);
        let buyer = Client::new(&url).sign_up("Ada").await;
        let scene = Self { stage, cluster, market, buyer, product };
        let top_up = scene.buyer().asks_for_money(MONEY_MINOR, "at first").await;
        assert_eq!(scene.market.provider.succeeds(&url, &top_up, MONEY_MINOR).await.expect("an answer"), 204);
        scene
    }

    fn buyer(&self) -> Buyer {
        Buyer { client: self.buyer.client.clone(), product: self.product.clone() }
    }

    /// Somebody of the staff, who sends commands as buyers do.
    fn staff(&self) -> Buyer {
        Buyer { client: self.market.staff.client.clone(), product: self.product.clone() }
    }

    /// Repeats rounds until a process has died at the point.
    async fn strike<T>(&mut self, role: &str, point: &str, round: impl AsyncFn(String) -> T) -> Vec<T> {
        let (stop, index) = (CancellationToken::new(), self.cluster.index_of(role));
        let rounds = async {
            let mut done = Vec::new();
            while !stop.is_cancelled() {
                done.push(round(format!("{point} {}", done.len())).await);
            }
            done
        };
        let strike = async {
            let struck = self.cluster.strike(index, point, 1).await;
            stop.cancel();
            struck
        };
        let (struck, done) = tokio::join!(strike, rounds);
        assert!(struck, "{point} was never reached");
        books::add_up(&books::connect(&self.stage).await).await;
        done
    }

    /// Everything holds, all money is where it should be, and as many orders as told stand as told.
    async fn ends(self, spent_minor: i64, expected: &[(&str, usize)]) {
        everything_holds(&self.stage).await;
        let database = books::connect(&self.stage).await;
        for (status, count) in expected {
            let sql = format!("SELECT count(*) AS n FROM orders WHERE status = '{status}'");
            assert_eq!(books::number(&database, &sql).await, i64::try_from(*count).expect("a count"), "{status}");
        }
        let spent = "SELECT coalesce(sum(e.amount_minor), 0)::bigint AS n
            FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.account_id WHERE a.kind = 'sales'";
        assert_eq!(books::number(&database, spent).await, spent_minor, "what was paid and not paid back");
        self.cluster.stop().await;
    }
}

#[derive(Clone)]
struct Buyer {
    client: Client,
    product: String,
}

impl Buyer {
    async fn asks_for_money(&self, minor: i64, key: &str) -> String {
        let amount = json!({ "amountMinor": minor.to_string(), "currency": "EUR" });
        let input = json!({ "amount": amount, "idempotencyKey": key });
        let asked = self.insists("topUpWallet", input, "topUpId").await;
        asked.payload["topUpId"].as_str().expect("an id").to_owned()
    }

    async fn places(&self, key: &str) -> String {
        let lines = json!([{ "productId": self.product, "quantity": 1 }]);
        let input = json!({ "lines": lines, "deliveryAddress": "Mill Lane 1", "idempotencyKey": key });
        id_of(&self.insists("placeOrder", input, "").await.payload)
    }

    async fn does(&self, name: &'static str, order: &str, key: &str) -> Answered {
        self.insists(name, json!({ "orderId": order, "idempotencyKey": key }), "").await
    }

    /// Sends a command until it is answered; it must be accepted.
    async fn insists(&self, name: &'static str, input: Value, selection: &str) -> Answered {
        let (text, variables) = (mutation(name, selection), json!({ "input": input }));
        let tries = std::cell::Cell::new(0);
        let payload = eventually("the command is answered", || async {
            tries.set(tries.get() + 1);
            let answer = self.client.send(&text, variables.clone(), &[]).await.ok()?;
            answer.body.get("errors").is_none().then(|| answer.body["data"][name].clone())
        });
        let payload = payload.await;
        assert_eq!(payload["errors"], json!([]), "{name}: {payload:#}");
        Answered { name, input, payload, tries: tries.get() }
    }

    /// Whoever met the death asks again, and some of the others: it is the same answer.
    async fn asks_again(&self, answered: &[Answered]) {
        assert!(answered.iter().any(|one| one.tries > 1), "nobody met the death");
        let again = answered.iter().enumerate().filter(|(n, one)| one.tries > 1 || n % ASK_AGAIN_EVERY == 0);
        for (_, first) in again {
            let second = self.insists(first.name, first.input.clone(), "").await.payload;
            assert_eq!(second["receipt"]["replayed"], true, "{second:#}");
            for field in ["commandId", "accepted", "aggregateId", "version", "acceptedAt"] {
                assert_eq!(second["receipt"][field], first.payload["receipt"][field], "{}: {field}", first.name);
            }
        }
    }
}

/// How often each thing happened, of the events that are picked.
async fn count<K: Ord>(stage: &Stage, pick: impl Fn(&Recorded) -> Option<K>) -> BTreeMap<K, usize> {
    let mut counts = BTreeMap::new();
    for recorded in Log::of(stage).await.recorded().await {
        if let Some(key) = pick(&recorded) {
            *counts.entry(key).or_default() += 1;
        }
    }
    counts
}

fn once<K: Ord>(keys: impl IntoIterator<Item = K>) -> BTreeMap<K, usize> {
    keys.into_iter().map(|key| (key, 1)).collect()
}

fn order(id: &str) -> OrderId {
    OrderId::from_global(id).expect("an id")
}

/// The steps that every command has.
fn steps_of(command: &str) -> Vec<String> {
    let steps = ["command.handled", "command.before_commit", "command.committed", "command.sequenced"];
    steps.iter().map(|step| format!("{step}({command})")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_that_dies_half_way_is_made_once() {
    let mut scene = Scene::begin(Stage::new().await).await;
    let (buyer, mut paid) = (scene.buyer(), BTreeSet::new());
    let points = [vec!["money.recorded(payment)".to_owned()], steps_of("payOrder")].concat();
    for point in &points {
        let pays = async |key: String| {
            let order = buyer.places(&format!("place {key}")).await;
            (order.clone(), buyer.does("payOrder", &order, &format!("pay {key}")).await)
        };
        let (orders, answered): (Vec<_>, Vec<_>) = scene.strike("command", point, pays).await.into_iter().unzip();
        buyer.asks_again(&answered).await;
        paid.extend(orders.iter().map(|id| order(id)));
    }
    let payments = count(&scene.stage, |recorded| match &recorded.event {
        Event::OrderPaid(e) => Some(e.order_id),
        _ => None,
    });
    assert_eq!(payments.await, once(paid.iter().copied()));
    let spent = PRICE_MINOR.parse::<i64>().expect("a price") * i64::try_from(paid.len()).expect("a count");
    scene.ends(spent, &[("confirmed", paid.len()), ("pending", 0), ("cancelled", 0)]).await;
}

/// Who cancels orders, and whether these were paid.
#[derive(Debug, Clone, Copy)]
struct Cancelling {
    by: CancelledBy,
    is_paid: bool,
}

impl Cancelling {
    async fn dies_half_way(self) {
        let mut scene = Scene::begin(Stage::new().await).await;
        let (buyer, mut cancelled) = (scene.buyer(), BTreeSet::new());
        let sender = if self.by == CancelledBy::Staff { scene.staff() } else { scene.buyer() };
        let own = self.is_paid.then(|| "money.recorded(refund)".to_owned());
        let points: Vec<String> = own.into_iter().chain(steps_of("cancelOrder")).collect();
        for point in &points {
            let changes_their_mind = async |key: String| {
                let order = buyer.places(&format!("place {key}")).await;
                if self.is_paid {
                    buyer.does("payOrder", &order, &format!("pay {key}")).await;
                }
                (order.clone(), sender.does("cancelOrder", &order, &format!("cancel {key}")).await)
            };
            let done = scene.strike("command", point, changes_their_mind).await;
            let (orders, answered): (Vec<_>, Vec<_>) = done.into_iter().unzip();
            sender.asks_again(&answered).await;
            cancelled.extend(orders.iter().map(|id| order(id)));
        }
        let told = count(&scene.stage, |recorded| match &recorded.event {
            Event::OrderCancelled(e) => Some((e.order_id, e.by == self.by, e.refund.is_some())),
            _ => None,
        });
        assert_eq!(told.await, once(cancelled.iter().map(|id| (*id, true, self.is_paid))));
        scene.ends(0, &[("cancelled", cancelled.len()), ("pending", 0), ("confirmed", 0)]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancellation_that_dies_half_way_gives_everything_back_once() {
    Cancelling { by: CancelledBy::Customer, is_paid: true }.dies_half_way().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_what_was_not_paid_gives_back_the_goods_alone() {
    Cancelling { by: CancelledBy::Customer, is_paid: false }.dies_half_way().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_by_staff_gives_the_customer_everything_back_once() {
    Cancelling { by: CancelledBy::Staff, is_paid: true }.dies_half_way().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expiry_that_dies_half_way_cancels_each_order_once() {
    let stage = Stage::new().await.with(PAY_WITHIN.0, PAY_WITHIN.1).with(UNPAID_ORDERS_MAX.0, UNPAID_ORDERS_MAX.1);
    let mut scene = Scene::begin(stage).await;
    let (buyer, mut placed) = (scene.buyer(), BTreeSet::new());
    let own = ["expiry.found".to_owned(), "expiry.cancelled".to_owned()];
    let points = [own.to_vec(), steps_of("expireOrder")].concat();
    for point in &points {
        let places = async |key: String| buyer.places(&format!("place {key}")).await;
        placed.extend(scene.strike("command", point, places).await.iter().map(|id| order(id)));
    }
    let expired = || {
        count(&scene.stage, |recorded| match &recorded.event {
            Event::OrderCancelled(e) if e.by == CancelledBy::Expiry => Some(e.order_id),
            _ => None,
        })
    };
    eventually("all orders have expired", || async { (expired().await.len() == placed.len()).then_some(()) }).await;
    assert_eq!(expired().await, once(placed.iter().copied()));
    scene.ends(0, &[("cancelled", placed.len()), ("pending", 0), ("confirmed", 0)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notice_whose_taker_dies_half_way_counts_once() {
    let mut scene = Scene::begin(Stage::new().await).await;
    let (buyer, provider, mut told) = (scene.buyer(), scene.market.provider.clone(), BTreeSet::new());
    let url = scene.cluster.urls()[0].clone();
    let own = ["notice.believed", "money.recorded(top_up)", "notice.settled"].map(str::to_owned);
    let points = [own.to_vec(), steps_of("completeTopUp")].concat();
    let points = points.iter().map(|point| ("command", point.as_str()));
    for (role, point) in points.chain(["webhook.received", "webhook.answered"].map(|point| ("query", point))) {
        let tells = async |key: String| {
            let top_up = buyer.asks_for_money(1, &key).await;
            let told = eventually("the notice is taken", || async {
                let status = provider.succeeds(&url, &top_up, 1).await.ok()?;
                assert!(status == 204 || status >= 500, "{status}");
                (status == 204).then_some(())
            });
            told.await;
            top_up
        };
        let top_ups = scene.strike(role, point, tells).await;
        for top_up in &top_ups {
            assert_eq!(provider.succeeds(&url, top_up, 1).await.expect("an answer"), 204, "told again");
        }
        told.extend(top_ups.iter().map(|id| TopUpId::from_global(id).expect("an id")));
    }
    let came = count(&scene.stage, |recorded| match &recorded.event {
        Event::WalletMoved(e) if e.amount.minor() == 1 => e.top_up_id,
        _ => None,
    });
    assert_eq!(came.await, once(told.iter().copied()));
    let balance = MONEY_MINOR + i64::try_from(told.len()).expect("a count");
    let there = format!("SELECT count(*) AS n FROM wallets WHERE balance_minor = {balance}");
    assert_eq!(books::number(&books::connect(&scene.stage).await, &there).await, 1, "a wallet with {balance}");
    scene.ends(0, &[]).await;
}
