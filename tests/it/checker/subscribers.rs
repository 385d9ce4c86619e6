//! Subscribers that come back after every break with their last cursor, and the check that each got every change once, in order.

use super::checkpoint;
use crate::harness::eventually;
use crate::harness::socket::{Received, Socket};
use crate::harness::stage::Stage;
use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const COMMENTS: &str = "subscription($id: ID!, $after: String) { commentAdded(postId: $id, after: $after) {
    __typename ... on LiveEvent { cursor position } ... on CommentAdded { comment { id } }
} }";
const COME_BACK_AFTER: Duration = Duration::from_millis(50);

/// What one subscriber has got so far.
#[derive(Debug, Default)]
pub struct Got {
    /// The cursor that it would come back with.
    pub cursor: Option<String>,
    /// Position of the snapshot that it began with.
    pub began_at: Option<u64>,
    /// Positions of the comments that it was told of, in the order in which it was told.
    pub positions: Vec<u64>,
    /// How often it came back.
    pub resumed: usize,
}

/// A subscriber of one post's comments.
pub struct Subscriber {
    post_id: String,
    got: Arc<Mutex<Got>>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Subscriber {
    /// Begins, at whichever of the addresses answers.
    pub fn begin(urls: Vec<String>, post_id: &str) -> Self {
        let (got, stop) = (Arc::new(Mutex::new(Got::default())), CancellationToken::new());
        let work = follow(urls, post_id.to_owned(), Arc::clone(&got));
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            stopped.run_until_cancelled(work).await;
        });
        Self { post_id: post_id.to_owned(), got, stop, task }
    }

    /// True once the snapshot has come.
    pub async fn has_begun(&self) {
        eventually("a subscription begins", || async { self.got.lock().expect("got").began_at }).await;
    }

    /// Waits until the last comment was told, stops, and compares with what was to be told. Answers how often it came back.
    pub async fn got_everything_once(self, stage: &Stage) -> usize {
        let due = self.due(stage).await;
        eventually("the subscriber got the last comment", || async {
            let got = self.got.lock().expect("got");
            (got.positions.len() >= due.len()).then_some(())
        })
        .await;
        self.stop.cancel();
        self.task.await.expect("its end");
        let got = self.got.lock().expect("got");
        assert_eq!(got.positions, due, "what the subscriber of {} got, and what was due", self.post_id);
        got.resumed
    }

    /// Positions of all comments on the post after the snapshot, out of MongoDB's changes.
    async fn due(&self, stage: &Stage) -> Vec<u64> {
        let began_at = self.got.lock().expect("got").began_at.expect("it has begun");
        let mongodb = stage.mongodb().await;
        let checkpoint = checkpoint(&mongodb, "content").await.expect("a checkpoint");
        let changes = mongodb.collection::<Document>(&format!("{}_changes", checkpoint.collection));
        let uuid = millrace_events::PostId::from_global(&self.post_id).expect("an id");
        let filter = doc! { "topics": format!("post:{uuid}/comments"), "kind": "created" };
        let found: Vec<Document> =
            changes.find(filter).sort(doc! { "_id": 1 }).await.expect("changes").try_collect().await.expect("changes");
        let position = |change: Document| super::number(change.get("position").expect("a position"));
        found.into_iter().map(position).filter(|position| *position > began_at).collect()
    }
}

/// Subscribes again and again, each time with the last cursor.
async fn follow(urls: Vec<String>, post_id: String, got: Arc<Mutex<Got>>) {
    for url in urls.iter().cycle() {
        if let Some(mut socket) = Socket::try_open(url, None).await {
            let after = got.lock().expect("got").cursor.clone();
            got.lock().expect("got").resumed += usize::from(after.is_some());
            socket.subscribe("1", COMMENTS, json!({ "id": post_id, "after": after })).await;
            while let Received::Message(message) = socket.receive().await {
                if message["type"] != "next" || !take(&message["payload"], &got) {
                    break;
                }
            }
        }
        tokio::time::sleep(COME_BACK_AFTER).await;
    }
}

/// Notes one event; false if the subscription cannot go on here.
fn take(payload: &Value, got: &Mutex<Got>) -> bool {
    let event = &payload["data"]["commentAdded"];
    let Some(cursor) = event["cursor"].as_str() else {
        assert_ne!(event["__typename"], "HistoryGone", "{payload:#}");
        return false;
    };
    let position: u64 = event["position"].as_str().expect("a position").parse().expect("a number");
    let mut got = got.lock().expect("got");
    got.cursor = Some(cursor.to_owned());
    match event["__typename"].as_str() {
        Some("CommentsSnapshot") => got.began_at = Some(got.began_at.unwrap_or(position)),
        Some("CommentAdded") => got.positions.push(position),
        other => panic!("an unknown event {other:?}"),
    }
    true
}
