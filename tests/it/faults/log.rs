//! PostgreSQL restarts under load, in order and as by a crash.

use super::operator::{complains, is_ready};
use super::scene::Scene;
use crate::harness::client::{Client, mutation};
use crate::harness::stage::Stage;
use serde_json::json;

const ROUNDS: usize = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_command_is_lost_when_postgresql_restarts() {
    let stage = Stage::with_own_servers().await;
    let scene = Scene::begin(&stage).await;
    let postgresql = scene.servers().postgresql();
    for _ in 0..ROUNDS {
        scene.go_on().await;
        postgresql.stop().await.expect("PostgreSQL stops");
        postgresql.start().await.expect("PostgreSQL starts");
        scene.go_on().await;
        postgresql.kill().expect("PostgreSQL is killed");
        postgresql.start().await.expect("PostgreSQL starts");
    }
    scene.go_on().await;
    is_ready(scene.cluster.first("relay")).await;
    scene.ends_well().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_postgresql_commands_are_refused_and_reads_go_on() {
    let stage = Stage::with_own_servers().await;
    let scene = Scene::begin(&stage).await;
    let (postgresql, post) = (scene.servers().postgresql(), scene.posts[0].clone());
    scene.go_on().await;
    postgresql.stop().await.expect("PostgreSQL stops");
    complains(scene.cluster.first("command"), "commands", "PostgreSQL does not answer").await;

    let client = Client { url: scene.cluster.urls()[1].clone(), ..scene.people[1].client.clone() };
    let like = client.send(&mutation("likePost", ""), json!({ "input": { "postId": post } }), &[]).await;
    let error = &like.expect("an answer").body["errors"][0]["extensions"];
    assert_eq!((&error["code"], &error["retryable"]), (&json!("UNAVAILABLE"), &json!(true)), "{error:#}");
    let read = client.ask("query($id: ID!) { post(id: $id) { title } }", json!({ "id": post })).await;
    assert_eq!(read["post"]["title"], "Post 0");

    postgresql.start().await.expect("PostgreSQL starts");
    scene.go_on().await;
    is_ready(scene.cluster.first("command")).await;
    scene.ends_well().await;
}
