//! The life of a process that answers and does nothing else: it says where it listens, and ends at SIGTERM.

use crate::error::BenchError;
use axum::Router;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Serves until SIGTERM; `what` is what it says that it serves.
pub async fn serve(what: &str, router: Router) -> Result<(), BenchError> {
    let failed = || BenchError::io(format!("serving {what}"));
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed())?;
    let mut end = signal(SignalKind::terminate()).map_err(failed())?;
    println!("listening {what} http://{}\nready", listener.local_addr().map_err(failed())?);
    let ended = async move {
        end.recv().await;
    };
    axum::serve(listener, router).with_graceful_shutdown(ended).await.map_err(failed())
}
