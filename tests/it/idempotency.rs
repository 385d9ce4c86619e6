//! One idempotency key, one effect, one answer: at the same moment, and across a crash at each step.

use crate::checker::everything_holds;
use crate::harness::client::{Client, PASSWORD, mutation, token};
use crate::harness::cluster::Cluster;
use crate::harness::eventually;
use crate::harness::stage::Stage;
use millrace_events::fail_point;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

const CREATE: &str = "post { id title }";
/// Whoever is struck here has done nothing.
const BEFORE_COMMIT: [&str; 3] = ["command.validated", "command.handled", "command.before_commit"];

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
    assert_eq!(posts_of(&ada.client, &ada.id, &token(&payloads[0])).await, 1);

    let other = json!({ "title": "Other", "body": "Words.", "idempotencyKey": "k1" });
    let reused = ada.client.try_command("createPost", other, CREATE).await;
    assert_eq!(reused["errors"][0]["__typename"], "IdempotencyKeyReused", "{reused:#}");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_sign_ups_at_the_same_moment_open_one_account() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let input = json!({
        "firstName": "Ada", "lastName": "Test", "email": "ada@millrace.example", "password": PASSWORD, "idempotencyKey": "k1",
    });
    let eight = (0..8).map(|_| {
        let (client, input) = (client.clone(), input.clone());
        tokio::spawn(async move { client.command("signUp", input, "session { accessToken }").await })
    });
    let mut payloads = Vec::new();
    for task in eight.collect::<Vec<_>>() {
        payloads.push(task.await.expect("an answer"));
    }
    payloads.iter().for_each(|payload| same_effect(&payloads[0], payload));
    let first = payloads.iter().filter(|payload| payload["receipt"]["replayed"] == json!(false)).count();
    assert_eq!(first, 1, "one of the eight took effect");
    for payload in &payloads {
        let access_token = payload["session"]["accessToken"].as_str().map(str::to_owned);
        let signed_in = Client { access_token, ..client.clone() };
        let header = [("millrace-consistency", token(payload))];
        let header = header.each_ref().map(|(name, value)| (*name, value.as_str()));
        let viewer = signed_in.ask_with("{ viewer { user { id } } }", json!({}), &header).await;
        assert_eq!(viewer["viewer"]["user"]["id"], payload["receipt"]["aggregateId"]);
    }
    let mut other = input.clone();
    other["password"] = json!("another battery horse");
    let refused = client.try_command("signUp", other, "session { accessToken }").await;
    assert_eq!(refused["session"], Value::Null, "a replay needs the password: {refused:#}");
    assert_ne!(refused["errors"], json!([]), "{refused:#}");
    process.stop().await;
}

/// Sends one post after another, each under a key of its own, until told to stop. Answers the inputs with their first answers.
async fn write_until(client: Client, point: &str, stop: CancellationToken) -> Vec<(Value, Value)> {
    let mut answered = Vec::new();
    while !stop.is_cancelled() {
        let key = format!("{point}-{}", answered.len());
        let input = json!({ "title": key, "body": "Words.", "idempotencyKey": key });
        let payload = insist(&client, &input).await;
        answered.push((input, payload));
    }
    answered
}

/// Sends a command until it is answered.
async fn insist(client: &Client, input: &Value) -> Value {
    let (text, variables) = (mutation("createPost", CREATE), json!({ "input": input }));
    eventually("the command is answered", || async {
        let answer = client.send(&text, variables.clone(), &[]).await.expect("an answer");
        if answer.body.get("errors").is_some() {
            return None;
        }
        let payload = answer.body["data"]["createPost"].clone();
        assert_eq!(payload["errors"], json!([]), "{payload:#}");
        Some(payload)
    })
    .await
}

fn replays(answered: &[(Value, Value)]) -> usize {
    answered.iter().filter(|(_, payload)| payload["receipt"]["replayed"] == json!(true)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_commit_and_answer_has_one_effect() {
    let stage = Stage::new().await;
    let mut cluster = Cluster::start(&stage).await;
    let ada = Client::new(&cluster.urls()[0]).sign_up("Ada").await;
    let mut all = Vec::new();
    let points = fail_point::ALL.iter().copied().filter(|point| point.starts_with("command."));
    for (number, point) in points.enumerate() {
        let stop = CancellationToken::new();
        let (writer, stopped) = (ada.client.clone(), stop.clone());
        let writing = tokio::spawn(write_until(writer, point, stopped));
        let index = cluster.index_of("command");
        assert!(cluster.strike(index, point, 1 + number).await, "{point}");
        stop.cancel();
        let answered = writing.await.expect("an answer");
        // Whoever was struck after the commit finds out by sending it again.
        assert!(BEFORE_COMMIT.contains(&point) || replays(&answered) > 0, "nobody was struck at {point}");
        all.extend(answered);
    }
    let mut last = Value::Null;
    for (input, payload) in &all {
        last = ada.client.command("createPost", input.clone(), CREATE).await;
        same_effect(payload, &last);
        assert_eq!((&last["receipt"]["replayed"], &last["post"]["title"]), (&json!(true), &input["title"]));
    }
    assert_eq!(post_count(&ada.client, &token(&last)).await, json!(all.len()));
    everything_holds(&stage).await;
    cluster.stop().await;
}

async fn post_count(client: &Client, token: &str) -> Value {
    let query = "{ viewer { user { postCount } } }";
    client.ask_with(query, json!({}), &[("millrace-consistency", token)]).await["viewer"]["user"]["postCount"].clone()
}
