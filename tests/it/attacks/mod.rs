//! Attacks: what `docs/src/security.md` says of each is shown here, or in the test that is named there.

mod budgets;
mod documents;
mod doors;
mod forged;
mod forms;
mod guesses;
mod logs;
mod panics;
mod server_logs;
mod words;

use crate::harness::client::Client;
use serde_json::{Value, json};

/// The status and the first error's code of an operation that must not have been executed.
async fn refused(client: &Client, query: &str, variables: Value) -> (u16, String) {
    let body = json!({ "query": query, "variables": variables });
    refused_body(client, body.to_string()).await
}

/// The same of a body as it is.
async fn refused_body(client: &Client, body: String) -> (u16, String) {
    let request = client.http.post(&client.url).header("accept", "application/graphql-response+json");
    let response = request.header("content-type", "application/json").body(body).send().await.expect("an answer");
    code_of(response).await
}

async fn code_of(response: reqwest::Response) -> (u16, String) {
    let status = response.status().as_u16();
    let body: Value = response.json().await.expect("JSON");
    assert!(body.get("data").is_none(), "nothing was executed: {body:#}");
    (status, body["errors"][0]["extensions"]["code"].as_str().expect("a code").to_owned())
}
