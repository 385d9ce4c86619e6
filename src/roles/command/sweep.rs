//! Deleting rows whose time is over, now and then.

use super::Starting;
use millrace_command::Commands;
use std::time::Duration;

const INTERVAL: Duration = Duration::from_secs(60);
const LATE: &str = "millrace_sweep_late_seconds";

/// Starts it. Any number of processes may do this.
pub fn sweep(starting: &mut Starting<'_>, commands: Commands) {
    let shutdown = starting.shutdown.clone();
    metrics::describe_gauge!(
        LATE,
        "For how long the oldest idempotency key or sign-in that is kept should have been deleted, in seconds."
    );
    starting.spawn("sweep", async move {
        let mut ticks = tokio::time::interval(INTERVAL);
        while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
            match commands.sweep().await {
                Ok(swept) if swept.hit_limit() => ticks.reset_immediately(),
                Ok(_) => {}
                Err(failure) => {
                    tracing::warn!(%failure, "rows whose time is over were not deleted; the next sweep does it");
                }
            }
            if let Ok(late) = commands.sweep_late().await {
                metrics::gauge!(LATE).set(late.as_secs_f64());
            }
        }
    });
}
