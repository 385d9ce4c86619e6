//! Clients that take nothing for a while: what waits for them is bounded, they are told where they fell behind, and they go on there.

use crate::events::{Events, post};
use crate::harness::client::Client;
use crate::harness::process::Process;
use crate::harness::socket::{Received, Socket};
use crate::harness::stage::Stage;
use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};

/// More than a subscriber's inbox holds, and in bytes more than sockets do.
const CHANGES: usize = 400;
const COMMENTING_AT_ONCE: usize = 4;
/// Four bytes each, as many as a post may have.
const LETTERS: usize = 20_000;
/// All events of both clients together are more than this by far.
const GROWTH_MAX: u64 = 48 << 20;

const POST_CHANGED: &str = "subscription($id: ID!, $after: String) { postChanged(id: $id, after: $after) {
    ... on PostSnapshot { cursor }
    ... on PostChanged { cursor position post { body } }
} }";

/// What a client was told, in order, and its last cursor.
#[derive(Default)]
struct Told {
    positions: Vec<u64>,
    cursor: Value,
}

impl Told {
    /// Takes an answer in; true if it says that the client was too slow.
    fn take(&mut self, payload: &Value) -> bool {
        if let Some(error) = payload["errors"].get(0) {
            let extensions = &error["extensions"];
            assert_eq!(
                (&extensions["code"], &extensions["cursor"]),
                (&json!("LIMIT_EXCEEDED"), &self.cursor),
                "{payload:#}"
            );
            return true;
        }
        let event = &payload["data"]["postChanged"];
        self.positions.extend(event["position"].as_str().map(|position| position.parse::<u64>().expect("a number")));
        self.cursor = event["cursor"].clone();
        false
    }

    fn is_whole(&self) -> bool {
        self.positions.len() == CHANGES && self.positions.is_sorted_by(|a, b| a < b)
    }
}

async fn payload(socket: &mut Socket) -> Value {
    match socket.receive("an event").await {
        Received::Message(mut message) if message["type"] == "next" => message["payload"].take(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_slow_client_is_bounded_and_goes_on_after_its_cursor() {
    let stage = Stage::new().await;
    // While one client is read, the other one takes nothing: that may take long on a busy machine.
    let limits = [("MILLRACE_HTTP__SOCKET_QUEUE_MESSAGES_MAX", "8"), ("MILLRACE_HTTP__WRITE_MS_MAX", "600000")];
    let process = Process::serve("all", &stage.environment_with(&limits)).await;
    let (url, client) = (process.graphql(), Client::new(&process.graphql()));
    let ada = client.sign_up("Ada").await;
    let input = json!({ "title": "A", "body": "🂡".repeat(LETTERS) });
    let id = ada.client.command("createPost", input, "post { id }").await["post"]["id"].clone();
    let variables = |cursor: &Value| json!({ "id": id, "after": cursor });

    let (mut by_socket, mut by_events) = (Told::default(), Told::default());
    let mut socket = Socket::open(&url, None).await;
    socket.subscribe("1", POST_CHANGED, variables(&Value::Null)).await;
    assert!(!by_socket.take(&payload(&mut socket).await));
    let mut events = Events::open(post(&client, POST_CHANGED, variables(&Value::Null))).await;
    assert!(!by_events.take(&events.next("the snapshot").await.unwrap().payload()));

    let before = process.memory();
    let commenting = stream::iter(0..CHANGES).map(|n| {
        let input = json!({ "postId": id, "text": n.to_string() });
        let ada = &ada.client;
        async move { ada.command("addComment", input, "").await }
    });
    commenting.buffer_unordered(COMMENTING_AT_ONCE).for_each(async |_| ()).await;
    let growth = process.memory().saturating_sub(before);
    println!("{CHANGES} events of {} KiB lie unread; memory grew by {} MiB", LETTERS * 4 / 1024, growth >> 20);

    while !by_socket.take(&payload(&mut socket).await) {}
    let fell_behind_at = by_socket.positions.len();
    assert!(fell_behind_at < CHANGES, "it was never too slow");
    let mut socket = Socket::open(&url, None).await;
    socket.subscribe("1", POST_CHANGED, variables(&by_socket.cursor)).await;
    while by_socket.positions.len() < CHANGES {
        assert!(!by_socket.take(&payload(&mut socket).await));
    }
    while !by_events.take(&events.next("an event").await.unwrap().payload()) {}
    assert_eq!(events.next("the end").await, None, "no `complete`, after which a browser would not come back");
    let request = post(&client, POST_CHANGED, variables(&Value::Null));
    let mut events = Events::open(request.header("last-event-id", by_events.cursor.as_str().unwrap())).await;
    while by_events.positions.len() < CHANGES {
        assert!(!by_events.take(&events.next("an event").await.unwrap().payload()));
    }
    println!("the socket fell behind after {fell_behind_at}");
    assert!(by_socket.is_whole() && by_events.is_whole());
    assert_eq!(by_socket.positions, by_events.positions);
    assert!(growth < GROWTH_MAX, "memory grew by {growth} bytes");
    process.stop().await;
}
