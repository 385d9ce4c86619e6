//! What an operator sees of a process: readiness with its reasons, and metrics.

use crate::harness::eventually;
use crate::harness::process::Process;
use serde_json::Value;

/// The answer of `/readyz`.
pub async fn readiness(process: &Process) -> Value {
    let answer = reqwest::get(format!("{}/readyz", process.operations())).await.expect("an answer");
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.expect("JSON");
    assert_eq!(status == 200, body["ready"] == true, "status {status} of {body:#}");
    body
}

/// The detail of a check that is not ready.
pub async fn complaint(process: &Process, check: &str) -> Option<String> {
    let readiness = readiness(process).await;
    let found = readiness["checks"].as_array().expect("checks").iter().find(|found| found["name"] == check);
    let found = found.unwrap_or_else(|| panic!("no check {check} in {readiness:#}"));
    (found["ready"] == false).then(|| found["detail"].as_str().expect("a detail").to_owned())
}

/// Waits until a check complains in these words.
pub async fn complains(process: &Process, check: &str, words: &str) {
    eventually(&format!("{check} complains: {words}"), || async {
        complaint(process, check).await.filter(|detail| detail.contains(words))
    })
    .await;
}

/// Waits until everything is ready.
pub async fn is_ready(process: &Process) {
    eventually("a process is ready", || async { (readiness(process).await["ready"] == true).then_some(()) }).await;
}

/// A metric by its name with labels, as Prometheus' text has it.
pub async fn metric(process: &Process, series: &str) -> f64 {
    let text = reqwest::get(format!("{}/metrics", process.operations())).await.expect("an answer");
    let text = text.text().await.expect("text");
    let value = text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok());
    value.unwrap_or_else(|| panic!("no metric {series}"))
}
