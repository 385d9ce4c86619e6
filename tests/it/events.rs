//! GraphQL over server-sent events: graphql-sse's distinct connections mode, to its letter, and resumed by `Last-Event-ID`.

use crate::harness::client::{Client, PASSWORD, mutation};
use crate::harness::eventually;
use crate::harness::process::Process;
use crate::harness::stage::Stage;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;

const EVENT_WAIT: Duration = Duration::from_secs(60);
const LISTED: &str = "https://shop.example";
const POST_CHANGED: &str = "subscription($id: ID!, $after: String) { postChanged(id: $id, after: $after) {
    __typename
    ... on LiveEvent { cursor }
    ... on PostSnapshot { post { title } }
    ... on PostChanged { post { title likeCount commentCount } }
} }";

/// An event as a browser would read it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Event {
    pub name: String,
    pub id: Option<String>,
    pub data: String,
}

impl Event {
    pub fn payload(&self) -> Value {
        serde_json::from_str(&self.data).expect("JSON")
    }
}

/// A stream of events, and the comments between them.
pub struct Events {
    response: Response,
    rest: Vec<u8>,
    comments: usize,
}

impl Events {
    pub async fn open(request: RequestBuilder) -> Self {
        let response = request.header("accept", "text/event-stream").send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
        let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(header("content-type").as_deref(), Some("text/event-stream; charset=utf-8"));
        assert_eq!(header("cache-control").as_deref(), Some("no-store"));
        assert_eq!(header("x-accel-buffering").as_deref(), Some("no"));
        assert_eq!(header("content-encoding"), None);
        Self { response, rest: Vec::new(), comments: 0 }
    }

    /// The next event; none at the end of the stream.
    pub async fn next(&mut self, what: &str) -> Option<Event> {
        let waiting = timeout(EVENT_WAIT, self.read());
        waiting.await.unwrap_or_else(|_| panic!("nothing came within {EVENT_WAIT:?}, waiting for {what}"))
    }

    async fn read(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.block().await? {
                return Some(event);
            }
        }
    }

    /// Reads until so many comments have come in all, and no event.
    async fn until_comments(&mut self, count: usize) {
        while self.comments < count {
            let block = timeout(EVENT_WAIT, self.block()).await.expect("it is kept awake");
            assert_eq!(block, Some(None), "a comment");
        }
    }

    /// The next event, or none if it is a comment; nothing at the end of the stream.
    async fn block(&mut self) -> Option<Option<Event>> {
        loop {
            if let Some(end) = self.rest.windows(2).position(|bytes| bytes == b"\n\n") {
                let block: Vec<u8> = self.rest.drain(..end + 2).collect();
                let event = event(std::str::from_utf8(&block[..end]).expect("text"));
                self.comments += usize::from(event.is_none());
                return Some(event);
            }
            let chunk = self.response.chunk().await.expect("a stream that is not cut")?;
            self.rest.extend_from_slice(&chunk);
        }
    }

    async fn field(&mut self, field: &str) -> Value {
        let event = self.next(field).await.expect("an event");
        assert_eq!(event.name, "next", "{event:?}");
        let payload = event.payload();
        assert!(payload.get("errors").is_none(), "{payload:#}");
        let told = payload["data"][field].clone();
        assert_eq!(event.id, told["cursor"].as_str().map(str::to_owned), "the id is the cursor");
        told
    }

    /// `complete`, and nothing after it.
    pub async fn completes(mut self) {
        let complete = self.next("complete").await.expect("an event");
        assert_eq!((complete.name.as_str(), complete.data.as_str()), ("complete", ""));
        assert_eq!(self.next("the end").await, None);
    }
}

/// A block of lines; none if it is only a comment.
fn event(block: &str) -> Option<Event> {
    let mut event = Event::default();
    let mut has_data = false;
    for line in block.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
        match field {
            "event" => event.name = value,
            "id" => event.id = Some(value),
            "data" => (event.data, has_data) = (value, true),
            "" => {}
            other => panic!("a field {other}"),
        }
    }
    has_data.then_some(event)
}

/// A request for an operation.
pub fn post(client: &Client, query: &str, variables: Value) -> RequestBuilder {
    let request = client.http.post(&client.url).json(&json!({ "query": query, "variables": variables }));
    request.timeout(EVENT_WAIT * 2)
}

#[tokio::test]
async fn a_subscription_goes_on_after_the_last_event_id() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    let payload = ada.client.command("createPost", json!({ "title": "One", "body": "Words." }), "post { id }").await;
    let id = payload["post"]["id"].clone();

    let mut events = Events::open(post(&client, POST_CHANGED, json!({ "id": id }))).await;
    let first = events.field("postChanged").await;
    assert_eq!((&first["__typename"], &first["post"]["title"]), (&json!("PostSnapshot"), &json!("One")));
    ada.client.command("likePost", json!({ "postId": id }), "").await;
    let liked = events.field("postChanged").await;
    assert_eq!(liked["post"]["likeCount"], 1);
    drop(events);

    ada.client.command("editPost", json!({ "postId": id, "title": "Two" }), "").await;
    ada.client.command("addComment", json!({ "postId": id, "text": "Three" }), "").await;
    // As a browser does: the request as it was, with the cursor of long ago in it, and what it has seen since in the header.
    let variables = json!({ "id": id, "after": first["cursor"] }).to_string();
    let query = [("query", POST_CHANGED), ("variables", variables.as_str())];
    let request = client.http.get(&client.url).query(&query).timeout(EVENT_WAIT * 2);
    let mut events = Events::open(request.header("last-event-id", liked["cursor"].as_str().unwrap())).await;
    let (edited, commented) = (events.field("postChanged").await, events.field("postChanged").await);
    assert_eq!((&edited["__typename"], &commented["post"]["commentCount"]), (&json!("PostChanged"), &json!(1)));
    assert!(edited["cursor"] != commented["cursor"] && edited["cursor"] != liked["cursor"]);

    let mut resumed = Events::open(post(&client, POST_CHANGED, json!({ "id": id, "after": edited["cursor"] }))).await;
    assert_eq!(resumed.field("postChanged").await, commented, "`after` does the same");

    // A process that stops ends the stream without `complete`: a client that is told so would not come back.
    process.stop().await;
    for mut events in [events, resumed] {
        assert_eq!(events.next("the end").await, None);
    }
    let process = stage.serve("all").await;
    let client = Client::new(&process.graphql());
    let request = post(&client, POST_CHANGED, json!({ "id": id }));
    let mut events = Events::open(request.header("last-event-id", commented["cursor"].as_str().unwrap())).await;
    let ada = Client { access_token: ada.client.access_token.clone(), ..client.clone() };
    ada.command("deletePost", json!({ "postId": id }), "").await;
    assert_eq!(events.field("postChanged").await["__typename"], "PostDeleted");
    events.completes().await;
    process.stop().await;
}

#[tokio::test]
async fn every_operation_can_be_asked_for_and_what_is_wrong_is_told_where_it_belongs() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await.client;
    let token = ada.access_token.clone().unwrap();
    let mut query = Events::open(post(&client, "{ viewer { roles } }", json!({}))).await;
    let next = query.next("the answer").await.unwrap();
    assert_eq!((next.name.as_str(), &next.payload()["data"], next.id), ("next", &json!({ "viewer": null }), None));
    query.completes().await;
    let input = json!({ "input": { "title": "A", "body": "B" } });
    let mut created = Events::open(post(&ada, &mutation("createPost", ""), input.clone()).bearer_auth(&token)).await;
    let answer = created.next("the answer").await.unwrap().payload();
    assert_eq!(answer["data"]["createPost"]["receipt"]["accepted"], true, "{answer:#}");
    created.completes().await;

    // What is wrong with the document is told by an event.
    for (query, variables) in [
        ("{ nonsense }", json!({})),
        ("{ nonsense", json!({})),
        ("subscription($id: ID!) { postChanged(id: $id) { __typename } }", json!({})),
        ("subscription { postChanged(id: \"x\") { __typename } }", json!({})),
        ("subscription { postChanged(id: \"AgAAAAAAAAAAAAAAAAAAAAA\", after: \"x\") { __typename } }", json!({})),
        ("subscription { feedChanged { __typename } }", json!({})),
        ("subscription { a: feedChanged { __typename } b: feedChanged { __typename } }", json!({})),
    ] {
        let mut events = Events::open(post(&client, query, variables)).await;
        let payload = events.next("the errors").await.unwrap().payload();
        let code = &payload["errors"][0]["extensions"]["code"];
        let expected =
            if query.contains("feedChanged {") && !query.contains("a:") { "UNAUTHENTICATED" } else { "BAD_USER_INPUT" };
        assert_eq!(code, expected, "{query}: {payload:#}");
        assert!(payload.get("data").is_none_or(Value::is_null), "{query}: {payload:#}");
        events.completes().await;
    }
    let junk_id = post(&client, POST_CHANGED, json!({ "id": "AgAAAAAAAAAAAAAAAAAAAAA" })).header("last-event-id", "x");
    let mut events = Events::open(junk_id).await;
    let payload = events.next("the errors").await.unwrap().payload();
    assert_eq!(payload["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{payload:#}");
    events.completes().await;

    // What is wrong with the request is told by its status.
    let http = &client.http;
    let of = |request: RequestBuilder| async {
        let response = request.header("accept", "text/event-stream").send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json::<Value>().await.unwrap()["errors"][0]["extensions"]["code"].clone())
    };
    let text = json!({ "query": "{ viewer { roles } }" }).to_string();
    assert_eq!(of(http.post(&client.url).body(text.clone())).await, (415, json!("BAD_USER_INPUT")));
    let json = || http.post(&client.url).header("content-type", "application/json");
    assert_eq!(of(json().body("{")).await, (400, json!("BAD_USER_INPUT")));
    assert_eq!(of(json().body(text).bearer_auth("not.a.token")).await, (401, json!("UNAUTHENTICATED")));
    assert_eq!(of(json().body("x".repeat(300_000))).await, (413, json!("LIMIT_EXCEEDED")));
    let by_get = [("query", mutation("createPost", "")), ("variables", input.to_string())];
    assert_eq!(of(http.get(&client.url).query(&by_get)).await, (405, json!("BAD_USER_INPUT")));
    process.stop().await;
}

#[tokio::test]
async fn a_stream_is_kept_awake_counted_and_ends_with_the_sign_in() {
    let stage = Stage::new().await;
    let limits = [("MILLRACE_HTTP__SOCKET_PING_MS", "50"), ("MILLRACE_HTTP__SOCKETS_PER_VIEWER_MAX", "2")];
    let process = Process::serve("all", &stage.environment_with(&limits)).await;
    let client = Client::new(&process.graphql());
    let ada = client.sign_up("Ada").await;
    let token = ada.client.access_token.clone().unwrap();
    let feed = || {
        post(&client, "subscription { feedChanged { __typename ... on LiveEvent { cursor } } }", json!({}))
            .bearer_auth(&token)
    };
    let mut events = Events::open(feed()).await;
    assert_eq!(events.field("feedChanged").await["__typename"], "FeedSnapshot");
    let before = events.comments;
    let mut second = Events::open(feed()).await;
    second.field("feedChanged").await;
    let third = feed().header("accept", "text/event-stream").send().await.unwrap();
    assert_eq!(third.status(), StatusCode::TOO_MANY_REQUESTS);
    drop(second);
    eventually("the place is given back", || async {
        let response = feed().header("accept", "text/event-stream").send().await.ok()?;
        (response.status() == StatusCode::OK).then_some(())
    })
    .await;

    events.until_comments(before + 3).await;
    let input = json!({ "input": { "refreshToken": ada.refresh_token } });
    ada.client.send("mutation { signOut(input: {}) { errors { code } } }", input, &[]).await.unwrap();
    assert_eq!(events.next("the end").await, None, "ended without `complete`");
    let again = feed().header("accept", "text/event-stream").send().await.unwrap();
    assert_eq!(again.status(), StatusCode::UNAUTHORIZED, "whoever comes back is told why");
    let input = json!({ "email": ada.email, "password": PASSWORD });
    client.command("signIn", input, "session { accessToken }").await;
    process.stop().await;
}

#[tokio::test]
async fn only_pages_of_our_own_and_listed_origins_open_streams() {
    let stage = Stage::new().await;
    let process = Process::serve("all", &stage.environment_with(&[("MILLRACE_HTTP__CORS_ORIGINS", LISTED)])).await;
    let (own, client) = (process.addresses["graphql"].clone(), Client::new(&process.graphql()));
    let query = [("query", "{ viewer { roles } }")];
    for (origin, status) in [
        (own.as_str(), StatusCode::OK),
        (LISTED, StatusCode::OK),
        ("https://evil.example", StatusCode::FORBIDDEN),
        ("null", StatusCode::FORBIDDEN),
        (own.replace("http:", "file:").as_str(), StatusCode::FORBIDDEN),
    ] {
        let by_get = client.http.get(&client.url).query(&query);
        for request in [by_get, post(&client, query[0].1, json!({}))] {
            let response = request.header("accept", "text/event-stream").header("origin", origin).send().await.unwrap();
            assert_eq!(response.status(), status, "{origin}");
        }
    }
    process.stop().await;
}
