//! Trusted documents: what clients were built with is run, and, where that is enforced, nothing else.

use crate::events::Events;
use crate::harness::node::Script;
use crate::harness::process::Process;
use crate::harness::socket::{Received, Socket};
use crate::harness::stage::Stage;
use millrace::documents::trusted::sha256;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::path::Path;
use tempfile::{TempDir, tempdir};

const TRUSTED: &str = "query Newest { posts(first: 2) { nodes { title } } }";
const OTHER: &str = "{ posts(first: 100) { nodes { title } } }";
const MUTATION: &str = "mutation Out { signOut(input: {}) { errors { code } } }";

/// The same two documents, as each of the tools writes them.
fn manifests() -> [(&'static str, String); 3] {
    let operation = |id: &str, kind: &str, body: &str| json!({ "id": id, "name": "N", "type": kind, "body": body });
    let operations = [operation(&sha256(TRUSTED), "query", TRUSTED), operation("out-1", "mutation", MUTATION)];
    let apollo = json!({ "format": "apollo-persisted-query-manifest", "version": 1, "operations": operations });
    let relay = json!({ "0123456789abcdef0123456789abcdef": TRUSTED, "out-1": MUTATION });
    let plain = json!({ sha256(TRUSTED): TRUSTED, "out-1": MUTATION });
    [("Apollo's", apollo.to_string()), ("Relay's", relay.to_string()), ("a plain one", plain.to_string())]
}

async fn serve(stage: &Stage, mode: &str, path: &Path, playground: &str) -> Process {
    let variables = [
        ("MILLRACE_HTTP__TRUSTED_DOCUMENTS", mode),
        ("MILLRACE_HTTP__TRUSTED_DOCUMENTS_PATH", path.to_str().expect("a path")),
        ("MILLRACE_HTTP__PLAYGROUND", playground),
    ];
    Process::serve("all", &stage.environment_with(&variables)).await
}

fn file(text: &str) -> TempDir {
    let folder = tempdir().expect("a folder");
    std::fs::write(folder.path().join("manifest.json"), text).expect("a file");
    folder
}

async fn send(process: &Process, body: &Value) -> (StatusCode, Value) {
    let request = reqwest::Client::new().post(process.graphql()).json(body);
    let response = request.header("accept", "application/graphql-response+json").send().await.expect("an answer");
    (response.status(), response.json().await.expect("JSON"))
}

async fn is_run(process: &Process, body: &Value) -> bool {
    let (status, body) = send(process, body).await;
    status == StatusCode::OK && body["data"]["posts"]["nodes"].is_array()
}

async fn code(process: &Process, body: &Value) -> (u16, Value) {
    let (status, body) = send(process, body).await;
    assert!(body.get("data").is_none(), "{body:#}");
    (status.as_u16(), body["errors"][0]["extensions"]["code"].clone())
}

fn persisted(hash: &str) -> Value {
    json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": hash } } })
}

#[tokio::test]
async fn enforced_is_every_kind_of_manifest_and_nothing_beside_it() {
    let stage = Stage::new().await;
    for (whose, manifest) in manifests() {
        let folder = file(&manifest);
        let process = serve(&stage, "enforce", &folder.path().join("manifest.json"), "false").await;
        let prefixed = json!({ "documentId": format!("sha256:{}", sha256(TRUSTED)) });
        for body in [json!({ "query": TRUSTED }), persisted(&sha256(TRUSTED)), prefixed] {
            assert!(is_run(&process, &body).await, "{whose}: {body}");
        }
        if whose == "Relay's" {
            for name in ["id", "doc_id", "documentId"] {
                assert!(is_run(&process, &json!({ name: "0123456789abcdef0123456789abcdef" })).await, "{name}");
            }
        }
        let introduced = json!({ "query": OTHER, "extensions": persisted(&sha256(OTHER))["extensions"] });
        let question = json!({ "query": "{ __schema { types { name } } }" });
        for body in
            [json!({ "query": OTHER }), persisted(&sha256(OTHER)), json!({ "id": "none" }), introduced, question]
        {
            assert_eq!(code(&process, &body).await, (403, json!("DOCUMENT_NOT_TRUSTED")), "{whose}: {body}");
        }
        let by_get = reqwest::Client::new().get(process.graphql()).query(&[("documentId", "out-1")]).send().await;
        assert_eq!(by_get.unwrap().status(), StatusCode::METHOD_NOT_ALLOWED, "a mutation by GET, by its id");
        process.stop().await;
    }
}

/// What a socket answers to an operation: the type of the message, and its payload.
async fn over_socket(socket: &mut Socket, id: &str, payload: Value) -> (String, Value) {
    socket.send(json!({ "type": "subscribe", "id": id, "payload": payload })).await.expect("it is open");
    loop {
        match socket.receive("an answer").await {
            Received::Message(message) if message["id"] != id => {}
            Received::Message(mut message) => {
                return (message["type"].as_str().expect("a type").to_owned(), message["payload"].take());
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_socket_is_held_to_the_same_documents() {
    let stage = Stage::new().await;
    let folder = tempdir().expect("a folder");
    let feed = "subscription Feed { feedChanged { __typename } }";
    let manifest = json!({ "feed-1": feed, "newest-1": TRUSTED });
    std::fs::write(folder.path().join("web.json"), manifest.to_string()).expect("a file");
    let process = serve(&stage, "enforce", folder.path(), "false").await;
    let mut socket = Socket::open(&process.graphql(), None).await;
    let others = [
        json!({ "query": OTHER }),
        json!({ "query": "subscription { feedChanged { __typename  } }" }),
        persisted(&sha256(OTHER)),
        json!({ "documentId": "none" }),
    ];
    for (number, payload) in others.into_iter().enumerate() {
        let (kind, errors) = over_socket(&mut socket, &format!("other-{number}"), payload).await;
        assert_eq!(kind, "error", "{errors:#}");
        assert_eq!(errors[0]["extensions"]["code"], "DOCUMENT_NOT_TRUSTED");
    }
    // Signed in is nobody here: that a subscription begins its refusal shows, which only a resolver gives.
    let (_, payload) = over_socket(&mut socket, "feed", json!({ "documentId": "feed-1" })).await;
    assert!(payload.to_string().contains("UNAUTHENTICATED"), "{payload:#}");
    let (kind, payload) = over_socket(&mut socket, "newest", json!({ "id": "newest-1" })).await;
    assert!(kind == "next" && payload["data"]["posts"]["nodes"].is_array(), "{payload:#}");
    process.stop().await;
}

#[tokio::test]
async fn a_stream_of_events_is_held_to_the_same_documents() {
    let stage = Stage::new().await;
    let folder = tempdir().expect("a folder");
    let feed = "subscription Feed { feedChanged { __typename } }";
    std::fs::write(folder.path().join("web.json"), json!({ "feed-1": feed, "newest-1": TRUSTED }).to_string()).unwrap();
    let process = serve(&stage, "enforce", folder.path(), "false").await;
    let request = |body: Value| reqwest::Client::new().post(process.graphql()).json(&body);
    let others = [
        json!({ "query": OTHER }),
        json!({ "query": "subscription { feedChanged { __typename  } }" }),
        persisted(&sha256(OTHER)),
        json!({ "documentId": "none" }),
    ];
    for body in others {
        let response = request(body.clone()).header("accept", "text/event-stream").send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{body}");
        let errors = response.json::<Value>().await.expect("JSON");
        assert_eq!(errors["errors"][0]["extensions"]["code"], "DOCUMENT_NOT_TRUSTED", "{body}");
    }
    let mut events = Events::open(request(json!({ "documentId": "newest-1" }))).await;
    let payload = events.next("the answer").await.expect("an event").payload();
    assert!(payload["data"]["posts"]["nodes"].is_array(), "{payload:#}");
    // Signed in is nobody here: that a subscription begins its refusal shows, which only a resolver gives.
    let by_get = reqwest::Client::new().get(process.graphql()).query(&[("documentId", "feed-1")]);
    let payload = Events::open(by_get).await.next("the refusal").await.expect("an event").payload();
    assert!(payload.to_string().contains("UNAUTHENTICATED"), "{payload:#}");
    process.stop().await;
}

#[tokio::test]
async fn logged_is_what_would_be_refused() {
    let stage = Stage::new().await;
    let folder = file(&manifests()[0].1);
    let process = serve(&stage, "log", folder.path(), "false").await;
    for body in [json!({ "query": TRUSTED }), json!({ "query": OTHER }), persisted(&sha256(TRUSTED))] {
        assert!(is_run(&process, &body).await, "{body}");
    }
    process.says(&["a document that is not trusted is run", &sha256(OTHER)]).await;
    assert!(!process.has_said(&[sha256(TRUSTED).as_str()]));
    assert_eq!(code(&process, &json!({ "id": "none" })).await, (400, json!("PERSISTED_QUERY_NOT_FOUND")));
    process.stop().await;
}

#[tokio::test]
async fn the_examples_are_a_manifest_and_graphiql_may_ask_about_the_schema() {
    let stage = Stage::new().await;
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let process = serve(&stage, "enforce", &examples, "true").await;
    assert!(is_run(&process, &json!({ "documentId": "01-newest-posts" })).await);
    let (status, body) = send(&process, &json!({ "query": "{ __schema { queryType { name } } }" })).await;
    assert_eq!((status, &body["data"]["__schema"]["queryType"]["name"]), (StatusCode::OK, &json!("Query")));
    assert_eq!(code(&process, &json!({ "query": OTHER })).await, (403, json!("DOCUMENT_NOT_TRUSTED")));
    process.stop().await;
}

#[tokio::test]
async fn a_server_without_its_documents_does_not_start() {
    let stage = Stage::new().await;
    for path in ["", "/no/such/manifest.json"] {
        let variables =
            [("MILLRACE_HTTP__TRUSTED_DOCUMENTS", "enforce"), ("MILLRACE_HTTP__TRUSTED_DOCUMENTS_PATH", path)];
        let ended = Process::try_serve("all", &stage.environment_with(&variables)).await;
        assert!(ended.is_err_and(|status| !status.success()), "{path}");
    }
}

#[tokio::test]
async fn the_clients_of_apollo_send_ids_of_their_manifest() {
    let Some(script) = Script::find("manifest.mjs") else { return };
    let stage = Stage::new().await;
    let folder = tempdir().expect("a folder");
    let manifest = folder.path().join("manifest.json");
    let path = manifest.to_str().expect("a path");
    let (_, is_written) = script.run(&["write", path]).await;
    assert!(is_written, "see above");
    let process = serve(&stage, "enforce", &manifest, "false").await;
    let (_, is_good) = script.run(&["ask", path, &process.graphql()]).await;
    assert!(is_good, "see above");
    process.stop().await;
}
