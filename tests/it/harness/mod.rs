//! Stages for tests: a database, a stream, documents and keys of their own on the shared servers, and real millrace processes.

pub mod browser;
pub mod client;
pub mod cluster;
pub mod node;
pub mod openid;
pub mod process;
pub mod provider;
pub mod socket;
pub mod stage;

use std::future::Future;
use std::time::{Duration, Instant};

/// How long a test waits for a condition before it fails.
pub const PATIENCE: Duration = Duration::from_secs(120);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Waits until `look` finds something; fails with `what` if it never does.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "never happened: {what}");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
