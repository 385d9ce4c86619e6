//! HTTP: GraphQL over HTTP and WebSocket, GraphiQL, health.

pub mod command_api;
pub mod graphql;
pub mod headers;
pub mod operations;
pub mod playground;
pub mod problem;
pub mod protocol;
pub mod socket;

use crate::api::Api;
use crate::settings::HttpSettings;
use axum::Router;
use axum::extract::{FromRequestParts, Request, State, WebSocketUpgrade};
use axum::http::{HeaderValue, Method, header};
use axum::response::Response;
use axum::routing::get;
use operations::{Operations, health_routes};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::cors::{AllowOrigin, CorsLayer};

const ANY_ORIGIN: &str = "*";

/// Serves the public endpoint until shutdown; then waits for open requests and sockets.
pub async fn serve(listener: TcpListener, api: Arc<Api>, operations: Operations, shutdown: CancellationToken) {
    let sockets = api.sockets().clone();
    let router = routes(api, operations);
    let serving = axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned());
    if let Err(error) = serving.await {
        tracing::error!(%error, "the public endpoint failed");
    }
    // axum does not wait for upgraded connections.
    sockets.close();
    sockets.wait().await;
}

fn routes(api: Arc<Api>, operations: Operations) -> Router {
    let limits = api.limits();
    let mut router = health_routes(operations);
    if limits.playground {
        router = router.merge(playground::routes(&limits.playground_folder));
    }
    let cors = cors(limits);
    let endpoint = Router::new().route("/graphql", get(get_or_upgrade).post(graphql::handle)).layer(cors);
    router.merge(endpoint.with_state(api))
}

/// GET is a query, or the beginning of a socket.
async fn get_or_upgrade(State(api): State<Arc<Api>>, request: Request) -> Response {
    if !request.headers().contains_key(header::UPGRADE) {
        return graphql::handle(State(api), request).await;
    }
    let (mut parts, _) = request.into_parts();
    match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => socket::upgrade(api, parts.headers, upgrade),
        Err(rejection) => axum::response::IntoResponse::into_response(rejection),
    }
}

/// Closed unless set: a browser on another origin gets no answer.
fn cors(limits: &HttpSettings) -> CorsLayer {
    let origins = &limits.cors_origins;
    let allowed = if origins.iter().any(|origin| origin == ANY_ORIGIN) {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()))
    };
    let headers = [header::AUTHORIZATION, header::CONTENT_TYPE, headers::CONSISTENCY, headers::ON_TIMEOUT];
    CorsLayer::new().allow_origin(allowed).allow_methods([Method::GET, Method::POST]).allow_headers(headers)
}
