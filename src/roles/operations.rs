//! The operators' port, in every role.

use super::{RoleError, Starting};
use crate::http::operations::{Operations, routes};
use metrics_exporter_prometheus::PrometheusHandle;
use std::sync::Arc;
use std::time::Duration;

/// How often the metrics' buckets are tidied.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Serves `/livez`, `/readyz` and `/metrics`.
pub async fn start(starting: &mut Starting<'_>, metrics: PrometheusHandle) -> Result<(), RoleError> {
    let address = starting.settings.http.operations_listen;
    let listener = starting.listen("operations", address, "http.operations_listen").await?;
    let operations = Operations { metrics: metrics.clone(), probes: Arc::new(starting.probes.clone()) };
    let shutdown = starting.shutdown.clone();
    starting.spawn("operations", async move {
        let serving = axum::serve(listener, routes(operations)).with_graceful_shutdown(shutdown.cancelled_owned());
        if let Err(error) = serving.await {
            tracing::error!(%error, "the operators' port failed");
        }
    });
    let shutdown = starting.shutdown.clone();
    starting.spawn("metrics upkeep", async move {
        let mut ticks = tokio::time::interval(UPKEEP_INTERVAL);
        loop {
            tokio::select! {
                _ = ticks.tick() => metrics.run_upkeep(),
                () = shutdown.cancelled() => return,
            }
        }
    });
    Ok(())
}
