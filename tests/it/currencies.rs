//! Two currencies side by side: each wallet, order, payment and transfer is in one of them, and they never meet.

use crate::checker::{books, everything_holds};
use crate::harness::client::{Client, Person, id_of, token};
use crate::harness::provider::{Provider, notice};
use crate::harness::socket::Socket;
use crate::harness::stage::Stage;
use futures_util::StreamExt;
use millrace_command::PaymentResult;
use millrace_events::Currency;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use time::OffsetDateTime;

/// So many commands are under way.
const AT_ONCE: usize = 8;

/// In each currency all that came in lies in wallets or was earned.
const NOT_THERE: &str = "SELECT count(*) AS n FROM (
    SELECT a.currency FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.account_id
    GROUP BY a.currency HAVING sum(e.amount_minor) <> 0
) AS wrong";
const WALLETS: &str = "{ viewer { wallets {
    currency balance { amountMinor currency } statement { nodes { cause amount { amountMinor currency } } }
} } }";

fn money(minor: i64, currency: &str) -> Value {
    json!({ "amountMinor": minor.to_string(), "currency": currency })
}

/// A shop that sells for euros and for dollars.
struct Scene {
    client: Client,
    staff: Person,
    ada: Person,
    ben: Person,
    provider: Provider,
}

impl Scene {
    async fn begin(stage: &Stage, client: &Client) -> Self {
        let (staff, ada, ben) =
            (client.sign_up("Staff").await, client.sign_up("Ada").await, client.sign_up("Ben").await);
        stage.grant(&staff, "staff").await;
        Self { client: client.clone(), staff, ada, ben, provider: Provider::of(stage) }
    }

    async fn product(&self, minor: i64, currency: &str) -> String {
        let input = json!({ "name": "Sluice", "description": "Of oak.", "price": money(minor, currency), "stock": 9 });
        id_of(&self.staff.client.command("createProduct", input, "").await)
    }

    async fn tells(&self, top_up: &str, minor: i64, currency: &str) -> u16 {
        let body = notice(top_up, PaymentResult::Succeeded, &format!("evt-{top_up}"), (minor, currency));
        let told = self.provider.call_signed(&self.client.url, body, OffsetDateTime::now_utc());
        told.await.expect("an answer")
    }

    /// Answers the wallet.
    async fn top_up(&self, minor: i64, currency: &str) -> String {
        let input = json!({ "amount": money(minor, currency) });
        let payload = self.ada.client.command("topUpWallet", input, "topUpId").await;
        let id = payload["topUpId"].as_str().expect("an id");
        let other = if currency == "EUR" { "USD" } else { "EUR" };
        assert_eq!(self.tells(id, minor, other).await, 422, "as many, but of another currency");
        assert_eq!(self.tells(id, minor, currency).await, 204);
        id_of(&payload)
    }

    async fn order(&self, products: &[&String]) -> Value {
        let lines: Vec<Value> = products.iter().map(|id| json!({ "productId": id, "quantity": 2 })).collect();
        let input = json!({ "lines": lines, "deliveryAddress": "Mill Lane 1" });
        let selection = "order { totalPrice { amountMinor currency } lines { totalPrice { amountMinor currency } } }
            errors { ... on CurrencyMismatch { code path } }";
        self.ada.client.try_command("placeOrder", input, selection).await
    }

    async fn pay(&self, order: &str) -> Value {
        let selection = "order { status payments { amount { amountMinor currency } } }
            errors { ... on InsufficientFunds { balance { amountMinor currency } missing { amountMinor currency } } }";
        self.ada.client.try_command("payOrder", json!({ "orderId": order }), selection).await
    }

    async fn transfer(&self, amount: Value) -> Value {
        let input = json!({ "toUserId": self.ben.id, "amount": amount });
        let selection = "wallet { currency balance { amountMinor currency } }
            errors { ... on InsufficientFunds { balance { amountMinor currency } missing { amountMinor currency } } }";
        self.ada.client.try_command("transfer", input, selection).await
    }
}

/// A person's wallets as a read with this payload's token shows them: currency, balance, and what moved it, the newest first.
async fn wallets(person: &Person, payload: &Value) -> Vec<(String, Value, Value)> {
    let data = person.client.ask_with(WALLETS, json!({}), &[("millrace-consistency", &token(payload))]).await;
    let wallets = data["viewer"]["wallets"].as_array().expect("wallets").iter().map(|wallet| {
        let currency = wallet["currency"].as_str().expect("a currency").to_owned();
        (currency, wallet["balance"].clone(), wallet["statement"]["nodes"].clone())
    });
    let mut wallets: Vec<_> = wallets.collect();
    wallets.sort_by(|one, other| one.0.cmp(&other.0));
    wallets
}

fn moved(cause: &str, minor: i64, currency: &str) -> Value {
    json!({ "cause": cause, "amount": money(minor, currency) })
}

#[tokio::test]
async fn euros_and_dollars_never_meet() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let scene = Scene::begin(&stage, &client).await;
    let (for_euros, for_dollars) = (scene.product(30, "EUR").await, scene.product(7, "USD").await);
    let wallet = scene.top_up(100, "EUR").await;

    let mixed = scene.order(&[&for_euros, &for_dollars]).await;
    let error = &mixed["errors"][0];
    let told = (&error["__typename"], &error["code"], &error["path"]);
    let expected = (json!("CurrencyMismatch"), json!("CURRENCY_MISMATCH"), json!(["lines", "1", "productId"]));
    assert_eq!(told, (&expected.0, &expected.1, &expected.2), "{mixed:#}");

    let order = scene.order(&[&for_dollars]).await;
    assert_eq!(order["order"]["totalPrice"], money(14, "USD"), "{order:#}");
    let order = id_of(&order);
    for refused in [scene.pay(&order).await, scene.transfer(money(14, "USD")).await] {
        let error = &refused["errors"][0];
        assert_eq!(error["__typename"], "InsufficientFunds", "a hundred euros are no dollars: {refused:#}");
        assert_eq!((&error["balance"], &error["missing"]), (&money(0, "USD"), &money(14, "USD")));
    }
    let wallet_of_dollars = scene.top_up(50, "USD").await;
    assert_ne!(wallet, wallet_of_dollars);
    let paid = scene.pay(&order).await;
    assert_eq!(paid["order"]["payments"], json!([{ "amount": money(14, "USD") }]), "{paid:#}");
    let sent = scene.transfer(money(6, "USD")).await;
    assert_eq!(sent["wallet"], json!({ "currency": "USD", "balance": money(30, "USD") }), "{sent:#}");

    let euros = ("EUR".to_owned(), money(100, "EUR"), json!([moved("TOP_UP", 100, "EUR")]));
    let dollars = ["TRANSFER_SENT", "PAYMENT", "TOP_UP"].into_iter().zip([-6, -14, 50]);
    let dollars: Value = dollars.map(|(cause, minor)| moved(cause, minor, "USD")).collect();
    let dollars = ("USD".to_owned(), money(30, "USD"), dollars);
    assert_eq!(wallets(&scene.ada, &sent).await, [euros, dollars]);
    let got = json!([moved("TRANSFER_RECEIVED", 6, "USD")]);
    assert_eq!(wallets(&scene.ben, &sent).await, [("USD".to_owned(), money(6, "USD"), got)]);

    let cancelled = scene.staff.client.command("cancelOrder", json!({ "orderId": order }), "").await;
    assert_eq!(wallets(&scene.ada, &cancelled).await[1].1, money(44, "USD"), "the refund is in what was paid");
    assert_eq!(books::number(&books::connect(&stage).await, NOT_THERE).await, 0, "each currency adds up by itself");
    everything_holds(&stage).await;
    process.stop().await;
}

/// All codes of currencies that there are.
fn currencies() -> Vec<String> {
    let letters = || 'A'..='Z';
    let codes =
        letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| String::from_iter([a, b, c]))));
    codes.filter(|code| Currency::parse(code).is_ok()).collect()
}

/// Whoever is sent money in all currencies, by strangers even, still sees what they had before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wallet_in_each_currency_is_listed() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    let asked = currencies().into_iter().map(async |currency| {
        let input = json!({ "amount": money(1, &currency) });
        ada.client.command("topUpWallet", input, "").await;
        currency
    });
    let opened: BTreeSet<String> = futures_util::stream::iter(asked).buffer_unordered(AT_ONCE).collect().await;
    assert!(opened.len() > 150, "{opened:?}");
    everything_holds(&stage).await;
    let of = |wallets: &Value| -> BTreeSet<String> {
        let wallets = wallets.as_array().expect("wallets").iter();
        wallets.map(|wallet| wallet["currency"].as_str().expect("a currency").to_owned()).collect()
    };
    let data = ada.client.ask("{ viewer { wallets { currency } } }", json!({})).await;
    assert_eq!(of(&data["viewer"]["wallets"]), opened);
    let mut socket = Socket::open(&client.url, ada.client.access_token.as_deref()).await;
    socket
        .subscribe("1", "subscription { walletChanged { ... on WalletsSnapshot { wallets { currency } } } }", json!({}))
        .await;
    let snapshot = socket.event("walletChanged", "the snapshot").await;
    assert_eq!(of(&snapshot["wallets"]), opened);
    process.stop().await;
}
