//! The operators' port, in every role.

use super::{RoleError, Starting};
use crate::http::operations::{Operations, routes};
use crate::http::server::{ConnectionLimits, Port};
use metrics_exporter_prometheus::PrometheusHandle;
use std::sync::Arc;
use std::time::Duration;

/// How often the metrics' buckets are tidied.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Serves `/livez`, `/readyz` and `/metrics`.
pub async fn start(starting: &mut Starting<'_>, metrics: PrometheusHandle) -> Result<(), RoleError> {
    let address = starting.http.operations_listen;
    let listener = starting.listen("operations", address, "http.operations_listen").await?;
    let operations = Operations { metrics: metrics.clone(), probes: Arc::new(starting.probes.clone()) };
    let drained = starting.drained.clone();
    let router = routes(operations).merge(std::mem::take(&mut starting.operations_routes));
    let limits = ConnectionLimits::of_strangers(starting.http);
    let port = Port { name: "operations", listener, router, limits };
    starting.spawn_operations("operations", port.serve(drained.clone()));
    starting.spawn_operations("metrics upkeep", async move {
        let mut ticks = tokio::time::interval(UPKEEP_INTERVAL);
        loop {
            tokio::select! {
                _ = ticks.tick() => metrics.run_upkeep(),
                () = drained.cancelled() => return,
            }
        }
    });
    Ok(())
}
