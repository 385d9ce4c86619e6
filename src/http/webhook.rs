//! `POST /webhooks/payments`: a payment provider says what became of a top-up. The query role passes it on as it came; whether it is
//! believed is the command side's to say, which alone holds the secret.

use crate::command_port::{CommandPort, NoticeAnswer};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use millrace_command::wallet::SIGNATURE_HEADER;
use millrace_events::fail_point::reach;

/// Where providers call.
pub const PATH: &str = "/webhooks/payments";
/// The most bytes of a notice.
const NOTICE_BYTES_MAX: usize = 16 * 1024;

/// The route of the webhook.
pub fn routes(port: CommandPort) -> Router {
    Router::new().route(PATH, post(receive)).layer(DefaultBodyLimit::max(NOTICE_BYTES_MAX)).with_state(port)
}

/// A provider sends a notice again until it is answered with 2xx: so whatever may pass is a 5xx, what never will a 4xx.
async fn receive(State(port): State<CommandPort>, headers: HeaderMap, body: Bytes) -> Response {
    let signature = headers.get(SIGNATURE_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    reach("webhook.received").await;
    let answer = port.notice(signature, body).await;
    reach("webhook.answered").await;
    status(answer).into_response()
}

/// What a provider is answered.
pub fn status(answer: NoticeAnswer) -> StatusCode {
    match answer {
        NoticeAnswer::Taken => StatusCode::NO_CONTENT,
        NoticeAnswer::NotBelieved => StatusCode::UNAUTHORIZED,
        NoticeAnswer::Malformed => StatusCode::BAD_REQUEST,
        NoticeAnswer::Rejected => StatusCode::UNPROCESSABLE_ENTITY,
        NoticeAnswer::Off => StatusCode::NOT_FOUND,
        NoticeAnswer::Later => StatusCode::SERVICE_UNAVAILABLE,
    }
}
