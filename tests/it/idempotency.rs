//! One idempotency key, one effect, one answer: one after another, at the same moment, and across a crash.

use crate::harness::client::{Client, mutation};
use crate::harness::cluster::Cluster;
use crate::harness::eventually;
use crate::harness::stage::Stage;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

const CREATE: &str = "post { id title }";

fn same_effect(a: &Value, b: &Value) {
    for field in ["commandId", "accepted", "aggregateId", "version", "acceptedAt"] {
        assert_eq!(a["receipt"][field], b["receipt"][field], "{field}");
    }
    assert_eq!(a["errors"], b["errors"]);
}

async fn posts_of(client: &Client, author: &str, token: &str) -> usize {
    let query = "query($id: ID!) { posts(authorId: $id) { nodes { id } } }";
    let data = client.ask_with(query, json!({ "id": author }), &[("millrace-consistency", token)]).await;
    data["posts"]["nodes"].as_array().expect("nodes").len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_at_the_same_moment_have_one_effect() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    let input = json!({ "title": "Once", "body": "Words.", "idempotencyKey": "k1" });
    let eight = (0..8).map(|_| {
        let (client, input) = (ada.client.clone(), input.clone());
        tokio::spawn(async move { client.command("createPost", input, CREATE).await })
    });
    let mut payloads = Vec::new();
    for task in eight.collect::<Vec<_>>() {
        payloads.push(task.await.expect("an answer"));
    }
    payloads.iter().for_each(|payload| same_effect(&payloads[0], payload));
    let first = payloads.iter().filter(|payload| payload["receipt"]["replayed"] == json!(false)).count();
    assert_eq!(first, 1, "one of the eight took effect");
    assert!(payloads.iter().all(|payload| payload["post"]["title"] == "Once"));
    let token = crate::harness::client::token(&payloads[0]);
    assert_eq!(posts_of(&ada.client, &ada.id, &token).await, 1);

    let other = json!({ "title": "Other", "body": "Words.", "idempotencyKey": "k1" });
    let reused = ada.client.try_command("createPost", other, CREATE).await;
    assert_eq!(reused["errors"][0]["__typename"], "IdempotencyKeyReused", "{reused:#}");
    process.stop().await;
}

/// Sends one post after another, each under a key of its own, until told to stop. Answers how many were accepted.
async fn write_until(client: Client, point: &str, stop: CancellationToken) -> usize {
    let mut accepted = 0;
    while !stop.is_cancelled() {
        let key = format!("{point}-{accepted}");
        insist(&client, json!({ "title": key, "body": "Words.", "idempotencyKey": key })).await;
        accepted += 1;
    }
    accepted
}

/// Sends a command until it is answered.
async fn insist(client: &Client, input: Value) {
    let (text, variables) = (mutation("createPost", ""), json!({ "input": input }));
    eventually("the command is answered", || async {
        let answer = client.send(&text, variables.clone(), &[]).await.expect("an answer");
        if answer.body.get("errors").is_some() {
            return None;
        }
        assert_eq!(answer.body["data"]["createPost"]["errors"], json!([]), "{:#}", answer.body);
        Some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_commit_and_answer_has_one_effect() {
    let stage = Stage::new().await;
    let mut cluster = Cluster::start(&stage).await;
    let ada = Client::new(&cluster.urls()[0]).sign_up("Ada").await;
    let mut accepted = 0;
    for point in ["command.before_commit", "command.committed", "command.sequenced"] {
        let stop = CancellationToken::new();
        let writer = ada.client.clone();
        let stopped = stop.clone();
        let writing = tokio::spawn(async move { write_until(writer, point, stopped).await });
        let index = cluster.index_of("command");
        assert!(cluster.strike(index, point, 2).await, "{point}");
        stop.cancel();
        accepted += writing.await.expect("an answer");
    }
    let last = json!({ "title": "Last", "body": "Words.", "idempotencyKey": "last" });
    let payload = ada.client.command("createPost", last.clone(), "").await;
    let again = ada.client.command("createPost", last, "").await;
    same_effect(&payload, &again);
    assert_eq!(again["receipt"]["replayed"], true);
    assert_eq!(post_count(&ada.client, &crate::harness::client::token(&payload)).await, json!(accepted + 1));
    cluster.stop().await;
}

async fn post_count(client: &Client, token: &str) -> Value {
    let query = "{ viewer { user { postCount } } }";
    client.ask_with(query, json!({}), &[("millrace-consistency", token)]).await["viewer"]["user"]["postCount"].clone()
}
