//! Documents were made by another version of a fold: an earlier one's are made anew, a later one's are left alone.

use super::operator::{complains, complaint, is_ready};
use crate::checker::log::Log;
use crate::checker::{checkpoint, everything_holds, settled};
use crate::harness::client::Client;
use crate::harness::eventually;
use crate::harness::process::Process;
use crate::harness::stage::Stage;
use crate::shop::Shop;
use millrace_read::models::NAMES;
use millrace_read::models::shop::Shop as Fold;
use millrace_read::projection::Projection;
use mongodb::bson::{Document, doc};
use serde_json::json;

async fn set_version(stage: &Stage, collection: &str, version: u32) {
    let documents = stage.mongodb().await.collection::<Document>(collection);
    let update = doc! { "$set": { "foldVersion": version } };
    let updated = documents.update_one(doc! { "_id": "checkpoint" }, update).await.expect("an update");
    assert_eq!(updated.matched_count, 1, "{collection} has no checkpoint");
}

/// The products of the collection get a name that no fold would give them.
async fn rename_products(stage: &Stage, collection: &str) {
    let documents = stage.mongodb().await.collection::<Document>(collection);
    let update = doc! { "$set": { "name": "Of another fold" } };
    let updated = documents.update_many(doc! { "kind": "product" }, update).await.expect("an update");
    assert!(updated.modified_count > 0, "{collection} has no product");
}

async fn serves(stage: &Stage, collection: &str) {
    let mongodb = stage.mongodb().await;
    eventually(&format!("{collection} is served"), || async {
        checkpoint(&mongodb, Fold::NAME).await.filter(|checkpoint| checkpoint.collection == collection).map(drop)
    })
    .await;
}

/// While this one is stopped the others fold what happens, answer it, and complain of nothing.
async fn the_others_go_on(stage: &Stage, process: &Process, client: &Client) {
    let (log, mongodb) = (Log::of(stage).await, stage.mongodb().await);
    let position = async |name: &str| checkpoint(&mongodb, name).await.expect("a checkpoint").position();
    let stopped_at = position(Fold::NAME).await;
    let ada = client.sign_up("Ada").await;
    let post = json!({ "title": "Meanwhile", "body": "Words." });
    let payload = ada.client.command("createPost", post, "post { title author { fullName } }").await;
    assert_eq!(payload["post"], json!({ "title": "Meanwhile", "author": { "fullName": "Ada Test" } }));
    let head = log.head().await;
    for name in NAMES.iter().copied().filter(|name| *name != Fold::NAME) {
        let is_there = || async { (position(name).await == head).then_some(()) };
        eventually(&format!("{name} goes on while {} is stopped", Fold::NAME), is_there).await;
        assert_eq!(complaint(process, &format!("projection {name}")).await, None);
    }
    assert!(complaint(process, &format!("projection {}", Fold::NAME)).await.is_some(), "it is still stopped");
    assert!(stopped_at < head && position(Fold::NAME).await == stopped_at, "it has folded nothing more");
    let query = "query($id: ID!) { commandStatus(id: $id) { projections { name state } } }";
    let status = ada.client.ask(query, json!({ "id": payload["receipt"]["commandId"] })).await;
    for projection in status["commandStatus"]["projections"].as_array().expect("projections") {
        let is_visible = projection["state"] == "VISIBLE";
        assert_eq!(is_visible, projection["name"] != Fold::NAME, "{status:#}");
    }
}

async fn name(client: &Client, product: &str) -> serde_json::Value {
    client.ask("query($id: ID!) { product(id: $id) { name } }", json!({ "id": product })).await["product"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_earlier_fold_made_is_made_anew_and_what_a_later_one_made_is_left() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let product = Shop::begin(&stage, &client).await.product(10).await;
    settled(&stage).await;
    process.stop().await;
    set_version(&stage, "shop_1", Fold::FOLD_VERSION - 1).await;
    rename_products(&stage, "shop_1").await;

    let (process, client) = stage.all().await;
    serves(&stage, "shop_2").await;
    everything_holds(&stage).await;
    assert_eq!(name(&client, &product).await, json!({ "name": "Sluice" }));
    process.says(&["WARN", "folding anew", Fold::NAME, "folded by version"]).await;

    set_version(&stage, "shop_2", Fold::FOLD_VERSION + 1).await;
    complains(&process, "projection shop", "only knows version").await;
    the_others_go_on(&stage, &process, &client).await;
    set_version(&stage, "shop_2", Fold::FOLD_VERSION).await;
    is_ready(&process).await;
    serves(&stage, "shop_2").await;
    everything_holds(&stage).await;
    process.stop().await;
}
