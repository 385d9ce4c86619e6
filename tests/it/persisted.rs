//! Queries that are sent by their hash: automatic persisted queries, over all instances, with Redis and without.

use crate::events::Events;
use crate::harness::client::{Client, mutation};
use crate::harness::eventually;
use crate::harness::node::Script;
use crate::harness::process::Process;
use crate::harness::stage::Stage;
use millrace::documents::trusted::sha256;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use std::cell::Cell;

const QUERY: &str = "query Newest($n: Int) { posts(first: $n) { nodes { title } } }";
const OWN_FORM: &str = "application/graphql-response+json";
const EVENTS: &str = "text/event-stream";

fn extension(hash: &str) -> Value {
    json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } })
}

/// Sends by GET. Answers the status and the body.
async fn get(process: &Process, hash: &str, accept: &str) -> (StatusCode, Value) {
    let extensions = extension(hash).to_string();
    let parameters = [("extensions", extensions.as_str()), ("variables", r#"{"n":2}"#)];
    let request = reqwest::Client::new().get(process.graphql()).query(&parameters).header("accept", accept);
    let response = request.send().await.expect("an answer");
    (response.status(), response.json().await.expect("JSON"))
}

async fn post(process: &Process, body: &Value) -> (StatusCode, Value) {
    let request = reqwest::Client::new().post(process.graphql()).json(body).header("accept", OWN_FORM);
    let response = request.send().await.expect("an answer");
    (response.status(), response.json().await.expect("JSON"))
}

fn code(answer: &(StatusCode, Value)) -> (u16, &str) {
    (answer.0.as_u16(), answer.1["errors"][0]["extensions"]["code"].as_str().unwrap_or_default())
}

fn is_whole(answer: &(StatusCode, Value)) -> bool {
    answer.0 == StatusCode::OK && answer.1["data"]["posts"]["nodes"].is_array()
}

#[tokio::test]
async fn a_text_that_one_instance_got_is_known_to_all_by_its_hash() {
    let stage = Stage::new().await;
    let (one, _) = stage.all().await;
    let other = stage.serve("all").await;
    let hash = sha256(QUERY);
    let missing = get(&one, &hash, OWN_FORM).await;
    assert_eq!(code(&missing), (400, "PERSISTED_QUERY_NOT_FOUND"));
    assert_eq!(missing.1["errors"][0]["message"], "PersistedQueryNotFound", "the words that clients look for");
    assert!(missing.1.get("data").is_none());
    assert_eq!(code(&get(&one, &hash, "application/json").await), (200, "PERSISTED_QUERY_NOT_FOUND"), "older clients");

    let wrong = post(&one, &json!({ "query": QUERY, "extensions": extension(&sha256("{ a }")) })).await;
    assert_eq!(code(&wrong), (400, "PERSISTED_QUERY_MISMATCH"));
    assert_eq!(code(&get(&one, &sha256("{ a }"), OWN_FORM).await), (400, "PERSISTED_QUERY_NOT_FOUND"));

    let introduced = json!({ "query": QUERY, "variables": { "n": 1 }, "extensions": extension(&hash) });
    assert!(is_whole(&post(&one, &introduced).await));
    for process in [&one, &other] {
        assert!(is_whole(&get(process, &hash, OWN_FORM).await));
        assert!(is_whole(&post(process, &json!({ "extensions": extension(&hash) })).await));
        assert!(is_whole(&post(process, &json!({ "documentId": format!("sha256:{hash}") })).await));
    }
    one.stop().await;
    other.stop().await;
}

/// The only answer over a stream of events.
async fn by_events(request: RequestBuilder) -> Value {
    let mut events = Events::open(request).await;
    let answer = events.next("the answer").await.expect("an event").payload();
    events.completes().await;
    answer
}

#[tokio::test]
async fn events_are_asked_for_by_hash_too() {
    let stage = Stage::new().await;
    let (process, _) = stage.all().await;
    let hash = sha256(QUERY);
    let missing = get(&process, &hash, EVENTS).await;
    assert_eq!(code(&missing), (400, "PERSISTED_QUERY_NOT_FOUND"), "200 would be a stream");
    assert_eq!(missing.1["errors"][0]["message"], "PersistedQueryNotFound", "the words that clients look for");
    let send = |body: Value| reqwest::Client::new().post(process.graphql()).json(&body);
    let wrong = send(json!({ "query": QUERY, "extensions": extension(&sha256("{ a }")) })).header("accept", EVENTS);
    assert_eq!(wrong.send().await.unwrap().status(), StatusCode::BAD_REQUEST);

    let introduced = by_events(send(json!({ "query": QUERY, "extensions": extension(&hash) }))).await;
    assert!(introduced["data"]["posts"]["nodes"].is_array(), "{introduced:#}");
    let extensions = extension(&hash).to_string();
    let by_get = reqwest::Client::new().get(process.graphql()).query(&[("extensions", &extensions)]);
    for by_hash in [by_get, send(json!({ "extensions": extension(&hash) }))] {
        assert_eq!(by_events(by_hash).await["data"], introduced["data"]);
    }
    process.stop().await;
}

#[tokio::test]
async fn a_mutation_is_not_sent_by_get_even_by_its_hash_and_what_is_quoted_is_not_kept() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    let text = mutation("createPost", "");
    let input = json!({ "input": { "title": "A", "body": "B" } });
    let by_post = json!({ "query": text, "variables": input, "extensions": extension(&sha256(&text)) });
    let token = ada.client.access_token.as_deref().expect("a token");
    let send = reqwest::Client::new().post(process.graphql()).json(&by_post).bearer_auth(token);
    let body: Value = send.send().await.unwrap().json().await.unwrap();
    assert_eq!(body["data"]["createPost"]["errors"], json!([]), "{body:#}");
    assert_eq!(code(&get(&process, &sha256(&text), OWN_FORM).await), (405, "BAD_USER_INPUT"));

    let quoted = "{ posts(search: \"Ada\") { nodes { title } } }";
    assert!(is_whole(&post(&process, &json!({ "query": quoted, "extensions": extension(&sha256(quoted)) })).await));
    assert_eq!(code(&get(&process, &sha256(quoted), OWN_FORM).await), (400, "PERSISTED_QUERY_NOT_FOUND"));
    process.stop().await;
}

fn introduction(text: &str) -> Value {
    json!({ "query": text, "extensions": extension(&sha256(text)) })
}

#[tokio::test]
async fn what_is_refused_is_not_kept_and_nobody_uses_up_what_others_may_bring() {
    let stage = Stage::new().await;
    let limits =
        [("MILLRACE_HTTP__PERSISTED_QUERIES_PER_MINUTE_MAX", "2"), ("MILLRACE_HTTP__TRUSTED_PROXIES", "127.0.0.1")];
    let process = Process::serve("all", &stage.environment_with(&limits)).await;
    let refused = "{ posts(first: 100) { nodes { comments(first: 100) { nodes { id } } } } }";
    assert_eq!(code(&post(&process, &introduction(refused)).await), (400, "COST_LIMIT"));
    assert_eq!(code(&get(&process, &sha256(refused), OWN_FORM).await), (400, "PERSISTED_QUERY_NOT_FOUND"));

    let text = |n: usize| format!("query Q{n} {{ posts(first: 1) {{ nodes {{ id }} }} }}");
    let next = Cell::new(1);
    let bring = async |n: usize, address: &str| {
        // Other variables each time: an answer that was kept brings nothing.
        let mut body = introduction(&text(n));
        body["variables"] = json!({ "from": address, "n": n });
        let request = reqwest::Client::new().post(process.graphql()).json(&body).header("x-forwarded-for", address);
        assert_eq!(request.send().await.expect("an answer").status(), StatusCode::OK);
        get(&process, &sha256(&text(n)), OWN_FORM).await.0 == StatusCode::OK
    };
    // Should a minute end in the middle, another client has one before it.
    let one_too_many = eventually("a minute's texts are used up", async || {
        let n = next.replace(next.get() + 3);
        let address = format!("198.51.100.{n}");
        for n in [n, n + 1, n, n + 1] {
            assert!(bring(n, &address).await, "{n} is known, and takes nothing more");
        }
        (!bring(n + 2, &address).await).then_some(n + 2)
    })
    .await;
    assert!(bring(one_too_many, "203.0.113.1").await, "another has brought none");
    process.stop().await;
}

/// How many connections Redis has been asked for.
async fn connections(redis: &mut redis::aio::MultiplexedConnection) -> u64 {
    let info: String = redis::cmd("INFO").arg("stats").query_async(redis).await.expect("figures");
    let line = info.lines().find_map(|line| line.strip_prefix("total_connections_received:")).expect("the figure");
    line.trim().parse().expect("a number")
}

#[tokio::test]
async fn a_redis_without_room_keeps_its_connections() {
    const TEXTS: u64 = 20;
    let stage = Stage::with_own_servers().await;
    let (process, _) = stage.all().await;
    assert!(is_whole(&post(&process, &introduction(QUERY)).await));
    let mut redis = stage.redis().await;
    for (name, value) in [("maxmemory-policy", "noeviction"), ("maxmemory", "1")] {
        let () = redis::cmd("CONFIG").arg("SET").arg(name).arg(value).query_async(&mut redis).await.expect("set");
    }
    let before = connections(&mut redis).await;
    for n in 0..TEXTS {
        let text = format!("query Q{n} {{ posts(first: 1) {{ nodes {{ id }} }} }}");
        assert!(is_whole(&post(&process, &introduction(&text)).await));
        assert_eq!(code(&get(&process, &sha256(&text), OWN_FORM).await), (400, "PERSISTED_QUERY_NOT_FOUND"));
    }
    let new = connections(&mut redis).await - before;
    assert!(new < TEXTS / 2, "{new} new connections for {TEXTS} texts");
    process.stop().await;
}

#[tokio::test]
async fn without_redis_the_client_sends_the_text() {
    let stage = Stage::with_own_servers().await;
    let (process, _) = stage.all().await;
    let introduced = json!({ "query": QUERY, "extensions": extension(&sha256(QUERY)) });
    assert!(is_whole(&post(&process, &introduced).await));
    assert!(is_whole(&get(&process, &sha256(QUERY), OWN_FORM).await));
    let redis = stage.servers.as_ref().expect("own servers").redis();
    redis.kill().expect("Redis dies");
    // Another spelling of the request: of one that was answered before the answer is remembered.
    let by_hash = json!({ "extensions": extension(&sha256(QUERY)), "variables": { "n": 7 } });
    assert_eq!(code(&post(&process, &by_hash).await), (400, "PERSISTED_QUERY_NOT_FOUND"));
    assert!(is_whole(&post(&process, &introduced).await), "with the text it is answered");
    redis.start().await.expect("Redis starts");
    process.stop().await;
}

#[tokio::test]
async fn where_nothing_is_kept_clients_are_told_to_stop_asking() {
    let stage = Stage::new().await;
    let off = [("MILLRACE_HTTP__PERSISTED_QUERIES_TTL_S", "0")];
    let process = Process::serve("all", &stage.environment_with(&off)).await;
    assert_eq!(code(&get(&process, &sha256(QUERY), OWN_FORM).await), (400, "PERSISTED_QUERY_NOT_SUPPORTED"));
    assert!(is_whole(&post(&process, &json!({ "query": QUERY, "extensions": extension(&sha256(QUERY)) })).await));
    process.stop().await;
}

#[tokio::test]
async fn the_client_of_apollo_sends_hashes() {
    let Some(script) = Script::find("persisted.mjs") else { return };
    let stage = Stage::new().await;
    let (process, client): (Process, Client) = stage.all().await;
    client.sign_up("Ada").await;
    let (_, is_good) = script.run(&[&process.graphql()]).await;
    assert!(is_good, "see above");
    process.stop().await;
}
