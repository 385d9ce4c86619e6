//! Servers that are away: clients get typed errors and nothing of a driver, operators see which it is, and it heals by itself.

use crate::harness::client::{Client, mutation};
use crate::harness::eventually;
use crate::harness::process::Process;
use crate::harness::socket::{Received, Socket};
use crate::harness::stage::Stage;
use millrace_servers::Servers;
use reqwest::StatusCode;
use serde_json::{Value, json};

const READ: &str =
    "query($post: ID!) { post(id: $post) { title author { followerCount } } posts(first: 1) { nodes { id } }
    viewer { user { fullName } } }";
const LISTEN: &str = "subscription($post: ID!) { postChanged(id: $post) { __typename } }";

/// The codes of the errors of an answer, in which nothing must be told of our insides.
fn codes(body: &Value, servers: &Servers) -> Vec<String> {
    let text = body.to_string();
    let ports = servers.all().map(|server| server.port().to_string());
    let ours = ["mongo", "redis", "nats", "postgres", "sqlx", "127.0.0.1", "Kind:", "os error", "server selection"];
    for word in ours.into_iter().chain(ports.iter().map(String::as_str)) {
        assert!(!text.to_lowercase().contains(&word.to_lowercase()), "`{word}` leaked: {text}");
    }
    let errors = body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    errors.iter().map(|error| error["extensions"]["code"].as_str().expect("a code").to_owned()).collect()
}

async fn readiness(process: &Process) -> (StatusCode, Value) {
    let response = reqwest::get(format!("{}/readyz", process.operations())).await.expect("an answer");
    (response.status(), response.json().await.expect("JSON"))
}

/// Waits until operators are told that this is why the process is not ready; the public is not.
async fn not_ready(process: &Process, why: &str) {
    eventually(why, async || {
        let (status, body) = readiness(process).await;
        let details = body["checks"].as_array()?.iter().filter(|check| check["ready"] == false);
        let is_told = details.filter_map(|check| check["detail"].as_str()).any(|detail| detail.contains(why));
        (is_told && status == StatusCode::SERVICE_UNAVAILABLE).then_some(())
    })
    .await;
    let public = reqwest::get(process.graphql().replace("/graphql", "/readyz")).await.expect("an answer");
    assert_eq!(public.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(public.text().await.unwrap(), "not ready\n");
}

async fn ready(process: &Process) {
    eventually("it is ready again", async || (readiness(process).await.0 == StatusCode::OK).then_some(())).await;
}

async fn change(client: &Client, post: &Value) -> Value {
    let input = json!({ "input": { "postId": post, "text": "Words." } });
    client.send(&mutation("addComment", "post { title }"), input, &[]).await.expect("an answer").body
}

#[tokio::test]
async fn each_server_may_be_away_and_nothing_of_it_leaks() {
    let stage = Stage::with_own_servers().await;
    let (process, client) = stage.all().await;
    let servers = stage.servers.as_ref().expect("own servers");
    let ada = client.sign_up("Ada").await.client;
    let payload = ada.command("createPost", json!({ "title": "One", "body": "Words." }), "post { id }").await;
    let post = payload["receipt"]["aggregateId"].clone();
    let read = async || ada.send(READ, json!({ "post": post }), &[]).await.expect("an answer").body;
    ready(&process).await;

    servers.postgresql().stop().await.expect("PostgreSQL stops");
    not_ready(&process, "PostgreSQL does not answer").await;
    assert_eq!(codes(&change(&ada, &post).await, servers), ["UNAVAILABLE"]);
    assert_eq!(codes(&read().await, servers), [""; 0]);
    servers.postgresql().start().await.expect("PostgreSQL starts");
    ready(&process).await;

    servers.nats().stop().await.expect("NATS stops");
    not_ready(&process, "NATS does not answer").await;
    assert_eq!(codes(&read().await, servers), [""; 0]);
    servers.nats().start().await.expect("NATS starts");
    ready(&process).await;

    let mut socket = Socket::open(&process.graphql(), None).await;
    servers.redis().stop().await.expect("Redis stops");
    servers.mongodb().stop().await.expect("MongoDB stops");
    not_ready(&process, "MongoDB does not answer").await;
    let refused = codes(&read().await, servers);
    assert!(!refused.is_empty() && refused.iter().all(|code| code == "UNAVAILABLE"), "{refused:?}");
    socket.subscribe("1", LISTEN, json!({ "post": post })).await;
    let Received::Message(message) = socket.receive("a refusal").await else { panic!("the socket ended") };
    assert_eq!(codes(&message["payload"], servers), ["UNAVAILABLE"], "{message:#}");
    servers.mongodb().start().await.expect("MongoDB starts");
    servers.redis().start().await.expect("Redis starts");
    ready(&process).await;
    assert_eq!(codes(&read().await, servers), [""; 0]);
    assert_eq!(codes(&change(&ada, &post).await, servers), [""; 0]);
    process.stop().await;
}
