//! The internal HTTP API of a command role: `POST /commands/{name}`. Only for query roles that hold the shared secret.

use crate::command_port::{self, Envelope};
use crate::mutations;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use millrace_command::Commands;
use millrace_command::wallet::SIGNATURE_HEADER;
use serde_json::Value;
use std::sync::Arc;

/// What the API needs.
#[derive(Clone)]
pub struct CommandApi {
    /// Handles the commands.
    pub commands: Commands,
    /// What a query role must bring.
    pub secret: Arc<str>,
}

/// The routes of the internal API.
pub fn routes(api: CommandApi, body_bytes_max: usize) -> Router {
    let router = Router::new().route("/commands/{name}", post(handle)).route("/payment-notices", post(notice));
    router.layer(DefaultBodyLimit::max(body_bytes_max)).with_state(api)
}

async fn handle(
    State(api): State<CommandApi>,
    Path(name): Path<String>,
    headers: HeaderMap,
    Json(envelope): Json<Envelope<Value>>,
) -> Response {
    if !knows_secret(&headers, &api.secret) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    match mutations::dispatch(&api.commands, &name, envelope.request, envelope.input).await {
        Some(answer) => Json(answer).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A payment provider's notice, as the query role got it.
async fn notice(State(api): State<CommandApi>, headers: HeaderMap, body: Bytes) -> Response {
    if !knows_secret(&headers, &api.secret) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let signature = headers.get(SIGNATURE_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Json(command_port::take_notice(&api.commands, signature, &body).await).into_response()
}

fn knows_secret(headers: &HeaderMap, secret: &str) -> bool {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|text| text.strip_prefix("Bearer ")).unwrap_or_default();
    equal_in_constant_time(given.as_bytes(), secret.as_bytes())
}

/// Compares every byte, so that the time does not tell how much of a guess was right.
fn equal_in_constant_time(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (x, y)| difference | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_secret_is_the_secret() {
        assert!(equal_in_constant_time(b"abc", b"abc"));
        for other in [&b""[..], b"ab", b"abd", b"abcd"] {
            assert!(!equal_in_constant_time(other, b"abc"));
        }
    }
}
