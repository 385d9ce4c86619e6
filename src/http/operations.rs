//! The operators' port: `/livez`, `/readyz`, `/metrics`. Not for the public.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;
use std::sync::Arc;

/// One thing that a role needs to do its work.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// What is looked at, such as `relay` or `projection content`.
    pub name: String,
    /// True if it works.
    pub ready: bool,
    /// What is wrong, or how far it is; without secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Looks at one thing, now.
pub type Probe = Arc<dyn Fn() -> Check + Send + Sync>;

/// What the operators' port tells.
#[derive(Clone)]
pub struct Operations {
    /// Renders the metrics.
    pub metrics: PrometheusHandle,
    /// What readiness depends on.
    pub probes: Arc<Vec<Probe>>,
}

/// `/livez` and `/readyz`: also on the public port, for load balancers.
pub fn health_routes(operations: Operations) -> Router {
    Router::new().route("/livez", get(live)).route("/readyz", get(ready)).with_state(operations)
}

/// All routes of the operators' port.
pub fn routes(operations: Operations) -> Router {
    let metrics = Router::new().route("/metrics", get(render)).with_state(operations.clone());
    health_routes(operations).merge(metrics)
}

async fn live() -> &'static str {
    "ok\n"
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    checks: Vec<Check>,
}

async fn ready(State(operations): State<Operations>) -> Response {
    let checks: Vec<Check> = operations.probes.iter().map(|probe| probe()).collect();
    let ready = checks.iter().all(|check| check.ready);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, checks })).into_response()
}

async fn render(State(operations): State<Operations>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], operations.metrics.render()).into_response()
}
