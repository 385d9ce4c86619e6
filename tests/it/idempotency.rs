//! One idempotency key, one effect, one answer: one after another, at the same moment, and across a crash.

use crate::harness::client::{Client, mutation};
use crate::harness::cluster::Cluster;
use crate::harness::stage::Stage;
use serde_json::{Value, json};

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

#[tokio::test]
async fn a_crash_between_commit_and_answer_has_one_effect() {
    let stage = Stage::new().await;
    let mut cluster = Cluster::start(&stage).await;
    let client = Client::new(&cluster.urls()[0]);
    let ada = client.sign_up("Ada").await;
    let input = json!({ "title": "Once", "body": "Words.", "idempotencyKey": "k1" });
    let variables = json!({ "input": input });
    for point in ["command.before_commit", "command.committed", "command.sequenced"] {
        let (sender, text, variables) = (ada.client.clone(), mutation("createPost", ""), variables.clone());
        let sending = tokio::spawn(async move {
            loop {
                let answer = sender.send(&text, variables.clone(), &[]).await.expect("an answer");
                if answer.body.get("errors").is_none() {
                    return;
                }
            }
        });
        let index = cluster.index_of("command");
        if point == "command.before_commit" {
            assert!(cluster.strike(index, point, 1).await, "{point}");
        } else {
            // The key has had its effect by now: a fresh one dies here, a replay does not commit.
            let fresh = ada.client.clone();
            let more = json!({ "input": { "title": point, "body": "Words.", "idempotencyKey": point } });
            let text = mutation("createPost", "");
            let dying = tokio::spawn(async move {
                loop {
                    let answer = fresh.send(&text, more.clone(), &[]).await.expect("an answer");
                    if answer.body.get("errors").is_none() {
                        return answer.body["data"]["createPost"].clone();
                    }
                }
            });
            assert!(cluster.strike(index, point, 1).await, "{point}");
            let payload = dying.await.expect("an answer");
            assert_eq!(payload["errors"], json!([]), "{payload:#}");
        }
        sending.await.expect("an answer");
    }
    let last = ada.client.command("createPost", input, "").await;
    assert_eq!(last["receipt"]["replayed"], true);
    assert_eq!(posts_of(&ada.client, &ada.id, &crate::harness::client::token(&last)).await, 3);
    cluster.stop().await;
}
