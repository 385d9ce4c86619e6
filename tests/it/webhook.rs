//! The payment provider's webhook: it believes what is rightly signed and fresh, counts it once, and the development set-up calls it too.

use crate::harness::client::Client;
use crate::harness::cluster::free_address;
use crate::harness::eventually;
use crate::harness::process::Process;
use crate::harness::provider::notice;
use crate::harness::stage::Stage;
use crate::shop::Shop;
use millrace_command::PaymentResult;
use serde_json::{Value, json};
use std::time::Duration;
use time::OffsetDateTime;

/// Signatures are good for 300 s, either way.
const FAR: Duration = Duration::from_secs(600);

/// A shop whose wallets are filled by notices.
struct Scene {
    _stage: Stage,
    process: Process,
    client: Client,
    shop: Shop,
}

impl Scene {
    async fn begin() -> Self {
        let stage = Stage::new().await;
        let (process, client) = stage.all().await;
        let shop = Shop::begin(&stage, &client).await;
        Self { _stage: stage, process, client, shop }
    }

    async fn call(&self, body: &[u8], signature: &str) -> u16 {
        self.shop.provider.call(&self.client.url, body.to_vec(), signature).await.expect("an answer")
    }

    /// The wallet comes to hold so much.
    async fn holds(&self, minor: &str) {
        let shop = &self.shop;
        eventually("the wallet shows it", || async { (shop.balance(&shop.buyer.client).await == minor).then_some(()) })
            .await;
    }

    /// Every movement of the buyer's money, the newest first.
    async fn statement(&self) -> Value {
        let query =
            "{ viewer { wallets { statement { nodes { cause amount { amountMinor } balance { amountMinor } } } } } }";
        let data = self.shop.buyer.client.ask(query, json!({})).await;
        data["viewer"]["wallets"][0]["statement"]["nodes"].clone()
    }
}

fn top_up(minor: &str, balance: &str) -> Value {
    json!({ "cause": "TOP_UP", "amount": { "amountMinor": minor }, "balance": { "amountMinor": balance } })
}

#[tokio::test]
async fn the_webhook_believes_only_what_is_signed_and_counts_it_once() {
    let scene = Scene::begin().await;
    let id = scene.shop.ask_for_money(300).await;
    assert_eq!(scene.call(b"{}", "junk").await, 400);
    assert_eq!(scene.call(b"{}", "t=1,v1=00").await, 401);
    assert_eq!(scene.shop.notice(&id, "evt-1", 301).await, 422, "another amount than was asked for");
    for _ in 0..2 {
        assert_eq!(scene.shop.notice(&id, "evt-1", 300).await, 204);
    }
    scene.holds("300").await;
    assert_eq!(scene.statement().await, json!([top_up("300", "300")]));
    scene.process.stop().await;
}

/// A thief of an old notice cannot have it counted; the provider signs it anew whenever it sends it again.
#[tokio::test]
async fn what_was_rightly_signed_too_long_ago_is_refused() {
    let scene = Scene::begin().await;
    let id = scene.shop.ask_for_money(300).await;
    let body = notice(&id, PaymentResult::Succeeded, "evt-1", (300, "EUR"));
    let now = OffsetDateTime::now_utc();
    for signed_at in [now - FAR, now + FAR] {
        let told = scene.shop.provider.call_signed(&scene.client.url, body.clone(), signed_at).await;
        assert_eq!(told.expect("an answer"), 401);
    }
    let fresh = scene.shop.ask_for_money(5).await;
    assert_eq!(scene.shop.notice(&fresh, "evt-2", 5).await, 204);
    scene.holds("5").await;
    assert_eq!(scene.shop.notice(&id, "evt-1", 300).await, 204, "the refusal was not about the top-up");
    scene.holds("305").await;
    scene.process.stop().await;
}

#[tokio::test]
async fn one_event_ends_one_top_up() {
    let scene = Scene::begin().await;
    let (first, second) = (scene.shop.ask_for_money(300).await, scene.shop.ask_for_money(300).await);
    assert_eq!(scene.shop.notice(&first, "evt-1", 300).await, 204);
    for _ in 0..2 {
        assert_eq!(scene.shop.notice(&second, "evt-1", 300).await, 422, "it has ended the first one");
    }
    assert_eq!(scene.shop.notice(&first, "evt-1", 300).await, 204, "and still has");
    assert_eq!(scene.shop.notice(&second, "evt-2", 300).await, 204);
    scene.holds("600").await;
    assert_eq!(scene.statement().await, json!([top_up("300", "600"), top_up("300", "300")]));
    assert!(!scene.process.has_said(&["could not be dealt with"]), "nothing of this is a fault");
    scene.process.stop().await;
}

/// Two wallets, so that no lock keeps one notice waiting for the other: the event's id alone does.
#[tokio::test]
async fn one_event_told_of_two_top_ups_at_once_ends_one() {
    let scene = Scene::begin().await;
    let other = scene.shop.with_buyer(&scene.shop.staff);
    for round in 0..8 {
        let event = format!("evt-{round}");
        let (own, others) = (scene.shop.ask_for_money(10).await, other.ask_for_money(10).await);
        let told = tokio::join!(scene.shop.notice(&own, &event, 10), other.notice(&others, &event, 10));
        let mut told = [told.0, told.1];
        told.sort_unstable();
        assert_eq!(told, [204, 422], "round {round}");
    }
    let own =
        async |person: &Client| scene.shop.balance(person).await.as_str().and_then(|text| text.parse::<i64>().ok());
    eventually("eight top-ups in both wallets", || async {
        let both = (own(&scene.shop.buyer.client).await, own(&other.buyer.client).await);
        (both.0.unwrap_or_default() + both.1.unwrap_or_default() == 80).then_some(())
    })
    .await;
    scene.process.stop().await;
}

/// Nobody plays the provider here: the development set-up's own one does, over the webhook.
#[tokio::test]
async fn in_development_a_top_up_comes_by_itself() {
    let address = free_address();
    let webhook = format!("http://{address}/webhooks/payments");
    let stage = Stage::new().await;
    let stage =
        stage.with("MILLRACE_HTTP__LISTEN", &address).with("MILLRACE_PAYMENTS__DEVELOPMENT_WEBHOOK_URL", &webhook);
    let (process, client) = stage.all().await;
    let scene = Scene { shop: Shop::begin(&stage, &client).await, _stage: stage, process, client };
    scene.shop.ask_for_money(700).await;
    scene.holds("700").await;
    assert_eq!(scene.statement().await, json!([top_up("700", "700")]));
    let pending = "{ viewer { wallets { pendingTopUps { id } } } }";
    let data = scene.shop.buyer.client.ask(pending, json!({})).await;
    assert_eq!(data["viewer"]["wallets"][0]["pendingTopUps"], json!([]));
    scene.process.stop().await;
}
