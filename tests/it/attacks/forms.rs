//! Requests in forms that a page of somebody else could send, or that hide what they are.

use super::{code_of, refused, refused_body};
use crate::harness::process::Process;
use crate::harness::socket::{Received, Socket};
use crate::harness::stage::Stage;
use reqwest::header::{HeaderMap, HeaderName};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameHeader};

const SCHEMA: &str = "{ __schema { types { name } } }";
const TYPE: &str = r#"{ __type(name: "Query") { name } }"#;
const QUERY: &str = r#"{"query":"{ __typename }"}"#;

#[tokio::test]
async fn batches_are_not_taken() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let batch = |count: usize| format!("[{}]", vec![QUERY; count].join(","));
    for count in [1, 2, 1_000] {
        assert_eq!(refused_body(&client, batch(count)).await, (400, "BAD_USER_INPUT".into()), "{count}");
    }
    process.stop().await;
}

#[tokio::test]
async fn what_a_form_on_another_page_can_send_is_not_taken() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let types =
        [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("multipart/form-data; boundary=x")];
    for content_type in types {
        let mut request = client.http.post(&client.url).header("accept", "application/json").body(QUERY);
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let refused = code_of(request.send().await.expect("an answer")).await;
        assert_eq!(refused, (415, "BAD_USER_INPUT".into()), "{content_type:?}");
    }
    process.stop().await;
}

fn has(headers: &HeaderMap, name: &str) -> bool {
    headers.contains_key(HeaderName::try_from(name).expect("a name"))
}

#[tokio::test]
async fn no_other_origin_may_read_and_the_headers_tell_nothing() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    for origin in ["https://evil.example", "null", "http://127.0.0.1.evil.example"] {
        let post = client.http.post(&client.url).header("content-type", "application/json").body(QUERY);
        let preflight = client.http.request(reqwest::Method::OPTIONS, &client.url);
        let preflight = preflight.header("access-control-request-method", "POST");
        for request in [post, preflight] {
            let answer = request.header("origin", origin).send().await.expect("an answer");
            assert!(!has(answer.headers(), "access-control-allow-origin"), "{origin}: {:?}", answer.headers());
            assert!(!has(answer.headers(), "access-control-allow-credentials"), "{origin}");
            assert!(!has(answer.headers(), "server") && !has(answer.headers(), "x-powered-by"), "{origin}");
        }
    }
    let answer = client.http.post(&client.url).header("content-type", "application/json").body(QUERY).send().await;
    let headers = answer.expect("an answer").headers().clone();
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert!(headers["cache-control"].to_str().expect("text").contains("no-store"), "{headers:?}");
    process.stop().await;
}

/// A megabyte that becomes a gigabyte: whatever is compressed, and however, is not unpacked, so there is no length to count.
#[tokio::test]
async fn a_request_that_is_compressed_is_not_unpacked() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let gzip_of_nothing: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for encoding in ["gzip", "GZIP", "x-gzip", "deflate", "br", "zstd", "gzip, gzip", "identity, br"] {
        for accepted in ["application/json", "text/event-stream"] {
            let request = client.http.post(&client.url).header("content-type", "application/json");
            let request = request.header("accept", accepted).header("content-encoding", encoding);
            let response = request.body(gzip_of_nothing).send().await.expect("an answer");
            assert_eq!(code_of(response).await, (415, "BAD_USER_INPUT".into()), "{encoding} {accepted}");
        }
    }
    process.stop().await;
}

/// The same on a socket: its compression (RFC 7692) is never agreed on, and a frame that says it is compressed breaks the protocol.
#[tokio::test]
async fn a_frame_that_is_compressed_closes_its_socket() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let offer = [
        ("sec-websocket-protocol", "graphql-transport-ws"),
        ("sec-websocket-extensions", "permessage-deflate; client_max_window_bits"),
    ];
    let mut socket = Socket::connect_with(&client.url, &offer).await.expect("a socket that agrees on nothing");
    let header = FrameHeader { rsv1: true, opcode: OpCode::Data(Data::Text), ..FrameHeader::default() };
    let frame = Frame::from_payload(header, "{\"type\":\"connection_init\"}".into());
    socket.send_frame(Message::Frame(frame)).await.expect("a socket that is open");
    assert_eq!(socket.receive("the close").await.code(), Some(1002));
    process.stop().await;
}

#[tokio::test]
async fn a_token_in_the_address_lets_nobody_in() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    let token = ada.client.access_token.as_deref().expect("a token");
    for name in ["access_token", "token", "authorization", "Authorization"] {
        let address = format!("{}?{name}={token}", client.url);
        let request = client.http.post(&address).json(&json!({ "query": "{ viewer { roles } }" }));
        let body: Value = request.send().await.expect("an answer").json().await.expect("JSON");
        assert_eq!(body["data"]["viewer"], Value::Null, "{name}: {body:#}");
    }
    process.stop().await;
}

#[tokio::test]
async fn in_production_the_schema_and_graphiql_are_off() {
    let stage = Stage::new().await;
    let process = Process::serve("all", &stage.environment_with(&[("MILLRACE_HTTP__PLAYGROUND", "false")])).await;
    let client = crate::harness::client::Client::new(&process.graphql());
    assert_eq!(refused(&client, SCHEMA, json!({})).await, (400, "INTROSPECTION_OFF".into()));
    assert_eq!(refused(&client, TYPE, json!({})).await, (400, "INTROSPECTION_OFF".into()));
    let answer =
        client.send("{ __typename posts(first: 1) { nodes { id } } }", json!({}), &[]).await.expect("an answer");
    assert_eq!(answer.body["data"], json!({ "__typename": "Query", "posts": { "nodes": [] } }));
    let extensions = answer.body["extensions"].as_object().expect("extensions").keys().collect::<Vec<_>>();
    assert_eq!(extensions, ["millrace"], "no tracing");
    let root = process.graphql().replace("/graphql", "/");
    for url in [&root, &client.url] {
        let page = client.http.get(url).header("accept", "text/html").send().await.expect("an answer");
        assert!(matches!(page.status().as_u16(), 404 | 406), "{url}: {}", page.status());
    }
    process.stop().await;
}

/// Each has a switch of its own: who builds clients against it may ask, and where people look at GraphiQL the schema may stay closed.
#[tokio::test]
async fn the_schema_has_a_switch_beside_that_of_graphiql() {
    let stage = Stage::new().await;
    for (playground, introspection) in [("true", "off"), ("false", "on")] {
        let switches = [("MILLRACE_HTTP__PLAYGROUND", playground), ("MILLRACE_HTTP__INTROSPECTION", introspection)];
        let process = Process::serve("all", &stage.environment_with(&switches)).await;
        let client = crate::harness::client::Client::new(&process.graphql());
        if introspection == "off" {
            assert_eq!(refused(&client, SCHEMA, json!({})).await, (400, "INTROSPECTION_OFF".into()));
            assert_eq!(client.ask("{ __typename }", json!({})).await, json!({ "__typename": "Query" }));
            on_a_socket(&process).await;
        } else {
            assert_eq!(client.ask(TYPE, json!({})).await, json!({ "__type": { "name": "Query" } }));
        }
        let page = client.http.get(process.graphql().replace("/graphql", "/")).send().await.expect("an answer");
        assert_eq!(page.status() == 200, playground == "true", "{}", page.status());
        process.stop().await;
    }
}

async fn on_a_socket(process: &Process) {
    let mut socket = Socket::open(&process.graphql(), None).await;
    socket.subscribe("1", SCHEMA, json!({})).await;
    let Received::Message(message) = socket.receive("the refusal").await else { panic!("it is open") };
    assert_eq!(message["payload"][0]["extensions"]["code"], "INTROSPECTION_OFF", "{message:#}");
}

/// Over all that a browser may open, and never unasked: whoever serves plain HTTP somewhere must not lose that.
#[tokio::test]
async fn browsers_are_sent_to_tls_only_if_that_is_set() {
    let stage = Stage::new().await;
    for (seconds, expected) in [("0", None), ("31536000", Some("max-age=31536000"))] {
        let environment = stage.environment_with(&[("MILLRACE_HTTP__HSTS_MAX_AGE_S", seconds)]);
        let process = Process::serve("all", &environment).await;
        let http = reqwest::Client::new();
        let graphql = process.graphql();
        let answers = [
            http.post(&graphql).header("content-type", "application/json").body(QUERY),
            http.post(&graphql).header("content-type", "text/plain").body(QUERY),
            http.get(&graphql).query(&[("query", "{ __typename }")]).header("accept", "text/event-stream"),
            http.get(graphql.replace("/graphql", "/")),
            http.get(graphql.replace("/graphql", "/nothing")),
        ];
        for request in answers {
            let answer = request.send().await.expect("an answer");
            let said = answer.headers().get("strict-transport-security").map(|value| value.to_str().expect("text"));
            assert_eq!(said, expected, "{} {}", answer.url(), answer.status());
        }
        process.stop().await;
    }
}
