//! The internal HTTP API of a command role: `POST /commands/{name}`, `/payment-notices`, `/exports`. Only for query roles that hold the shared secret.

use crate::command_port::{self, Envelope, WantedExport};
use crate::mutations;
use crate::settings::HttpSettings;
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

/// How many times as long an input may be as the public request that it came in: an id is shorter there, and a variable may stand in
/// several fields. One that stands in many is refused as too long.
const INPUT_GROWTH_MAX: usize = 2;
/// The most bytes of what travels with an input: who sends it, from where, in which trace. A payment provider's notice fits in, too.
const ENVELOPE_BYTES_MAX: usize = 16 * 1024;

/// What the API needs.
#[derive(Clone)]
pub struct CommandApi {
    /// Handles the commands.
    pub commands: Commands,
    /// What a query role must bring.
    pub secret: Arc<str>,
}

/// The routes of the internal API. `limits` are those of the public endpoint, so that what fits in there fits in here.
pub fn routes(api: CommandApi, limits: &HttpSettings) -> Router {
    let router = Router::new().route("/commands/{name}", post(handle)).route("/payment-notices", post(notice));
    let router = router.route("/exports", post(export));
    router.layer(DefaultBodyLimit::max(body_bytes_max(limits))).with_state(api)
}

/// The longest body of an internal request.
fn body_bytes_max(limits: &HttpSettings) -> usize {
    let public_bytes_max = limits.body_bytes_max.max(limits.socket_message_bytes_max);
    public_bytes_max.saturating_mul(INPUT_GROWTH_MAX).saturating_add(ENVELOPE_BYTES_MAX)
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
    use millrace_command::{AddComment, Request};
    use millrace_events::viewer::Person;
    use millrace_events::{CommandId, PostId, Role, SessionId, Timestamp, Trace, UserId, Viewer};
    use std::net::Ipv6Addr;
    use time::OffsetDateTime;

    /// A request of which everything is as long as can be. A quotation mark takes two bytes where it is written.
    fn longest_request() -> Request {
        let now = Timestamp::new(OffsetDateTime::now_utc());
        let person = Person {
            user_id: UserId::generate(),
            session_id: SessionId::generate(),
            issued_at: now,
            expires_at: now,
            roles: [Role::Staff, Role::Admin].into(),
        };
        let parent = format!("00-{}-{}-01", "a".repeat(32), "b".repeat(16));
        let state = ["a=", "b="].map(|key| format!("{key}{}", "\"".repeat(250))).join(",");
        Request {
            viewer: Viewer::Person(person),
            command_id: CommandId::generate(),
            trace: Some(Trace::new(&parent, Some(&state)).unwrap()),
            client_address: Some(Ipv6Addr::from([u16::MAX; 8]).into()),
        }
    }

    #[test]
    fn whatever_the_public_endpoint_lets_in_has_room_in_an_envelope() {
        let usual = HttpSettings::default();
        let for_sockets =
            HttpSettings { socket_message_bytes_max: usual.body_bytes_max * 2, ..HttpSettings::default() };
        for limits in [usual, for_sockets] {
            let public_bytes_max = limits.body_bytes_max.max(limits.socket_message_bytes_max);
            let text = "x".repeat(public_bytes_max);
            let input = AddComment { post_id: PostId::generate(), text, idempotency_key: None };
            let sent = serde_json::to_vec(&Envelope { request: longest_request(), input }).unwrap();
            assert!(sent.len() > public_bytes_max + 1_000, "{}", sent.len());
            assert!(sent.len() <= public_bytes_max + ENVELOPE_BYTES_MAX, "{}", sent.len());
            assert!(sent.len() <= body_bytes_max(&limits));
        }
    }

    #[test]
    fn only_the_whole_secret_is_the_secret() {
        assert!(equal_in_constant_time(b"abc", b"abc"));
        for other in [&b""[..], b"ab", b"abd", b"abcd"] {
            assert!(!equal_in_constant_time(other, b"abc"));
        }
    }
}
