//! HTTP: GraphQL over HTTP, server-sent events and WebSocket, GraphiQL, health.

pub mod bearer;
pub mod caching;
pub mod client_address;
pub mod command_api;
pub mod compression;
pub mod connection_places;
pub mod event_stream;
pub mod exports;
pub mod graphql;
pub mod headers;
pub mod media_type;
pub mod message_rate;
pub mod operations;
pub mod origins;
pub mod patience;
pub mod pictures;
pub mod playground;
pub mod problem;
pub mod protocol;
pub mod running;
pub mod send_queue;
pub mod server;
pub mod socket;
pub mod socket_operation;
pub mod trace_context;
pub mod watch;
pub mod webhook;
pub mod writer;

use crate::api::Api;
use axum::Router;
use axum::extract::{ConnectInfo, FromRequestParts, Request, State, WebSocketUpgrade};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use operations::{Operations, public_routes};
use playground::Pages;
use server::{ConnectionLimits, Port};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::set_header::SetResponseHeaderLayer;

/// Nobody guesses what an answer is: it is what it says. Over all routes of a port, so that none has to say it.
pub fn nosniff() -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))
}

/// Tells browsers to come over TLS only, for so long; none if that is not ours to say.
fn transport_security(max_age_s: u64) -> Option<SetResponseHeaderLayer<HeaderValue>> {
    let value = HeaderValue::try_from(format!("max-age={max_age_s}")).ok().filter(|_| max_age_s > 0)?;
    Some(SetResponseHeaderLayer::overriding(header::STRICT_TRANSPORT_SECURITY, value))
}

/// Serves the public endpoint until shutdown; then waits for open requests and sockets.
pub async fn serve(listener: TcpListener, api: Arc<Api>, operations: Operations, shutdown: CancellationToken) {
    let sockets = api.sockets().clone();
    let limits = ConnectionLimits::of_strangers(api.limits());
    Port { name: "graphql", listener, router: routes(api, operations), limits }.serve(shutdown).await;
    // A connection that became a socket is none any more. Each socket tells its client, and ends its operations.
    sockets.close();
    sockets.wait().await;
}

fn routes(api: Arc<Api>, operations: Operations) -> Router {
    let limits = api.limits();
    let mut router = public_routes(operations);
    let pages = Pages { playground: limits.playground, pipeline: limits.pipeline };
    if pages.playground || pages.pipeline {
        router = router.merge(playground::routes(&limits.playground_folder, pages));
    }
    if pages.playground {
        router = router.merge(pictures::routes());
    }
    router = router.merge(webhook::routes(api.port().clone())).merge(exports::routes(api.port().clone()));
    let endpoint = Router::new().route("/graphql", get(get_or_upgrade).post(answer));
    let endpoint = endpoint.layer(compression::layer(limits.compress_bytes_min)).layer(origins::cors(limits));
    let security = transport_security(limits.hsts_max_age_s);
    let router = router.merge(endpoint.with_state(api)).layer(nosniff());
    match security {
        Some(security) => router.layer(security),
        None => router,
    }
}

/// GET is a query, or the beginning of a socket.
async fn get_or_upgrade(State(api): State<Arc<Api>>, request: Request) -> Response {
    if !asks_for_socket(request.headers()) {
        return answer(State(api), request).await;
    }
    let client_address = client_address(&api, &request);
    let (mut parts, _) = request.into_parts();
    match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => socket::upgrade(api, parts.headers, client_address, upgrade),
        Err(rejection) => rejection.into_response(),
    }
}

/// True if this is to become a socket. Whoever offers another protocol, such as `h2c`, is answered by this one.
fn asks_for_socket(headers: &HeaderMap) -> bool {
    let offered = headers.get_all(header::UPGRADE).iter().filter_map(|value| value.to_str().ok());
    offered.flat_map(|value| value.split(',')).any(|protocol| protocol.trim().eq_ignore_ascii_case("websocket"))
}

/// One answer, or a stream of events for who would rather have that. Either names the trace that it belongs to.
async fn answer(State(api): State<Arc<Api>>, request: Request) -> Response {
    let trace = trace_context::of_headers(request.headers()).and_then(|trace| trace_context::response(&trace));
    let mut response = if event_stream::is_wanted(request.headers()) {
        event_stream::handle(api, request).await
    } else {
        graphql::handle(&api, request).await
    };
    response.headers_mut().extend(trace.map(|trace| (trace_context::TRACE_RESPONSE, trace)));
    response
}

/// Where a request comes from; none if it came over no connection, as in a test of routes alone.
fn client_address(api: &Api, request: &Request) -> Option<IpAddr> {
    let ConnectInfo(peer) = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
    Some(client_address::of(peer.ip(), request.headers(), api.limits()))
}
