//! What a process tells of itself at `/metrics`: sound values of what it knows, and nothing of what it does not.

use crate::checker::log::Log;
use crate::checker::settled;
use crate::harness::eventually;
use crate::harness::process::Process;
use crate::harness::stage::Stage;
use millrace_read::models::NAMES;
use serde_json::json;

/// The metrics as they are now.
pub struct Metrics(String);

impl Metrics {
    async fn of(process: &Process) -> Self {
        let answer = reqwest::get(format!("{}/metrics", process.operations())).await.expect("metrics");
        Self(answer.text().await.expect("text"))
    }

    /// The value of a series.
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
