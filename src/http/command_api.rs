//! The internal HTTP API of a command role: `POST /commands/{name}`, `/payment-notices`, `/exports`. Only for query roles that hold the shared secret.

use crate::command_port::{self, Envelope, WantedExport};
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
    let router = router.route("/exports", post(export));
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

/// A document, or the refusal as it travels. The token comes in the body: a path may end in somebody's log.
async fn export(
    State(api): State<CommandApi>,
    headers: HeaderMap,
    Json(WantedExport { token }): Json<WantedExport>,
) -> Response {
    if !knows_secret(&headers, &api.secret) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    match api.commands.export(&token).await {
        Ok(export) => command_port::document(export).into_response(),
        Err(refusal) => (StatusCode::UNPROCESSABLE_ENTITY, Json(refusal)).into_response(),
    }
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
