//! A defect that panics with secrets in hand: its client is told INTERNAL, the log has none of them, and the process lives on.

use crate::harness::client::{Client, PASSWORD, Person, id_of, mutation};
use crate::harness::process::Process;
use crate::harness::socket::{Received, Socket};
use crate::harness::stage::Stage;
use serde_json::{Value, json};

const WORDS: &str = "a remark that nobody else shall read";
/// Signing in, each time; the first read that the cache cannot answer; each event of a subscription.
const PANICS: &str = "command.validated(signIn)=panic,reader.before_fill=panic@1,feed.before_deliver=panic";
const WATCH: &str = "subscription($id: ID!) { postChanged(id: $id) { __typename } }";
const READ: &str = "query($id: ID!) { post(id: $id) { body author { fullName } } }";
/// The first read that a payload needs; a like that is kept.
const PANICS_AFTER_COMMANDS: &str = "reader.before_fill(content)=panic,command.committed(likePost)=panic";
const SAY: &str = "mutation($post: ID!) {
    said: addComment(input: { postId: $post, text: \"Hm.\" }) { receipt { accepted } post { viewerHasLiked } }
}";
const LIKE: &str = "mutation($post: ID!) { liked: likePost(input: { postId: $post }) { receipt { accepted } } }";

#[tokio::test]
async fn a_panic_tells_nobody_what_was_in_hand_and_ends_nothing_but_its_request() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    let post = ada.client.command("createPost", json!({ "title": "A", "body": WORDS }), "post { id }").await;
    process.stop().await;
    empty_cache(&stage).await;

    let panics = [("MILLRACE_FAIL_POINTS", PANICS), ("MILLRACE_LOGS__FILTER", "debug")];
    let process = Process::serve("all", &stage.environment_with(&panics)).await;
    let client = Client::new(&process.graphql());
    let post = json!({ "id": post["post"]["id"] });
    a_resolver_panics(&client, &post).await;
    a_command_panics(&client, &ada).await;
    a_subscription_panics(&client, &post).await;

    // Where it was is told.
    process.says(&["a panic", "fail_point.rs"]).await;
    for place in ["command.validated", "reader.before_fill", "feed.before_deliver"] {
        assert!(!process.has_said(&[place]), "a text that was put together at {place} is told");
    }
    let token = ada.client.access_token.as_deref().expect("a token");
    for secret in [PASSWORD, WORDS, &ada.email, token] {
        let log = process.log();
        assert_eq!(log.iter().find(|line| line.contains(secret)), None, "`{secret}`");
    }
    process.stop().await;
}

#[tokio::test]
async fn a_mutation_that_a_panic_ends_is_not_told_as_if_nothing_had_happened() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await.client;
    let post = id_of(&ada.command("createPost", json!({ "title": "A", "body": "B" }), "").await);
    process.stop().await;

    let panics = [("MILLRACE_FAIL_POINTS", PANICS_AFTER_COMMANDS)];
    let process = Process::serve("all", &stage.environment_with(&panics)).await;
    let ada = Client { url: process.graphql(), ..ada };
    let post = json!({ "post": post });
    let answer = ada.send(SAY, post.clone(), &[]).await.expect("an answer");
    is_told_as_done(&answer.body);
    let mut socket = Socket::open(&ada.url, ada.access_token.as_deref()).await;
    socket.subscribe("1", SAY, post.clone()).await;
    let Received::Message(message) = socket.receive("an answer").await else { panic!("the socket ended") };
    assert_eq!(message["type"], "next", "{message:#}");
    is_told_as_done(&message["payload"]);
    a_command_panics_after_its_commit(&ada, post).await;
    process.stop().await;
}

fn is_told_as_done(answer: &Value) {
    is_internal(answer);
    assert_eq!((answer.get("data"), &answer["errors"][0]["path"]), (Some(&Value::Null), &json!(["said"])));
    let extensions = &answer["errors"][0]["extensions"];
    let told = (&extensions["retryable"], &extensions["receipt"]["accepted"]);
    assert_eq!(told, (&json!(false), &json!(true)), "{answer:#}");
}

async fn a_command_panics_after_its_commit(client: &Client, post: Value) {
    let answer = client.send(LIKE, post, &[]).await.expect("an answer").body;
    is_internal(&answer);
    let extensions = &answer["errors"][0]["extensions"];
    assert_eq!(extensions["retryable"], true, "{answer:#}");
    client.takes_effect(&extensions["commandId"]).await;
}

/// Its next reads are of the second process: nothing of the first lies in the cache.
async fn empty_cache(stage: &Stage) {
    let mut redis = stage.redis().await;
    let keys: Vec<String> = stage.redis_keys(&format!("{}:", stage.name)).await.into_iter().collect();
    let deleted: usize = redis::cmd("DEL").arg(&keys).query_async(&mut redis).await.expect("an answer");
    assert!(deleted > 0, "something was cached");
}

async fn a_resolver_panics(client: &Client, post: &Value) {
    let body = json!({ "query": READ, "variables": post });
    let request = client.http.post(&client.url).header("accept", "application/graphql-response+json");
    let answer = request.json(&body).send().await.expect("an answer");
    let status = answer.status();
    is_internal(&answer.json().await.expect("JSON"));
    assert_eq!(status, 500);
    let read = client.ask(READ, post.clone()).await;
    assert_eq!(read["post"]["body"], WORDS, "the same, once more");
}

async fn a_command_panics(client: &Client, ada: &Person) {
    let input = json!({ "input": { "email": ada.email, "password": PASSWORD } });
    for _ in 0..2 {
        let answer = client.send(&mutation("signIn", ""), input.clone(), &[]).await.expect("an answer");
        is_internal(&answer.body);
    }
    let ada = Client { access_token: ada.client.access_token.clone(), ..client.clone() };
    ada.command("createPost", json!({ "title": "B", "body": "C" }), "").await;
}

async fn a_subscription_panics(client: &Client, post: &Value) {
    let mut socket = Socket::open(&client.url, None).await;
    for _ in 0..2 {
        socket.subscribe("1", WATCH, post.clone()).await;
        let Received::Message(message) = socket.receive("an error").await else { panic!("the socket stays open") };
        assert_eq!((&message["type"], &message["id"]), (&json!("error"), &json!("1")), "{message:#}");
        is_internal(&json!({ "errors": message["payload"] }));
    }
    let events = client.http.post(&client.url).header("accept", "text/event-stream");
    let events = events.json(&json!({ "query": WATCH, "variables": post })).send().await.expect("events");
    let events = events.text().await.expect("their end");
    assert!(events.contains("INTERNAL") && events.trim_end().ends_with("event: complete\ndata:"), "{events}");
}

fn is_internal(answer: &Value) {
    let error = &answer["errors"][0];
    assert_eq!(error["extensions"]["code"], "INTERNAL", "{answer:#}");
    assert!(error["extensions"]["requestId"].is_string(), "{answer:#}");
}
