//! What takes longer than a request may: a query is told so, a mutation what became of its commands.

use crate::harness::client::{Client, id_of};
use crate::harness::eventually;
use crate::harness::process::Process;
use crate::harness::socket::{Received, Socket};
use crate::harness::stage::Stage;
use millrace_events::PostId;
use reqwest::StatusCode;
use serde_json::{Value, json};

const REQUEST_MS_MAX: &str = "3000";
/// A post that is written, and one that is read, take longer than that.
const STALLS: &str = "command.committed(createPost)=stall:8000,reader.before_fill(content)=stall:8000";
const BOTH: &str = "mutation($post: ID!, $input: CreatePostInput!) {
    liked: likePost(input: { postId: $post }) { receipt { accepted } }
    made: createPost(input: $input) { receipt { accepted } }
}";
const POST: &str = "query($id: ID!) { post(id: $id) { title } }";
const STATUS: &str = "query($id: ID!) { commandStatus(id: $id) { id } }";

/// The status and the answer of an operation in the draft's form.
async fn send(client: &Client, query: &str, variables: &Value) -> (StatusCode, Value) {
    let request = client.http.post(&client.url).header("accept", "application/graphql-response+json");
    let request = request.json(&json!({ "query": query, "variables": variables }));
    let request = match &client.access_token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    let response = request.send().await.expect("an answer");
    (response.status(), response.json().await.expect("JSON"))
}

/// The first command was handled, and the second has been sent: what it did shows later.
async fn tells_of_both(client: &Client, answer: &Value) {
    assert_eq!(answer.get("data"), Some(&Value::Null), "{answer:#}");
    let errors = &answer["errors"];
    let paths = [0, 1].map(|n: usize| errors[n]["path"].clone());
    assert_eq!(paths, [json!(["liked"]), json!(["made"])], "{answer:#}");
    let [liked, made] = [0, 1].map(|n: usize| &errors[n]["extensions"]);
    assert_eq!([&liked["code"], &made["code"]], [&json!("TIMEOUT"); 2], "{answer:#}");
    assert_eq!([&liked["retryable"], &made["retryable"]], [&json!(false), &json!(true)], "{answer:#}");
    assert_eq!((&liked["receipt"]["accepted"], made.get("receipt")), (&json!(true), None), "{answer:#}");
    let command = json!({ "id": made["commandId"] });
    eventually("the second has taken effect", async || {
        let status = client.ask(STATUS, command.clone()).await;
        (status["commandStatus"]["id"] == command["id"]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_mutation_that_is_cut_off_tells_what_became_of_its_commands() {
    let stage = Stage::new().await;
    let (other, everybody) = stage.all().await;
    let ada = everybody.sign_up("Ada").await.client;
    let input = json!({ "title": "A", "body": "B" });
    let post = id_of(&ada.command("createPost", input.clone(), "").await);
    let slow = [("MILLRACE_HTTP__REQUEST_MS_MAX", REQUEST_MS_MAX), ("MILLRACE_FAIL_POINTS", STALLS)];
    let process = Process::serve("all", &stage.environment_with(&slow)).await;
    let slow = Client { url: process.graphql(), ..ada.clone() };
    let variables = json!({ "post": post, "input": input });

    let (status, answer) = send(&slow, BOTH, &variables).await;
    assert_eq!(status, StatusCode::OK, "it was executed: {answer:#}");
    tells_of_both(&ada, &answer).await;

    let mut socket = Socket::open(&slow.url, ada.access_token.as_deref()).await;
    socket.subscribe("1", BOTH, variables).await;
    let Received::Message(message) = socket.receive("an answer").await else { panic!("the socket ended") };
    assert_eq!(message["type"], "next", "{message:#}");
    tells_of_both(&ada, &message["payload"]).await;
    let Received::Message(message) = socket.receive("the end").await else { panic!("the socket ended") };
    assert_eq!(message["type"], "complete", "{message:#}");

    let (status, answer) = send(&slow, POST, &json!({ "id": PostId::generate().to_global() })).await;
    assert_eq!((status, answer.get("data")), (StatusCode::GATEWAY_TIMEOUT, None), "{answer:#}");
    assert_eq!(answer["errors"][0]["extensions"]["code"], "TIMEOUT", "{answer:#}");
    process.stop().await;
    other.stop().await;
}
