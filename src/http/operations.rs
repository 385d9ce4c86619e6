//! The operators' port: `/livez`, `/readyz`, `/metrics`. Not for the public.

use crate::telemetry;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;
use std::sync::Arc;
use tokio::runtime::Handle;

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

/// `/livez` and `/readyz` on the public port, for load balancers: whether, but not why not.
pub fn public_routes(operations: Operations) -> Router {
    Router::new().route("/livez", get(live)).route("/readyz", get(ready_at_all)).with_state(operations)
}

/// All routes of the operators' port.
pub fn routes(operations: Operations) -> Router {
    let router = Router::new().route("/livez", get(live)).route("/readyz", get(ready)).route("/metrics", get(render));
    router.layer(super::nosniff()).with_state(operations)
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
    let readiness = operations.look();
    (readiness.status(), Json(readiness)).into_response()
}

async fn ready_at_all(State(operations): State<Operations>) -> Response {
    let readiness = operations.look();
    (readiness.status(), if readiness.ready { "ready\n" } else { "not ready\n" }).into_response()
}

impl Operations {
    fn look(&self) -> Readiness {
        let checks: Vec<Check> = self.probes.iter().map(|probe| probe()).collect();
        Readiness { ready: checks.iter().all(|check| check.ready), checks }
    }
}

impl Readiness {
    fn status(&self) -> StatusCode {
        if self.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
    }
}

async fn render(State(operations): State<Operations>) -> Response {
    telemetry::note_tasks(&Handle::current());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], telemetry::render(&operations.metrics)).into_response()
}
