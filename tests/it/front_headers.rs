//! What goes beside a request and its answer: compression, origins, what browsers are told, the trace.

use crate::harness::eventually;
use crate::harness::process::Process;
use crate::harness::socket::{Received, Socket};
use crate::harness::stage::Stage;
use futures_util::StreamExt;
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use std::path::Path;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// An answer of some kilobytes.
const LONG: &str = "{ __schema { types { name description } } }";
const PAGE: &str = "https://shop.example";
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const STATE: &str = "tool=a b,other@tool=c";
/// What the pages that are built may do in a browser. Word for word: a looser policy would be seen nowhere else.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; worker-src 'self'; \
    font-src 'self' data:; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

fn post(process: &Process, query: &str) -> RequestBuilder {
    Client::new().post(process.graphql()).json(&json!({ "query": query }))
}

async fn header(response: RequestBuilder, name: &str) -> Option<String> {
    text(response.send().await.expect("an answer").headers(), name)
}

/// All lines of a header, joined.
fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines: Vec<_> = headers.get_all(name).iter().map(|value| value.to_str().expect("text")).collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}

#[tokio::test]
async fn long_answers_are_compressed_for_who_takes_it_and_requests_are_not_taken_so() {
    let stage = Stage::new().await;
    let (process, _) = stage.all().await;
    let plain = post(&process, LONG).send().await.unwrap();
    assert_eq!(text(plain.headers(), "content-encoding"), None);
    let plain = plain.bytes().await.unwrap();

    for (accepted, encoding, magic) in [
        ("gzip", "gzip", &[0x1f, 0x8b][..]),
        ("gzip;q=0.5, zstd", "zstd", &[0x28, 0xb5, 0x2f, 0xfd]),
        ("br", "br", &[]),
    ] {
        let answer = post(&process, LONG).header("accept-encoding", accepted).send().await.unwrap();
        assert_eq!(text(answer.headers(), "content-encoding").as_deref(), Some(encoding));
        assert!(text(answer.headers(), "vary").unwrap().contains("accept-encoding"));
        let bytes = answer.bytes().await.unwrap();
        assert!(bytes.starts_with(magic) && bytes.len() * 2 < plain.len(), "{encoding}: {}", bytes.len());
    }
    let short = post(&process, "{ __typename }").header("accept-encoding", "gzip, br, zstd");
    assert_eq!(header(short, "content-encoding").await, None);

    let compressed = post(&process, LONG).header("content-encoding", "gzip").send().await.unwrap();
    assert_eq!(compressed.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(text(compressed.headers(), "accept-encoding").as_deref(), Some("identity"));
    process.stop().await;
}

fn preflight(process: &Process, origin: &str) -> RequestBuilder {
    let request = Client::new().request(Method::OPTIONS, process.graphql()).header("origin", origin);
    let request = request.header("access-control-request-method", "POST");
    request.header("access-control-request-headers", "authorization, content-type, millrace-consistency")
}

#[tokio::test]
async fn pages_of_other_origins_get_nothing_unless_they_are_set() {
    let stage = Stage::new().await;
    let closed = stage.serve("all").await;
    for origin in [PAGE, "null", &closed.graphql().replace("/graphql", "")] {
        assert_eq!(header(preflight(&closed, origin), "access-control-allow-origin").await, None, "{origin}");
        let answer = post(&closed, "{ __typename }").header("origin", origin);
        assert_eq!(header(answer, "access-control-allow-origin").await, None, "{origin}");
    }
    closed.stop().await;

    let set = Process::serve("all", &stage.environment_with(&[("MILLRACE_HTTP__CORS_ORIGINS", PAGE)])).await;
    let allowed = preflight(&set, PAGE).send().await.unwrap();
    assert_eq!(text(allowed.headers(), "access-control-allow-origin").as_deref(), Some(PAGE));
    assert_eq!(text(allowed.headers(), "access-control-max-age").as_deref(), Some("7200"));
    assert_eq!(text(allowed.headers(), "access-control-allow-credentials"), None);
    let sent = text(allowed.headers(), "access-control-allow-headers").unwrap();
    for name in [
        "authorization",
        "content-type",
        "millrace-consistency",
        "traceparent",
        "tracestate",
        "if-none-match",
        "last-event-id",
    ] {
        assert!(sent.contains(name), "{name}: {sent}");
    }
    let answer = post(&set, "{ __typename }").header("origin", PAGE).send().await.unwrap();
    let exposed = text(answer.headers(), "access-control-expose-headers").unwrap();
    assert!(exposed.contains("etag") && exposed.contains("x-request-id") && exposed.contains("traceresponse"));
    for evil in ["https://evil.example", "https://shop.example.evil.example", "https://evilshop.example", "null"] {
        assert_eq!(header(preflight(&set, evil), "access-control-allow-origin").await, None, "{evil}");
    }
    set.stop().await;
}

/// The status that a socket is refused with; none if it opens.
async fn refused_from(process: &Process, origin: &str) -> Option<u16> {
    let mut request = process.graphql().replacen("http", "ws", 1).into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().unwrap());
    request.headers_mut().insert("origin", origin.parse().unwrap());
    match connect_async(request).await {
        Ok(_) => None,
        Err(Error::Http(response)) => Some(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_page_of_another_origin_opens_no_socket() {
    let stage = Stage::new().await;
    let process = Process::serve("all", &stage.environment_with(&[("MILLRACE_HTTP__CORS_ORIGINS", PAGE)])).await;
    assert_eq!(refused_from(&process, "https://evil.example").await, Some(403));
    assert_eq!(refused_from(&process, "null").await, Some(403));
    assert_eq!(refused_from(&process, PAGE).await, None);
    assert_eq!(refused_from(&process, &process.graphql().replace("/graphql", "")).await, None, "its own page");
    drop(Socket::open(&process.graphql(), None).await);
    process.stop().await;
}

#[tokio::test]
async fn no_answer_can_be_taken_for_what_it_is_not_or_tells_what_we_are() {
    let stage = Stage::new().await;
    let (process, _) = stage.all().await;
    let look = async |url: &str| Client::new().get(url).send().await.expect("an answer");
    let base = process.graphql().replace("/graphql", "");
    let (root, missing, ready) = (format!("{base}/"), format!("{base}/nothing"), format!("{base}/readyz"));
    for url in [&root, &missing, &ready, &process.graphql(), &format!("{}/readyz", process.operations())] {
        let answer: Response = look(url).await;
        assert_eq!(text(answer.headers(), "x-content-type-options").as_deref(), Some("nosniff"), "{url}");
        for name in ["server", "x-powered-by", "via"] {
            assert_eq!(text(answer.headers(), name), None, "{url}");
        }
    }
    process.stop().await;
}

#[tokio::test]
async fn the_pages_and_what_they_load_say_what_a_browser_may_do_with_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("web-playground/dist");
    if !folder.join("index.html").is_file() {
        let missing = "the playground is not built: `make playground`";
        assert!(std::env::var_os("CI").is_none(), "{missing}");
        eprintln!("SKIPPED: the policy of the pages is not tested: {missing}");
        return;
    }
    let folder = folder.display().to_string();
    let stage = Stage::new().await.with("MILLRACE_HTTP__PLAYGROUND_FOLDER", &folder);
    let stage = stage.with("MILLRACE_HTTP__PIPELINE", "true");
    let (process, _) = stage.all().await;
    let base = process.graphql().replace("/graphql", "");
    let look = async |path: &str| {
        let answer = Client::new().get(format!("{base}{path}")).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        assert_eq!(text(answer.headers(), "content-security-policy").as_deref(), Some(PAGE_POLICY), "{path}");
        answer.text().await.expect("text")
    };
    for page in ["/", "/pipeline"] {
        let html = look(page).await;
        let (_, from_name) = html.split_once("/assets/").expect("a file that the page loads");
        let (name, _) = from_name.split_once('"').expect("the end of its name");
        look(&format!("/assets/{name}")).await;
    }
    process.stop().await;
}

#[tokio::test]
async fn a_trace_goes_with_a_command_into_the_stream_and_is_named_in_the_answer() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let answer = post(&process, "{ __typename }").header("traceparent", TRACE);
    let named = header(answer, "traceresponse").await.unwrap();
    assert!(
        named.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && !named.contains("00f067aa0ba902b7"),
        "{named}"
    );
    let events = post(&process, "{ __typename }").header("traceparent", TRACE).header("accept", "text/event-stream");
    let named = header(events, "traceresponse").await.expect("a stream of events names it too");
    assert!(named.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"), "{named}");
    for wrong in ["nonsense", "00-00000000000000000000000000000000-00f067aa0ba902b7-01", &TRACE.to_uppercase()] {
        let answer = post(&process, "{ __typename }").header("traceparent", wrong);
        assert_eq!(header(answer, "traceresponse").await, None, "{wrong}");
    }

    let ada = client.sign_up("Ada").await;
    let mutation = "mutation($input: CreatePostInput!) { createPost(input: $input) { errors { code } } }";
    let input = json!({ "input": { "title": "A", "body": "B" } });
    let headers = [("traceparent", TRACE), ("tracestate", STATE)];
    let body = ada.client.send(mutation, input, &headers).await.expect("an answer").body;
    assert_eq!(body["data"]["createPost"]["errors"], json!([]));
    let traces = eventually("the post is in the stream", async || {
        let traces = traces(&stage).await;
        traces.iter().any(|(name, ..)| name == "post.created").then_some(traces)
    })
    .await;
    for (name, [parent, state], envelope) in traces {
        let expected = name.starts_with("post.").then_some(TRACE);
        assert_eq!((parent.as_deref(), envelope.as_str()), (expected, expected), "{name}");
        assert_eq!(state, None, "nobody knows what is in it, and the log is for ever");
    }
    process.stop().await;
}

/// Begins a post over a socket that was opened and begun with these, and an operation that brings these.
async fn post_over_socket(url: &str, token: &str, title: &str, places: [Option<&str>; 3]) {
    let [upgrade, init, operation] = places;
    let mut headers = vec![("sec-websocket-protocol", "graphql-transport-ws")];
    headers.extend(upgrade.map(|trace| ("traceparent", trace)));
    let mut socket = Socket::connect_with(url, &headers).await.expect("a socket");
    let authorization = format!("Bearer {token}");
    let init = json!({ "Authorization": authorization, "traceparent": init, "tracestate": STATE });
    socket.send(json!({ "type": "connection_init", "payload": init })).await.expect("sent");
    let Received::Message(_) = socket.receive("the acknowledgement").await else { panic!("it opens") };
    let query = "mutation($input: CreatePostInput!) { createPost(input: $input) { errors { code } } }";
    let variables = json!({ "input": { "title": title, "body": "B" } });
    let extensions = json!({ "traceparent": operation, "tracestate": "operation=1" });
    let payload = json!({ "query": query, "variables": variables, "extensions": extensions });
    socket.send(json!({ "type": "subscribe", "id": "1", "payload": payload })).await.expect("sent");
    assert_eq!(socket.event("createPost", "the post").await["errors"], json!([]));
}

#[tokio::test]
async fn a_socket_names_its_trace_as_it_opens_as_it_begins_or_for_each_operation() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await.client;
    let token = ada.access_token.as_deref().expect("a token");
    let trace = |number: u8| format!("00-4bf92f3577b34da6a3ce929d0e0e473{number}-00f067aa0ba902b7-01");
    let (first, second, third) = (trace(1), trace(2), trace(3));
    for places in [
        [None, None, None],
        [Some(&*first), None, None],
        [Some(&*first), Some(&*second), None],
        [Some(&*first), Some(&*second), Some(&*third)],
        [Some("nonsense"), Some(&*second), Some("nonsense")],
    ] {
        post_over_socket(&process.graphql(), token, "A", places).await;
    }
    let posts = async || {
        let traces = traces(&stage).await;
        traces.into_iter().filter(|(name, ..)| name == "post.created").collect::<Vec<_>>()
    };
    let posts = eventually("all posts are in the stream", async || {
        let posts = posts().await;
        (posts.len() == 5).then_some(posts)
    });
    let told: Vec<_> = posts.await.into_iter().map(|(_, [parent, state], _)| (parent, state)).collect();
    let expected = [None, Some(&first), Some(&second), Some(&third), Some(&second)];
    assert_eq!(told, expected.map(|parent| (parent.cloned(), None)));
    process.stop().await;
}

/// Of each event in the stream its name, the trace in its message's headers, and the one in its envelope.
async fn traces(stage: &Stage) -> Vec<(String, [Option<String>; 2], Value)> {
    let context = async_nats::jetstream::new(stage.nats().await);
    let names: Vec<_> = context.stream_names().collect().await;
    let names = names.into_iter().map(|name| name.expect("a name"));
    let Some(name) = names.into_iter().find(|name| name.contains(&stage.name) && !name.starts_with("KV_")) else {
        return vec![];
    };
    let mut stream = context.get_stream(&name).await.expect("a stream");
    let last = stream.info().await.expect("its state").state.last_sequence;
    let mut found = Vec::new();
    for sequence in 1..=last {
        let message = stream.get_raw_message(sequence).await.expect("a message");
        let envelope: Value = serde_json::from_slice(&message.payload).expect("an envelope");
        let header = |name: &str| message.headers.get(name).map(|value| value.as_str().to_owned());
        let name = message.headers.get("ce-type").expect("a name").as_str().to_owned();
        found.push((name, ["traceparent", "tracestate"].map(header), envelope["trace"].clone()));
    }
    found
}

#[tokio::test]
async fn a_proxy_that_is_not_trusted_is_pointed_out_once() {
    let stage = Stage::new().await;
    let process = stage.serve("all").await;
    let said = || process.log().iter().filter(|line| line.contains("`http.trusted_proxies`")).count();
    assert!(post(&process, "{ __typename }").send().await.is_ok());
    assert_eq!(said(), 0, "nobody has forwarded anything");
    for header in ["x-forwarded-for", "forwarded", "x-forwarded-for"] {
        assert!(post(&process, "{ __typename }").header(header, "for=198.51.100.1").send().await.is_ok());
    }
    eventually("it is pointed out", async || (said() > 0).then_some(())).await;
    assert_eq!(said(), 1);
    process.stop().await;
}
