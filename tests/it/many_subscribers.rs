//! Ten thousand open subscriptions in one process: what they take of its memory, and that a change reaches each of them once.

use crate::harness::process::Process;
use crate::harness::socket::{Received, Socket};
use crate::harness::stage::Stage;
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};
use std::time::Instant;

const SUBSCRIPTIONS: usize = 10_000;
/// So many of them share a socket, as they do in a client with several things on its page.
const PER_SOCKET: usize = 4;
const SOCKETS: usize = SUBSCRIPTIONS / PER_SOCKET;
const OPENING_AT_ONCE: usize = 64;
const CHANGES: u64 = 3;

const POST_CHANGED: &str = "subscription($id: ID!) { postChanged(id: $id) {
    __typename ... on LiveEvent { position } ... on PostChanged { post { title likeCount commentCount author { fullName } } }
} }";

/// A socket, and the positions that each of its subscriptions was told.
struct Listener {
    socket: Socket,
    positions: [Vec<u64>; PER_SOCKET],
}

impl Listener {
    async fn open(url: &str, post: &Value) -> Self {
        let mut socket = Socket::open(url, None).await;
        for n in 0..PER_SOCKET {
            socket.subscribe(&n.to_string(), POST_CHANGED, json!({ "id": post })).await;
        }
        let mut this = Self { socket, positions: Default::default() };
        for _ in 0..PER_SOCKET {
            assert_eq!(this.event().await.1["__typename"], "PostSnapshot");
        }
        this
    }

    async fn event(&mut self) -> (usize, Value) {
        let Received::Message(message) = self.socket.receive("an event").await else { panic!("the socket ended") };
        assert_eq!(message["type"], "next", "{message:#}");
        let id = message["id"].as_str().unwrap().parse().unwrap();
        (id, message["payload"]["data"]["postChanged"].clone())
    }

    /// Takes the changes, and then asks for a pong, before which there must be nothing more.
    async fn take_all(&mut self) {
        for _ in 0..CHANGES as usize * PER_SOCKET {
            let (id, event) = self.event().await;
            assert_eq!(event["__typename"], "PostChanged", "{event:#}");
            self.positions[id].push(event["position"].as_str().unwrap().parse().unwrap());
        }
        self.socket.send(json!({ "type": "ping" })).await.unwrap();
        let Received::Message(message) = self.socket.receive("a pong").await else { panic!("the socket ended") };
        assert_eq!(message["type"], "pong", "one event too many: {message:#}");
    }
}

#[tokio::test]
async fn ten_thousand_subscriptions_get_each_change_once() {
    let stage = Stage::new().await;
    // A socket is not read while others are opened, and so answers no pings.
    let limits = [("MILLRACE_HTTP__SOCKET_SILENCE_MS_MAX", "600000")];
    let process = Process::serve("all", &stage.environment_with(&limits)).await;
    let client = crate::harness::client::Client::new(&process.graphql());
    let ada = client.sign_up("Ada").await;
    let payload = ada.client.command("createPost", json!({ "title": "One", "body": "Words." }), "post { id }").await;
    let (post, url) = (payload["post"]["id"].clone(), process.graphql());
    drop(Listener::open(&url, &post).await);

    let (before, began) = (process.memory(), Instant::now());
    let opening = stream::iter(0..SOCKETS).map(|_| Listener::open(&url, &post));
    let mut all: Vec<Listener> = opening.buffer_unordered(OPENING_AT_ONCE).collect().await;
    let (after, opened) = (process.memory(), began.elapsed());
    println!(
        "{SUBSCRIPTIONS} subscriptions on {SOCKETS} sockets, opened in {:.1} s; memory {} MiB before, {} MiB after: {:.1} KiB for each",
        opened.as_secs_f64(),
        before >> 20,
        after >> 20,
        after.saturating_sub(before) as f64 / 1024.0 / SUBSCRIPTIONS as f64,
    );

    let began = Instant::now();
    let changing = async {
        for n in 0..CHANGES {
            ada.client.command("addComment", json!({ "postId": post, "text": n.to_string() }), "").await;
        }
    };
    tokio::join!(changing, join_all(all.iter_mut().map(Listener::take_all)));
    println!(
        "{CHANGES} changes reached all in {:.1} s; memory {} MiB",
        began.elapsed().as_secs_f64(),
        process.memory() >> 20
    );
    let expected = all[0].positions[0].clone();
    assert!(expected.len() == CHANGES as usize && expected.is_sorted_by(|a, b| a < b), "{expected:?}");
    let mut told = all.iter().flat_map(|listener| &listener.positions);
    assert!(told.all(|positions| *positions == expected));
    drop(all);
    process.stop().await;
}
