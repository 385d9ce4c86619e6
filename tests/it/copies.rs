//! Answers to GET that browsers and proxies may keep: what they are told, and what they get when they ask again.

use crate::checker::settled;
use crate::harness::client::Person;
use crate::harness::process::Process;
use crate::harness::stage::Stage;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

const POST: &str = "query($id: ID!) { post(id: $id) { title author { fullName } } }";
const LIST: &str = "{ posts(first: 3) { nodes { title } } }";
const OWN: &str = "query($id: ID!) { post(id: $id) { viewerHasLiked } }";
const FOR_ALL: &str = "public, max-age=0, must-revalidate";
const FOR_NOBODY: &str = "private, no-store";

fn get(process: &Process, query: &str, id: &str) -> RequestBuilder {
    let variables = json!({ "id": id }).to_string();
    Client::new().get(process.graphql()).query(&[("query", query), ("variables", &variables)])
}

fn header(response: &Response, name: &str) -> String {
    let lines: Vec<_> = response.headers().get_all(name).iter().map(|value| value.to_str().expect("text")).collect();
    lines.join(", ")
}

async fn send(request: RequestBuilder) -> (StatusCode, String, String) {
    let response = request.send().await.expect("an answer");
    (response.status(), header(&response, "cache-control"), header(&response, "etag"))
}

async fn write_post(ada: &Person, title: &str) -> (String, String) {
    let payload = ada.client.command("createPost", json!({ "title": title, "body": "B" }), "").await;
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    (text(&payload["receipt"]["aggregateId"]), text(&payload["receipt"]["consistencyToken"]))
}

#[tokio::test]
async fn whoever_has_the_answer_is_told_so_until_it_changes() {
    let stage = Stage::new().await;
    let (one, client) = stage.all().await;
    let other = stage.serve("all").await;
    let ada = client.sign_up("Ada").await;
    let (id, written) = write_post(&ada, "A").await;
    for query in [POST, LIST] {
        let first = get(&one, query, &id).header("millrace-consistency", &written);
        let (status, control, tag) = send(first).await;
        assert_eq!((status, &*control), (StatusCode::OK, FOR_ALL), "{query}");
        assert!(tag.starts_with("W/\""), "{tag}");
        for process in [&one, &other] {
            let again = get(process, query, &id).header("if-none-match", &tag);
            let again = again.header("millrace-consistency", &written).send().await.unwrap();
            assert_eq!((again.status(), header(&again, "etag")), (StatusCode::NOT_MODIFIED, tag.clone()), "{query}");
            assert!(!header(&again, "x-request-id").is_empty() && header(&again, "content-type").is_empty());
            let vary = header(&again, "vary").to_lowercase();
            let named: Vec<&str> = vary.split(',').map(str::trim).collect();
            assert!(
                ["accept", "accept-encoding", "authorization", "origin"].iter().all(|name| named.contains(name)),
                "{vary}"
            );
            assert!(again.bytes().await.unwrap().is_empty());
        }
        let head = Client::new().head(get(&one, query, &id).build().unwrap().url().clone());
        let head = head.header("millrace-consistency", &written).send().await.unwrap();
        assert_eq!((head.status(), header(&head, "etag")), (StatusCode::OK, tag.clone()), "HEAD");
    }

    let (_, _, tag) = send(get(&one, POST, &id)).await;
    let edited = ada.client.command("editPost", json!({ "postId": id, "title": "New" }), "").await;
    let edited = edited["receipt"]["consistencyToken"].as_str().expect("a token");
    for process in [&one, &other] {
        let request = get(process, POST, &id).header("if-none-match", &tag).header("millrace-consistency", edited);
        let (status, _, now) = send(request).await;
        assert_eq!(status, StatusCode::OK, "it is another answer now");
        assert_ne!(now, tag);
    }
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn an_answer_that_is_somebodys_or_wrong_or_old_is_kept_by_nobody() {
    let stage = Stage::new().await.with("MILLRACE_HTTP__CONSISTENCY_WAIT_MS_MAX", "500");
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    let (id, written) = write_post(&ada, "A").await;
    settled(&stage).await;
    let token = ada.client.access_token.clone().expect("a token");
    let signed_in = get(&process, POST, &id).bearer_auth(&token);
    let future = written.rsplit_once(':').map(|(start, _)| format!("{start}:999999")).expect("a position");
    let old = get(&process, POST, &id).header("millrace-consistency", future).header("millrace-on-timeout", "stale");
    let posted = Client::new().post(process.graphql()).json(&json!({ "query": LIST }));
    let own = get(&process, OWN, &id).header("millrace-consistency", &written);
    for request in [signed_in, own, old, posted] {
        let request = request.header("if-none-match", "*");
        assert_eq!(send(request).await, (StatusCode::OK, FOR_NOBODY.into(), String::new()));
    }
    for query in ["{ nonsense }", "{", "{ viewer { user { id } } post(id: \"x\") { id } }"] {
        let (_, control, tag) = send(get(&process, query, &id).header("if-none-match", "*")).await;
        assert!(control.contains("no-store") && tag.is_empty(), "{query}: {control}");
    }
    process.stop().await;
}
