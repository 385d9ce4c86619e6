//! The loop that every port is served by: connections are counted, slow ones are closed, and at shutdown each is brought to its end.

use super::patience::{Busy, Patient};
use crate::settings::HttpSettings;
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
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

/// After a failure to accept that is not the client's, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What connections of one port are held to.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// Open at once. More are closed as soon as they are there. One that became a socket does not count.
    pub connections_max: usize,
    /// From the first byte of a request's head to its last.
    pub head_wait: Duration,
    /// Until the first byte of the next request.
    pub idle_wait: Duration,
    /// While the client takes nothing of an answer.
    pub write_wait: Duration,
}

impl ConnectionLimits {
    /// The settings' limits.
    pub fn of(settings: &HttpSettings) -> Self {
        Self {
            connections_max: settings.connections_max,
            head_wait: Duration::from_millis(settings.head_ms_max),
            idle_wait: Duration::from_millis(settings.idle_ms_max),
            write_wait: Duration::from_millis(settings.write_ms_max),
        }
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
        let (places, connections) = (Arc::new(Semaphore::new(limits.connections_max)), TaskTracker::new());
        while let Some(accepted) = shutdown.run_until_cancelled(listener.accept()).await {
            match accepted {
                Ok((stream, peer)) => match Arc::clone(&places).try_acquire_owned() {
                    Ok(place) => {
                        let connection = Connection { name, stream, peer, router: router.clone(), limits };
                        connections.spawn(connection.serve(place, shutdown.clone()));
                    }
                    Err(_) => count(name, "refused"),
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
    limits: ConnectionLimits,
}

impl Connection {
    async fn serve(self, _place: OwnedSemaphorePermit, shutdown: CancellationToken) {
        let Self { name, stream, peer, router, limits } = self;
        let _no_matter = stream.set_nodelay(true);
        let busy = Busy::default();
        let io = TokioIo::new(Patient::new(stream, busy.clone(), limits.head_wait, limits.write_wait));
        let service = service_fn(move |request| answer(router.clone(), busy.clone(), peer, request));
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(limits.idle_wait);
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
