//! `GET /exports/{token}`: the document that a link of `exportMyData` leads to. The query role passes the token on unread, and the document
//! back as it comes; the command side alone knows whether the link is good, and writes it.
//!
//! The path holds a secret: nothing here logs it.

use super::headers;
use crate::command_port::CommandPort;
use axum::Json;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use millrace_command::{ExportRefusal, FailureCode, FailureReport};
use serde::Serialize;

/// Where the links of the default settings lead.
pub const PATH: &str = "/exports/";
const NO_SUCH_EXPORT: &str = "This link leads to no export (any more). Ask for a new one.";

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const ATTACHMENT: HeaderValue = HeaderValue::from_static("attachment; filename=\"millrace-export.json\"");
const NOT_KEPT: HeaderValue = HeaderValue::from_static("private, no-store");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
/// What every answer under a secret path says.
const PRIVATE: [(HeaderName, HeaderValue); 2] =
    [(header::CACHE_CONTROL, NOT_KEPT), (header::REFERRER_POLICY, NO_REFERRER)];

/// The route of exports.
pub fn routes(port: CommandPort) -> Router {
    Router::new().route(&format!("{PATH}{{token}}"), get(fetch)).with_state(port)
}

async fn fetch(State(port): State<CommandPort>, Path(token): Path<String>, headers: HeaderMap) -> Response {
    match port.export(token).await {
        Ok(document) => {
            let headers = [(header::CONTENT_TYPE, JSON), (header::CONTENT_DISPOSITION, ATTACHMENT)];
            (PRIVATE, headers, document).into_response()
        }
        Err(refusal) => refuse(refusal, headers::request_id(&headers)),
    }
}

/// What a client is told instead of a document.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Refused {
    code: &'static str,
    message: String,
    retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<String>,
    request_id: String,
}

fn refuse(refusal: ExportRefusal, request_id: String) -> Response {
    let (status, code, report) = match refusal {
        ExportRefusal::NoSuchExport => (StatusCode::NOT_FOUND, "NOT_FOUND", None),
        ExportRefusal::Failed(report) => (status(report.code), report.code.as_str(), Some(report)),
    };
    let retry_after = report.as_ref().and_then(|report| report.retry_after_s);
    let (message, retryable, limit) = match report {
        Some(FailureReport { message, retryable, limit, .. }) => (message, retryable, limit),
        None => (NO_SUCH_EXPORT.to_owned(), false, None),
    };
    let mut answer = (status, PRIVATE, Json(Refused { code, message, retryable, limit, request_id })).into_response();
    if let Some(seconds) = retry_after {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

/// That all places are taken is the server's state, not the client's doing.
fn status(code: FailureCode) -> StatusCode {
    match code {
        FailureCode::RateLimited | FailureCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        FailureCode::Timeout => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
