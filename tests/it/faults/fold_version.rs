//! Documents were made by another version of a fold: an earlier one's are made anew, a later one's are left alone.

use super::operator::{complains, is_ready};
use crate::checker::{checkpoint, everything_holds, settled};
use crate::harness::client::Client;
use crate::harness::eventually;
use crate::harness::stage::Stage;
use crate::shop::Shop;
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
    assert!(process.has_said(&["WARN", "folding anew", Fold::NAME, "folded by version"]));

    set_version(&stage, "shop_2", Fold::FOLD_VERSION + 1).await;
    complains(&process, "projection shop", "only knows version").await;
    set_version(&stage, "shop_2", Fold::FOLD_VERSION).await;
    is_ready(&process).await;
    serves(&stage, "shop_2").await;
    everything_holds(&stage).await;
    process.stop().await;
}
