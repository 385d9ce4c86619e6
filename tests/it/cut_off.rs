//! What takes longer than a request may: a query is told so, a mutation what became of its commands.

use crate::harness::client::{Client, Person, id_of};
use crate::harness::process::Process;
use crate::harness::socket::{Received, Socket};
use crate::harness::stage::Stage;
use millrace_events::PostId;
use reqwest::StatusCode;
use serde_json::{Value, json};

const REQUEST_MS_MAX: &str = "4000";
/// Less than what is told of three commands, and enough for the answer of one.
const ANSWER_BYTES_MAX: usize = 800;
/// A post that is written, and one that is read, take longer than that.
const STALLS: &str = "command.committed(createPost)=stall:9000,reader.before_fill(content)=stall:9000";
const THREE: &str = "mutation($post: ID!, $user: ID!, $input: CreatePostInput!) {
    liked: likePost(input: { postId: $post }) { receipt { accepted } }
    refused: grantRole(input: { userId: $user, role: ADMIN }) { receipt { accepted } }
    made: createPost(input: $input) { receipt { accepted } }
}";
const POST: &str = "query($id: ID!) { post(id: $id) { title } }";

/// The draft's form of answer, and the older one.
const FORMS: [&str; 2] = ["application/graphql-response+json", "application/json"];

/// The status and the answer of an operation in this form.
async fn send(client: &Client, form: &str, query: &str, variables: &Value) -> (StatusCode, Value) {
    let response = client.request(query, variables).header("accept", form).send().await.expect("an answer");
    (response.status(), response.json().await.expect("JSON"))
}

/// The first command was handled, the second has failed, and the third has been sent: what it did shows later.
async fn tells_of_all(client: &Client, answer: &Value) {
    assert_eq!(answer.get("data"), Some(&Value::Null), "{answer:#}");
    assert!(answer.to_string().len() > ANSWER_BYTES_MAX, "all is told, whatever its size: {answer:#}");
    let errors = &answer["errors"];
    let paths = [0, 1, 2].map(|n: usize| errors[n]["path"].clone());
    assert_eq!(paths, [json!(["liked"]), json!(["refused"]), json!(["made"])], "{answer:#}");
    let [liked, refused, made] = [0, 1, 2].map(|n: usize| &errors[n]["extensions"]);
    assert_eq!((&refused["code"], refused.get("commandId")), (&json!("FORBIDDEN"), None), "{answer:#}");
    assert_eq!([&liked["code"], &made["code"]], [&json!("TIMEOUT"); 2], "{answer:#}");
    assert_eq!([&liked["retryable"], &made["retryable"]], [&json!(false), &json!(true)], "{answer:#}");
    assert_eq!((&liked["receipt"]["accepted"], made.get("receipt")), (&json!(true), None), "{answer:#}");
    let token = &answer["extensions"]["millrace"]["token"];
    assert_eq!(token, &liked["receipt"]["consistencyToken"], "who reads on with it sees what was handled");
    client.takes_effect(&made["commandId"]).await;
}

#[tokio::test]
async fn a_mutation_that_is_cut_off_tells_what_became_of_its_commands() {
    let stage = Stage::new().await;
    let (other, everybody) = stage.all().await;
    let Person { id: user, client: ada, .. } = everybody.sign_up("Ada").await;
    let input = json!({ "title": "A", "body": "B" });
    let post = id_of(&ada.command("createPost", input.clone(), "").await);
    let bytes_max = ANSWER_BYTES_MAX.to_string();
    let slow = [
        ("MILLRACE_HTTP__REQUEST_MS_MAX", REQUEST_MS_MAX),
        ("MILLRACE_HTTP__ANSWER_BYTES_MAX", bytes_max.as_str()),
        ("MILLRACE_HTTP__ERRORS_MAX", "1"),
        ("MILLRACE_FAIL_POINTS", STALLS),
    ];
    let process = Process::serve("all", &stage.environment_with(&slow)).await;
    let slow = Client { url: process.graphql(), ..ada.clone() };
    let variables = json!({ "post": post, "user": user, "input": input });
    // What the process does for the first time takes longer: the limit shall strike at the stalls alone.
    slow.command("likePost", json!({ "postId": post }), "").await;

    let (status, answer) = send(&slow, FORMS[0], THREE, &variables).await;
    assert_eq!(status, StatusCode::OK, "it was executed: {answer:#}");
    tells_of_all(&ada, &answer).await;

    let mut socket = Socket::open(&slow.url, ada.access_token.as_deref()).await;
    socket.subscribe("1", THREE, variables).await;
    let Received::Message(message) = socket.receive("an answer").await else { panic!("the socket ended") };
    assert_eq!(message["type"], "next", "{message:#}");
    tells_of_all(&ada, &message["payload"]).await;
    let Received::Message(message) = socket.receive("the end").await else { panic!("the socket ended") };
    assert_eq!(message["type"], "complete", "{message:#}");

    for form in FORMS {
        let (status, answer) = send(&slow, form, POST, &json!({ "id": PostId::generate().to_global() })).await;
        assert_eq!((status, answer.get("data")), (StatusCode::GATEWAY_TIMEOUT, None), "{form}: {answer:#}");
        assert_eq!(answer["errors"][0]["extensions"]["code"], "TIMEOUT", "{answer:#}");
    }
    process.stop().await;
    other.stop().await;
}
