//! MongoDB is killed under load: at any moment, and in the middle of a projection's transaction.

use super::operator::is_ready;
use super::scene::Scene;
use crate::harness::eventually;
use crate::harness::stage::Stage;
use mongodb::bson::doc;
use serde_json::json;

const ROUNDS: usize = 3;
/// Each commit of the projector stands so long between its statements and COMMIT.
const STALL: &str = "projector.before_commit=stall:1500";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mongodb_that_is_killed_under_load_has_every_event_folded_once() {
    let stage = Stage::with_own_servers().await;
    let scene = Scene::begin(&stage).await;
    let mongodb = scene.servers().mongodb();
    for _ in 0..ROUNDS {
        scene.go_on().await;
        mongodb.kill().expect("MongoDB is killed");
        // Commands need it only for what they select.
        scene.go_on().await;
        mongodb.start().await.expect("MongoDB starts");
    }
    scene.go_on().await;
    is_ready(scene.cluster.first("projector")).await;
    scene.ends_well().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mongodb_that_is_killed_between_statements_and_commit_has_none_of_them() {
    let stage = Stage::with_own_servers().await;
    let mut scene = Scene::begin(&stage).await;
    scene.cluster.take_down("projector").await;
    scene.cluster.bring_back("projector", &[("MILLRACE_FAIL_POINTS", STALL)]).await;
    for _ in 0..ROUNDS {
        scene.go_on().await;
        a_transaction_is_open(&stage).await;
        let mongodb = scene.servers().mongodb();
        mongodb.kill().expect("MongoDB is killed");
        mongodb.start().await.expect("MongoDB starts");
    }
    scene.cluster.take_down("projector").await;
    scene.cluster.bring_back("projector", &[]).await;
    scene.ends_well().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emptied_mongodb_is_filled_again() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    let title = json!({ "title": "Before", "body": "B" });
    let before = ada.client.command("createPost", title.clone(), "").await["receipt"]["aggregateId"].clone();
    stage.mongodb().await.drop().await.expect("MongoDB is emptied");
    eventually("what was written before and what is written now are read", || async {
        let answer = ada.client.send("{ viewer { firstName } }", json!({}), &[]).await.ok()?;
        (answer.body["data"]["viewer"]["firstName"] == "Ada").then_some(())?;
        let variables = json!({ "id": before });
        let answer = ada.client.send("query($id: ID!) { post(id: $id) { title } }", variables, &[]).await.ok()?;
        (answer.body["data"]["post"]["title"] == "Before").then_some(())
    })
    .await;
    ada.client.command("createPost", title, "").await;
    process.stop().await;
}

/// Waits until a projector has sent its statements and stands before COMMIT.
async fn a_transaction_is_open(stage: &Stage) {
    let admin = stage.mongodb().await.client().database("admin");
    eventually("a transaction is open", || async {
        let status = admin.run_command(doc! { "serverStatus": 1 }).await.ok()?;
        let open = status.get_document("transactions").ok()?.get("currentOpen")?;
        (crate::checker::number(open) > 0).then_some(())
    })
    .await;
}
