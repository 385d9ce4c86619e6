//! What an operation costs is told, and what one viewer may spend is the same over all instances.

use crate::harness::client::Client;
use crate::harness::process::Process;
use crate::harness::stage::Stage;
use serde_json::{Value, json};

const TEN: &str = "{ posts(first: 5) { nodes { id } } }";
/// Costs two hundred. An answer that was kept costs nothing, so each request asks something new.
fn other_page(n: usize) -> String {
    format!("{{ posts(first: 100) {{ nodes {{ id }} }} }} # {n}")
}

/// Status, first error and `retry-after` of a request.
async fn spend(client: &Client, n: usize) -> (u16, Value, Option<u64>) {
    let mut request = client.http.post(&client.url).json(&json!({ "query": other_page(n) }));
    if let Some(token) = &client.access_token {
        request = request.bearer_auth(token);
    }
    let response = request.send().await.expect("an answer");
    let (status, header) = (response.status().as_u16(), response.headers().get("retry-after").cloned());
    let body: Value = response.json().await.expect("JSON");
    (status, body["errors"][0]["extensions"].clone(), header.and_then(|value| value.to_str().ok()?.parse().ok()))
}

fn limited(answer: &(u16, Value, Option<u64>)) -> bool {
    let (status, extensions, retry_after) = answer;
    let told = extensions["code"] == "RATE_LIMITED" && extensions["retryAfter"].as_u64() == *retry_after;
    *status == 429 && told && retry_after.is_some_and(|seconds| (1..=200).contains(&seconds))
}

#[tokio::test]
async fn the_cost_is_told_to_whoever_asks() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let cost = json!({ "requested": 10, "maximum": 5_000 });
    let answer = client.send(TEN, json!({}), &[("millrace-cost", "true")]).await.expect("an answer").body;
    assert_eq!(answer["extensions"]["cost"], cost, "{answer:#}");
    let request = json!({ "query": TEN, "extensions": { "millrace": { "cost": true } } });
    let answer: Value = client.http.post(&client.url).json(&request).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["extensions"]["cost"], cost, "{answer:#}");
    let unasked = client.send(TEN, json!({}), &[]).await.expect("an answer").body;
    assert_eq!(unasked["extensions"].get("cost"), None, "{unasked:#}");
    process.stop().await;
}

#[tokio::test]
async fn a_budget_is_one_over_all_instances_and_each_viewers_own() {
    let stage = Stage::with_own_servers().await;
    // Five pages, and another after more than three minutes: so slow is no machine.
    let more = [("MILLRACE_BUDGET__POINTS_MAX", "1000"), ("MILLRACE_BUDGET__POINTS_PER_SECOND", "1")];
    let environment = stage.environment_with(&more);
    let (one, other) = (
        Process::serve("all", &environment).await,
        Process::serve("query", &environment_of_query(&stage, &more)).await,
    );
    let (here, there) = (Client::new(&one.graphql()), Client::new(&other.graphql()));
    let ada = here.sign_up("Ada").await;

    let mut spent = 0;
    let refused = loop {
        let answer = spend(if spent % 2 == 0 { &here } else { &there }, spent).await;
        if answer.0 != 200 {
            break answer;
        }
        spent += 1;
        assert!(spent <= 8, "instances count by themselves");
    };
    assert!(limited(&refused), "{refused:?}");
    assert!(limited(&spend(&here, 100).await) && limited(&spend(&there, 101).await), "on both");
    let of_ada = Client { access_token: ada.client.access_token.clone(), ..there.clone() };
    assert_eq!(spend(&of_ada, 0).await.0, 200, "a person has their own");

    stage.servers.as_ref().expect("own servers").redis().stop().await.expect("Redis stops");
    assert_eq!(spend(&here, 200).await.0, 200, "without Redis each process counts by itself");
    let mut spent = 1;
    while !limited(&spend(&here, 200 + spent).await) {
        spent += 1;
        assert!(spent <= 8, "but it counts");
    }
    for process in [other, one] {
        process.stop().await;
    }
}

fn environment_of_query(stage: &Stage, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let unused = ("MILLRACE_COMMAND__URL", "http://127.0.0.1:9");
    let more: Vec<_> = more.iter().copied().chain([unused]).collect();
    stage.environment_with(&more)
}
