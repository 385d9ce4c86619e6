//! A process that answers pages out of Redis and does nothing else: axum, one multiplexed connection, one GET for each request.

use super::server;
use crate::error::BenchError;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use std::sync::Arc;

/// What it says that it serves.
pub const WHAT: &str = "pages";

#[derive(Clone)]
struct Pages {
    redis: MultiplexedConnection,
    prefix: Arc<str>,
}

/// The key of a page in Redis.
pub fn key(prefix: &str, number: usize) -> String {
    format!("{prefix}:page:{number}")
}

/// The path of a page here.
pub fn path(number: usize) -> String {
    format!("/page/{number}")
}

/// Serves until SIGTERM.
pub async fn serve(redis_url: &str, prefix: &str) -> Result<(), BenchError> {
    let redis = redis::Client::open(redis_url)?.get_multiplexed_async_connection().await?;
    let pages = Pages { redis, prefix: prefix.into() };
    let router = Router::new().route("/page/{number}", get(page)).with_state(pages);
    server::serve(WHAT, router).await
}

async fn page(State(mut pages): State<Pages>, Path(number): Path<usize>) -> Response {
    match pages.redis.get::<_, Option<Vec<u8>>>(key(&pages.prefix, number)).await {
        Ok(Some(body)) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}
