//! Reads that wait for a position.

use super::stage::{Stage, viewer};
use crate::graphql::waiting::WAITING_PER_VIEWER_MAX;
use crate::models::tests::{Log, id};
use crate::reader::OnTimeout;
use async_graphql::Response;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use millrace_events::{PostId, UserId};
use serde_json::{Value, json};
use std::time::Duration;

const ADA: UserId = UserId(id(1));
const POST: PostId = PostId(id(9));
/// Longer than the test, so that only news end it.
const LONG: Duration = Duration::from_secs(300);

fn extensions(response: &Response) -> Value {
    serde_json::to_value(&response.errors[0].extensions).unwrap()
}

/// A log is written to in chains; a closure must answer nothing.
fn ignore(_: &mut Log) {}

#[tokio::test]
async fn a_viewer_who_waits_too_often_is_told_the_limit_and_the_others_are_answered_in_the_end() {
    let stage = Stage::waiting(LONG).await;
    stage.fold(|log| ignore(log.sign_up(ADA, "Ada"))).await;
    let (ada, ahead) = (viewer(ADA), stage.token(1));
    let query = format!("{{ post(id: \"{}\") {{ title }} }}", POST.to_global());
    let read = || stage.respond(&ada, &query, Some(ahead.clone()), OnTimeout::Error);
    let mut reads: FuturesUnordered<_> = (0..=WAITING_PER_VIEWER_MAX).map(|_| read()).collect();
    let (refused, _) = reads.next().await.unwrap();
    let told = extensions(&refused);
    assert_eq!((&told["code"], &told["retryable"]), (&json!("LIMIT_EXCEEDED"), &json!(true)), "{told:#}");
    let max = json!(WAITING_PER_VIEWER_MAX);
    assert_eq!((&told["limit"], &told["max"]), (&json!("waitingReadsPerViewer"), &max));

    stage.fold(|log| ignore(log.post(POST, ADA, true))).await;
    let mut shown = 0;
    while let Some((response, _)) = reads.next().await {
        assert_eq!(response.data.into_json().unwrap()["post"]["title"], "Title", "{:?}", response.errors);
        shown += 1;
    }
    assert_eq!(shown, WAITING_PER_VIEWER_MAX);
}
