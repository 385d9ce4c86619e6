//! The loop that every port is served by: connections are counted, slow ones are closed, and at shutdown each is brought to its end.

use super::connection_places::{ConnectionPlace, ConnectionPlaces};
use super::patience::{Busy, Patient};
use crate::settings::{HttpSettings, Networks};
use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::http::StatusCode;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

/// After a failure to accept that is not the client's, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What connections of one port are held to.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// Open at once. More are closed as soon as they are there. One that became a socket does not count.
    pub connections_max: usize,
    /// The part of each address; none where one address may hold them all.
    pub per_address: Option<AddressLimit>,
    /// How long each is waited for.
    pub waits: Waits,
}

/// How many connections one address may hold.
#[derive(Debug, Clone)]
pub struct AddressLimit {
    /// Open at once, of one address or network of IPv6.
    pub connections_max: usize,
    /// Whose connections are those of many clients, and are counted for no address.
    pub trusted_proxies: Networks,
}

/// How long a connection is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Waits {
    /// From the first byte of a request's head to its last.
    pub head: Duration,
    /// Until the first byte of the next request.
    pub idle: Duration,
    /// While the client takes nothing of an answer.
    pub write: Duration,
}

impl ConnectionLimits {
    /// The settings' limits, for a port of ours: a query process sends the commands of many clients from one address.
    pub fn of(settings: &HttpSettings) -> Self {
        let waits = Waits {
            head: Duration::from_millis(settings.head_ms_max),
            idle: Duration::from_millis(settings.idle_ms_max),
            write: Duration::from_millis(settings.write_ms_max),
        };
        Self { connections_max: settings.connections_max, per_address: None, waits }
    }

    /// The same for a port to which anybody may connect: no address takes it from all others.
    pub fn of_strangers(settings: &HttpSettings) -> Self {
        let per_address = AddressLimit {
            connections_max: settings.connections_per_address_max,
            trusted_proxies: settings.trusted_proxies.clone(),
        };
        Self { per_address: Some(per_address), ..Self::of(settings) }
    }
}

/// A port and what is served there.
pub struct Port {
    /// What it is called in metrics and logs.
    pub name: &'static str,
    /// Where clients connect.
    pub listener: TcpListener,
    /// What is served.
    pub router: Router,
    /// What connections are held to.
    pub limits: ConnectionLimits,
}

impl Port {
    /// Serves until shutdown. Then no more connections are taken, and each open one ends with the request that it is at; all are
    /// waited for.
    pub async fn serve(self, shutdown: CancellationToken) {
        let Self { name, listener, router, limits } = self;
        let (waits, connections) = (limits.waits, TaskTracker::new());
        let places = ConnectionPlaces::new(limits);
        while let Some(accepted) = shutdown.run_until_cancelled(listener.accept()).await {
            match accepted {
                Ok((stream, peer)) => match places.take(peer.ip()) {
                    Ok(place) => {
                        let connection = Connection { name, stream, peer, router: router.clone(), waits };
                        connections.spawn(connection.serve(place, shutdown.clone()));
                    }
                    Err(full) => count(name, full.outcome()),
                },
                Err(error) => recover(name, &error).await,
            }
        }
        drop(listener);
        connections.close();
        connections.wait().await;
    }
}

struct Connection {
    name: &'static str,
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    waits: Waits,
}

impl Connection {
    async fn serve(self, _place: ConnectionPlace, shutdown: CancellationToken) {
        let Self { name, stream, peer, router, waits } = self;
        let _no_matter = stream.set_nodelay(true);
        let busy = Busy::default();
        let io = TokioIo::new(Patient::new(stream, busy.clone(), waits.head, waits.write));
        let service = service_fn(move |request| answer(router.clone(), busy.clone(), peer, request));
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(waits.idle);
        let mut connection = pin!(builder.serve_connection(io, service).with_upgrades());
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        count(name, if ended.is_ok() { "ended" } else { "broken" });
        if let Err(error) = ended {
            tracing::debug!(port = name, %peer, error = &error as &dyn std::error::Error, "a connection broke");
        }
    }
}

/// One request. A connection that becomes a socket stays busy: what comes on it is no head.
async fn answer(
    mut router: Router,
    busy: Busy,
    peer: SocketAddr,
    mut request: Request<Incoming>,
) -> Result<Response, Infallible> {
    busy.set(true);
    request.extensions_mut().insert(ConnectInfo(peer));
    let response = router.call(request).await?;
    busy.set(response.status() == StatusCode::SWITCHING_PROTOCOLS);
    Ok(response)
}

/// What a client does to its own connection is no matter; else there is nothing to do but wait.
async fn recover(name: &'static str, error: &std::io::Error) {
    if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset)
    {
        return;
    }
    tracing::error!(port = name, %error, "connections cannot be taken");
    sleep(ACCEPT_PAUSE).await;
}

fn count(port: &'static str, outcome: &'static str) {
    metrics::counter!("millrace_http_connections_total", "port" => port, "outcome" => outcome).increment(1);
}
