//! Many sockets on one post: each of its changes is made once, and each socket gets each of them once and in order.

use crate::harness::process::Process;
use crate::harness::socket::{Received, Socket};
use crate::harness::stage::Stage;
use crate::metrics::shows;
use futures_util::future::join_all;
use serde_json::{Value, json};

const SOCKETS: usize = 200;
/// So many go away in the middle and come back later.
const LEAVING: usize = 50;

const POST_CHANGED: &str = "subscription($id: ID!, $after: String) { postChanged(id: $id, after: $after) {
    __typename
    ... on LiveEvent { cursor position }
    ... on PostChanged { post { title commentCount comments(first: 5) { nodes { text author { fullName } } } } }
} }";

/// A socket and what it got.
struct Listener {
    socket: Socket,
    token: Option<String>,
    cursor: Value,
    positions: Vec<u64>,
    counts: Vec<u64>,
    deliveries: usize,
}

impl Listener {
    async fn open(url: &str, token: Option<&str>, post: &Value) -> Self {
        let mut socket = Socket::open(url, token).await;
        socket.subscribe("1", POST_CHANGED, json!({ "id": post })).await;
        let token = token.map(str::to_owned);
        let mut this = Self { socket, token, cursor: Value::Null, positions: vec![], counts: vec![], deliveries: 0 };
        assert_eq!(this.event().await["__typename"], "PostSnapshot");
        this
    }

    async fn resume(&mut self, url: &str, post: &Value) {
        self.socket = Socket::open(url, self.token.as_deref()).await;
        self.socket.subscribe("1", POST_CHANGED, json!({ "id": post, "after": self.cursor })).await;
    }

    async fn event(&mut self) -> Value {
        let Received::Message(message) = self.socket.receive("an event").await else { panic!("the socket ended") };
        assert_eq!(message["type"], "next", "{message:#}");
        assert!(message["payload"].get("errors").is_none(), "{message:#}");
        let event = message["payload"]["data"]["postChanged"].clone();
        self.cursor = event["cursor"].clone();
        self.deliveries += 1;
        event
    }

    async fn take(&mut self, changes: usize) {
        for _ in 0..changes {
            let event = self.event().await;
            assert_eq!(event["__typename"], "PostChanged", "{event:#}");
            self.positions.push(event["position"].as_str().unwrap().parse().unwrap());
            self.counts.push(event["post"]["commentCount"].as_u64().unwrap());
        }
    }
}

/// One sample of a counter; 0 before it was counted first.
async fn counter(process: &Process, sample: &str) -> usize {
    let metrics = reqwest::get(format!("{}/metrics", process.operations())).await.unwrap().text().await.unwrap();
    let line = metrics.lines().find_map(|line| line.strip_prefix(sample));
    line.map_or(0, |value| value.trim().parse().unwrap())
}

const EXECUTIONS: &str = "millrace_live_executions_total{projection=\"content\",item=\"change\"}";
const OPEN: &str = "millrace_subscriptions_open";
const DELIVERIES: &str = "millrace_live_deliveries_total{projection=\"content\"}";

#[tokio::test]
async fn two_hundred_sockets_cost_one_execution_for_each_change() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let (ada, ben) = (client.sign_up("Ada").await, client.sign_up("Ben").await);
    let payload = ada.client.command("createPost", json!({ "title": "One", "body": "Words." }), "post { id }").await;
    // The read side has it: a snapshot before it would be followed by one more change.
    let post = payload["post"]["id"].clone();
    let comment = async |count: usize| {
        for n in 0..count {
            ben.client.command("addComment", json!({ "postId": post, "text": format!("{n}") }), "").await;
        }
    };
    let url = process.graphql();
    let token = |n: usize| ben.client.access_token.as_deref().filter(|_| n.is_multiple_of(2));
    let mut all = join_all((0..SOCKETS).map(|n| Listener::open(&url, token(n), &post))).await;

    comment(5).await;
    join_all(all.iter_mut().map(|listener| listener.take(5))).await;
    for listener in &mut all[..LEAVING] {
        listener.socket = Socket::open(&url, None).await;
    }
    // The server notices each end in its own time, and would count what it gives to nobody.
    shows(&process, "they are gone", |metrics| metrics.sample(OPEN) == Some((SOCKETS - LEAVING) as f64)).await;
    comment(4).await;
    join_all(all[LEAVING..].iter_mut().map(|listener| listener.take(4))).await;
    let (leaving, staying) = all.split_at_mut(LEAVING);
    // They catch up while others already get what is new.
    let back = join_all(leaving.iter_mut().map(async |listener: &mut Listener| {
        listener.resume(&url, &post).await;
        listener.take(4 + 3).await;
    }));
    tokio::join!(comment(3), back, join_all(staying.iter_mut().map(|listener| listener.take(3))));

    let due: Vec<u64> = (1..=12).collect();
    for listener in &all {
        assert_eq!(listener.positions, all[0].positions);
        assert!(listener.positions.is_sorted_by(|a, b| a < b), "{:?}", listener.positions);
        let never_behind = listener.counts.iter().zip(&due).all(|(shown, due)| shown >= due);
        assert!(listener.counts.is_sorted() && never_behind, "{:?}", listener.counts);
    }
    assert_eq!(counter(&process, EXECUTIONS).await, due.len());
    let taken: usize = all.iter().map(|listener| listener.deliveries).sum();
    assert_eq!(counter(&process, DELIVERIES).await, taken);
    process.stop().await;
}
