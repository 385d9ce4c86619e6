//! A parked document, from the gauge that tells of it to its repair.

use crate::checker::{checkpoint, everything_holds, settled};
use crate::harness::client::{Client, id_of};
use crate::harness::eventually;
use crate::harness::process::Process;
use crate::harness::stage::Stage;
use crate::metrics::{Metrics, shows};
use crate::shop::Shop;
use millrace_events::PostId;
use millrace_events::order::{OrderPlaced, OrderedLine};
use millrace_events::{
    Aggregate, CommandId, Currency, Date, Event, EventId, Money, OrderId, Personal, ProductId, Timestamp, UserId,
};
use millrace_log::outbox::{self, NewEvent};
use millrace_read::models::content::post;
use mongodb::bson::{Document, doc};
use redis::AsyncCommands;
use sea_orm::{Database, TransactionTrait};
use serde_json::{Value, json};
use time::OffsetDateTime;

const PAGE: &str = "query($id: ID!) { post(id: $id) { title likeCount comments(first: 5) { nodes { text } } } }";
const STALE: (&str, &str) = ("millrace-on-timeout", "stale");

async fn documents(stage: &Stage, projection: &str) -> mongodb::Collection<Document> {
    let mongodb = stage.mongodb().await;
    let served = checkpoint(&mongodb, projection).await.expect("a checkpoint");
    mongodb.collection(&served.collection)
}

/// As an earlier program would leave it that could not apply the last event.
async fn park(stage: &Stage, key: &str) {
    let mongodb = stage.mongodb().await;
    let served = checkpoint(&mongodb, "content").await.expect("a checkpoint");
    let position = i64::try_from(served.position()).expect("a position");
    let broken = doc! { "$set": { "brokenSince": position + 1 } };
    let parked = documents(stage, "content").await.update_one(doc! { "_id": key }, broken).await.expect("an update");
    assert_eq!(parked.matched_count, 1, "{key} is there");
    let letter = doc! {
        "_id": format!("{}/{}/{key}", served.collection, position + 1), "collection": &served.collection, "key": key,
        "position": position + 1, "event": "comment.added", "reason": "so",
    };
    mongodb.collection::<Document>("dead_letters").insert_one(letter).await.expect("a dead letter");
}

/// What it holds of a document is withdrawn when that is parked.
async fn forget_the_cache(stage: &Stage) {
    let mut redis = stage.redis().await;
    let keys = stage.redis_keys(&format!("{}:", stage.name)).await;
    assert!(!keys.is_empty(), "there is a cache");
    let _: u64 = redis.del(keys).await.expect("they go");
}

async fn says_parked(process: &Process, projection: &str, documents: f64, letters: f64) {
    let of = |metric: &str| format!("millrace_projection_{metric}{{projection=\"{projection}\"}}");
    shows(process, &format!("{documents} parked, {letters} letters of {projection}"), |metrics: &Metrics| {
        metrics.sample(&of("parked_documents")) == Some(documents)
            && metrics.sample(&of("dead_letters")) == Some(letters)
    })
    .await;
}

async fn page(client: &Client, id: &str) -> (Value, bool) {
    let body = client.send(PAGE, json!({ "id": id }), &[STALE]).await.expect("an answer").body;
    (body["data"]["post"].clone(), body["extensions"]["millrace"]["stale"] == true)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parked_document_is_stale_until_it_is_folded_anew() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await.client;
    let id = id_of(&ada.command("createPost", json!({ "title": "One", "body": "Words." }), "").await);
    ada.command("addComment", json!({ "postId": id, "text": "First." }), "").await;
    settled(&stage).await;
    says_parked(&process, "content", 0.0, 0.0).await;
    process.stop().await;

    let key = post::key(PostId::from_global(&id).expect("an id")).to_string();
    park(&stage, &key).await;
    forget_the_cache(&stage).await;
    let (process, client) = stage.all().await;
    let ada = Client { url: client.url.clone(), ..ada };
    ada.command("addComment", json!({ "postId": id, "text": "Second." }), "").await;
    ada.command("likePost", json!({ "postId": id }), "").await;
    settled(&stage).await;
    says_parked(&process, "content", 1.0, 1.0).await;
    let (shown, is_stale) = page(&client, &id).await;
    assert_eq!((&shown["likeCount"], is_stale), (&json!(0), true), "its last good state, marked stale: {shown:#}");
    let listed = stage.run(&["parked"]).await;
    assert!(listed.contains(&format!("content {key} since position ")) && listed.contains("comment.added: so"));

    let before = checkpoint(&stage.mongodb().await, "content").await.expect("a checkpoint");
    let said = stage.run(&["refold", "--projection", "content", "--document", &key]).await;
    assert!(said.contains(&format!("{key} was parked since position")) && said.contains("as the log has it"), "{said}");
    says_parked(&process, "content", 0.0, 0.0).await;
    let after = checkpoint(&stage.mongodb().await, "content").await.expect("a checkpoint");
    assert_eq!((after.position(), after.seq()), (before.position(), before.seq() + 1), "a change, at no new position");
    let shown = eventually("what was folded anew is shown", async || {
        let (shown, is_stale) = page(&client, &id).await;
        (shown["likeCount"] == 1 && !is_stale).then_some(shown)
    })
    .await;
    assert_eq!(shown["comments"]["nodes"][0]["text"], "Second.");
    everything_holds(&stage).await;
    let again = stage.run(&["refold", "--projection", "content", "--document", &key]).await;
    assert!(again.contains("nothing is written"), "{again}");

    ada.command("addComment", json!({ "postId": id, "text": "Third." }), "").await;
    everything_holds(&stage).await;
    assert_eq!(stage.run(&["parked"]).await, "nothing is parked\n");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_still_cannot_be_applied_stays_parked_and_others_go_on() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let shop = Shop::begin(&stage, &client).await;
    let buyer = client.sign_up("Ben").await;
    settled(&stage).await;
    let order = record_what_no_program_can_apply(&stage, UserId::from_global(&buyer.id).expect("an id")).await;
    says_parked(&process, "shop", 2.0, 2.0).await;

    let key = format!("order:{order}");
    for (projection, document, why) in [
        ("shop", key.as_str(), "still cannot be folded: event order.placed at position"),
        ("shop", "order:nobody", "no event of the log concerns order:nobody"),
        ("shops", key.as_str(), "there is no projection shops: they are people, content, shop, commands"),
    ] {
        let refused = stage.try_run(&["refold", "--projection", projection, "--document", document]).await;
        let text = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && text.contains(why), "{text}");
    }
    says_parked(&process, "shop", 2.0, 2.0).await;
    shop.product(10).await;
    settled(&stage).await;
    process.stop().await;
}

/// An order of more money than there is: no command would place it.
async fn record_what_no_program_can_apply(stage: &Stage, customer_id: UserId) -> OrderId {
    let database = Database::connect(stage.variable("MILLRACE_POSTGRES__URL")).await.expect("PostgreSQL");
    let at = Timestamp::new(OffsetDateTime::now_utc());
    let money = Money::new(i64::MAX, Currency::parse("EUR").expect("a currency"));
    let order_id = OrderId::generate();
    let line = OrderedLine {
        product_id: ProductId::generate(),
        product_name: "Everything".into(),
        product_image: None,
        quantity: 2,
        price: money,
    };
    let event = Event::OrderPlaced(OrderPlaced {
        order_id,
        customer_id,
        customer_name: Personal::Erased { of: customer_id },
        customer_email: Personal::Erased { of: customer_id },
        delivery_address: Personal::Erased { of: customer_id },
        lines: vec![line],
        total: money,
        estimated_delivery: Date(at.moment().date()),
        pay_until: at,
    });
    let kind = event.kind();
    let transaction = database.begin().await.expect("a transaction");
    let recorded = NewEvent {
        event_id: EventId::generate(),
        command_id: CommandId::generate(),
        command_ordinal: outbox::command_ordinal(&transaction).await.expect("an ordinal"),
        index: 0,
        count: 1,
        aggregate: Aggregate { kind: kind.aggregate(), id: order_id.0, version: 1 },
        name: kind.name(),
        schema_version: kind.schema_version(),
        actor: None,
        at,
        trace: None,
        payload: event.payload().expect("JSON"),
    };
    outbox::record(&transaction, &[recorded]).await.expect("an event");
    transaction.commit().await.expect("a commit");
    order_id
}
