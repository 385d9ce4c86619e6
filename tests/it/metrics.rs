//! What a process tells of itself at `/metrics`: sound values of what it knows, and nothing of what it does not.

use crate::checker::log::Log;
use crate::checker::settled;
use crate::harness::eventually;
use crate::harness::process::Process;
use crate::harness::socket::Socket;
use crate::harness::stage::Stage;
use millrace_read::models::NAMES;
use serde_json::json;

/// The metrics as they are now.
pub struct Metrics(String);

impl Metrics {
    pub async fn of(process: &Process) -> Self {
        let answer = reqwest::get(format!("{}/metrics", process.operations())).await.expect("metrics");
        Self(answer.text().await.expect("text"))
    }

    /// The value of a series, if it is shown.
    pub fn sample(&self, series: &str) -> Option<f64> {
        let line = self.0.lines().find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')))?;
        line.rsplit(' ').next()?.parse().ok()
    }

    fn of_each(&self, metric: &str) -> Vec<Option<f64>> {
        NAMES.iter().map(|name| self.sample(&format!("{metric}{{projection=\"{name}\"}}"))).collect()
    }
}

/// Waits until a value is shown.
pub async fn shows(process: &Process, what: &str, is_so: impl Fn(&Metrics) -> bool) {
    eventually(what, || async { is_so(&Metrics::of(process).await).then_some(()) }).await;
}

#[tokio::test]
async fn head_stream_checkpoints_lag_and_beats_show_where_they_are_known() {
    let stage = Stage::new().await;
    let (all, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    ada.client.command("createPost", json!({ "title": "One", "body": "Words." }), "").await;
    settled(&stage).await;
    let head = Some(Log::of(&stage).await.head().await as f64);
    let each = |value| vec![value; NAMES.len()];

    shows(&all, "the log's head", |metrics| metrics.sample("millrace_log_head_position") == head).await;
    shows(&all, "the stream's end", |metrics| metrics.sample("millrace_stream_last_position") == head).await;
    shows(&all, "the checkpoints", |m| m.of_each("millrace_projection_checkpoint_position") == each(head)).await;
    shows(&all, "no lag", |metrics| metrics.of_each("millrace_projection_lag_seconds") == each(Some(0.0))).await;
    shows(&all, "beats", |metrics| metrics.sample("millrace_relay_beats_total").is_some_and(|beats| beats >= 1.0))
        .await;
    shows(&all, "the last beat's age", |metrics| metrics.sample("millrace_relay_beat_age_seconds").is_some()).await;
    all.stop().await;

    let projector = stage.serve("projector").await;
    shows(&projector, "the checkpoints", |m| m.of_each("millrace_projection_checkpoint_position") == each(head)).await;
    let alone = Metrics::of(&projector).await;
    assert_eq!(alone.of_each("millrace_projection_lag_seconds"), each(None), "no relay beats: {}", alone.0);
    let of_relays = ["millrace_relay_beat_age_seconds", "millrace_log_head_position", "millrace_stream_last_position"];
    assert!(of_relays.iter().all(|name| alone.sample(name).is_none()), "{}", alone.0);
    assert_eq!(alone.of_each("millrace_projection_stopped"), each(Some(0.0)));
    projector.stop().await;
}

const WATCH: &str = "subscription($id: ID!) { postChanged(id: $id) { __typename } }";

#[tokio::test]
async fn what_is_open_is_counted_until_it_is_closed() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    let post = ada.client.command("createPost", json!({ "title": "A", "body": "B" }), "post { id }").await;
    let post = json!({ "id": post["post"]["id"] });
    is_open(&process, [0.0, 0.0, 0.0]).await;

    let mut sockets = [Socket::open(&client.url, None).await, Socket::open(&client.url, None).await];
    for id in ["1", "2"] {
        sockets[0].subscribe(id, WATCH, post.clone()).await;
        sockets[0].event("postChanged", "the snapshot").await;
    }
    sockets[0].subscribe("3", "{ __typename }", json!({})).await;
    sockets[0].data("an answer, which is no subscription").await;
    let events = client.http.post(&client.url).header("accept", "text/event-stream");
    let events = events.json(&json!({ "query": WATCH, "variables": post })).send().await.expect("events");
    is_open(&process, [2.0, 1.0, 3.0]).await;

    sockets[0].send(json!({ "type": "complete", "id": "1" })).await.expect("an open socket");
    is_open(&process, [2.0, 1.0, 2.0]).await;
    drop(events);
    is_open(&process, [2.0, 0.0, 1.0]).await;
    drop(sockets);
    is_open(&process, [0.0, 0.0, 0.0]).await;
    process.stop().await;
}

/// Waits until so many sockets, event streams and subscriptions are told.
async fn is_open(process: &Process, expected: [f64; 3]) {
    let names = ["millrace_sockets_open", "millrace_event_streams_open", "millrace_subscriptions_open"];
    shows(process, &format!("{names:?} are {expected:?}"), |metrics| {
        names.map(|name| metrics.sample(name)) == expected.map(Some)
    })
    .await;
}
