//! GraphQL over HTTP: what a request must look like, and which form and status its answer has.
//!
//! The GraphQL-over-HTTP draft decides, and its audit. async-graphql-axum takes any content type, answers 200 to everything and runs
//! mutations sent by GET, so nothing of it is used.

use super::caching::{Caching, Copies};
pub use super::media_type::MediaType;
use super::media_type::accepted;
use super::problem::{Problem, REFUSED_BY_SCHEMA};
use super::{bearer, client_address, headers};
use crate::answered::Answered;
use crate::api::Api;
use crate::documents::Resolved;
use crate::documents::params::{self, Params};
use crate::panics::caught;
use crate::settings::HttpSettings;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use millrace_read::graphql::Question;
use std::time::Duration;
use tokio::time::timeout;

/// So much of a body that is too long is read for nothing, so that its client hears why. Whoever sends more is cut off.
const PASSED_OVER_BYTES_MAX: usize = 2 * 1024 * 1024;
/// An error is nobody's to keep.
pub(super) const NOT_STORED: HeaderValue = HeaderValue::from_static("no-store");

/// `POST /graphql` and `GET /graphql?query=…`.
pub async fn handle(api: &Api, request: Request) -> Response {
    let request_id = headers::request_id(request.headers());
    match accepted(request.headers()) {
        Some(media_type) => handle_for(api, request, media_type, &request_id).await,
        None => refuse(&Problem::NotAcceptable, MediaType::Json, &request_id),
    }
}

async fn handle_for(api: &Api, request: Request, media_type: MediaType, request_id: &str) -> Response {
    let copies = Copies::of(&request);
    match caught(answer(api, request, request_id)).await {
        Ok(answered) => {
            let caching = copies.judge(&answered);
            if caching.is_known {
                return not_modified(caching, request_id);
            }
            let status = success_status(&answered, media_type);
            let mut response = respond(answered, media_type, status, request_id, caching.control);
            response.headers_mut().extend(caching.tag.map(|tag| (header::ETAG, tag)));
            response
        }
        Err(problem) => refuse(&problem, media_type, request_id),
    }
}

/// An answer that still stands, or else one that is executed.
async fn answer(api: &Api, request: Request, request_id: &str) -> Result<Answered, Problem> {
    let by_get = is_get(request.method());
    if !by_get {
        require_json(request.headers())?;
    }
    let client_address = client_address(api, &request);
    let (parts, body) = request.into_parts();
    let bytes = collect(body, api.limits()).await?;
    let deadline = api.deadline();
    let sender = api.sender(&parts.headers).await;
    // An answer that is kept has no cost: whoever asks for it has the query executed.
    let question = question(api, &parts, &bytes).filter(|_| !headers::asks_cost(&parts.headers));
    if let (Ok(sender), Some(question)) = (&sender, &question) {
        let call = api.call(sender.clone(), &parts.headers, client_address, None, request_id, deadline)?;
        if let Some(answered) = api.recall(question, call).await {
            return Ok(answered);
        }
    }
    let checked = match api.check(read(api, &parts, &bytes).await?) {
        Ok(checked) => checked,
        // A well-formed request whose document is refused: the status is that of any other such document.
        Err(problem) => return Answered::of(&problem.to_response(request_id)),
    };
    if by_get && checked.is_mutation() {
        return Err(Problem::MethodNotAllowed);
    }
    // What a request's extensions say belongs to that request alone.
    let question =
        question.filter(|_| !checked.is_mutation() && params::say_nothing_else(&checked.request().extensions));
    let sender = match sender {
        Err(Problem::Unauthenticated(why)) => api.ended_sender(&parts.headers, &checked, why).await?,
        sender => sender?,
    };
    let call = api.call(sender, &parts.headers, client_address, Some(checked.request()), request_id, deadline)?;
    api.execute(checked, call, question).await
}

/// True if a request stands in its address alone.
pub(super) fn is_get(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// All that is asked, byte for byte, if answers to it are remembered. By GET it may be asked whether an answer still stands.
fn question(api: &Api, parts: &Parts, bytes: &Bytes) -> Option<Question> {
    if is_get(&parts.method) {
        return Some(Question::from([b"?", parts.uri.query().unwrap_or_default().as_bytes()].concat()));
    }
    api.keeps_answers(bytes.len()).then(|| Question::from(&**bytes))
}

/// The request, out of its address or its body, with the text of its document.
pub(super) async fn read(api: &Api, parts: &Parts, bytes: &[u8]) -> Result<Resolved, Problem> {
    let params = if is_get(&parts.method) { Params::of_address(&parts.uri)? } else { Params::of_body(bytes)? };
    api.documents().resolve(params).await
}

/// The body as bytes, within the limits.
pub(super) async fn collect(body: Body, limits: &HttpSettings) -> Result<Bytes, Problem> {
    let (ms_max, bytes_max) = (limits.body_ms_max, limits.body_bytes_max);
    let collected = timeout(Duration::from_millis(ms_max), collect_within(body, bytes_max)).await;
    collected.map_err(|_| Problem::SlowBody { ms_max })?
}

async fn collect_within(mut body: Body, bytes_max: usize) -> Result<Bytes, Problem> {
    match Limited::new(&mut body, bytes_max).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            pass_over(body).await;
            Err(Problem::TooLarge { bytes_max })
        }
        Err(_) => Err(Problem::BadRequest("the body ended early")),
    }
}

/// Reads what a client is still sending, within a limit: if the connection were closed over it, the answer might be lost.
async fn pass_over(mut body: Body) {
    let mut passed_bytes = 0;
    while let Some(Ok(frame)) = body.frame().await {
        passed_bytes += frame.data_ref().map_or(0, Bytes::len);
        if passed_bytes > PASSED_OVER_BYTES_MAX {
            return;
        }
    }
}

/// A body is JSON, not compressed.
pub(super) fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    if headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(Problem::CompressedBody);
    }
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = content_type.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|media_type| media_type.eq_ignore_ascii_case("application/json"));
    let is_utf8 = parts.all(|parameter| {
        let parameter = parameter.to_ascii_lowercase();
        !parameter.starts_with("charset=") || matches!(parameter.as_str(), "charset=utf-8" | "charset=\"utf-8\"")
    });
    if is_json && is_utf8 { Ok(()) } else { Err(Problem::UnsupportedMediaType) }
}

/// A request error (nothing was executed) has its status in the draft's form; an executed request is 200, with or without errors.
fn success_status(answered: &Answered, media_type: MediaType) -> StatusCode {
    let is_bad = answered.is_refusal && media_type == MediaType::GraphQlResponse;
    if is_bad { REFUSED_BY_SCHEMA } else { StatusCode::OK }
}

/// The refusal of a request, with the status that clients of this form of answer expect.
pub(super) fn refuse(problem: &Problem, media_type: MediaType, request_id: &str) -> Response {
    let status = match media_type {
        MediaType::GraphQlResponse => problem.status(),
        MediaType::Json => problem.status_for_older(),
    };
    refuse_with(status, problem, media_type, request_id)
}

/// The refusal of a request, with a status that does not come from the form of the answer.
pub(super) fn refuse_with(status: StatusCode, problem: &Problem, media_type: MediaType, request_id: &str) -> Response {
    bearer::count(problem);
    let Ok(refusal) = Answered::of(&problem.to_response(request_id)) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = respond(refusal, media_type, status, request_id, NOT_STORED);
    let advice = match problem {
        Problem::MethodNotAllowed => Some((header::ALLOW, "POST")),
        Problem::CompressedBody => Some((header::ACCEPT_ENCODING, "identity")),
        Problem::Unauthenticated(_) => Some((header::WWW_AUTHENTICATE, "Bearer")),
        _ => None,
    };
    let headers = response.headers_mut();
    headers.extend(advice.map(|(name, value)| (name, HeaderValue::from_static(value))));
    if problem.leaves_body() {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    headers.extend(problem.retry_after_s().map(|seconds| (header::RETRY_AFTER, HeaderValue::from(seconds))));
    response
}

fn respond(
    answered: Answered,
    media_type: MediaType,
    status: StatusCode,
    request_id: &str,
    cache: HeaderValue,
) -> Response {
    let mut answer = (status, answered.json).into_response();
    headers::describe(answer.headers_mut(), media_type.header(), cache, request_id);
    answer
}

/// The client has this answer already.
fn not_modified(caching: Caching, request_id: &str) -> Response {
    let mut response = StatusCode::NOT_MODIFIED.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, caching.control);
    headers.extend(caching.tag.map(|tag| (header::ETAG, tag)));
    headers::name_request(headers, request_id);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_in_utf8_is_taken() {
        let check = |text: &'static str| {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(text))]);
            require_json(&headers)
        };
        assert_eq!(check("application/json"), Ok(()));
        assert_eq!(check("Application/JSON; charset=UTF-8"), Ok(()));
        for other in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "application/json; charset=latin1",
        ] {
            assert_eq!(check(other), Err(Problem::UnsupportedMediaType), "{other}");
        }
        assert_eq!(require_json(&HeaderMap::new()), Err(Problem::UnsupportedMediaType));
        let compressed = |encoding| {
            let encoding = (header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
            let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            require_json(&HeaderMap::from_iter([encoding, json]))
        };
        assert_eq!(compressed("gzip"), Err(Problem::CompressedBody));
        assert_eq!(compressed("identity"), Ok(()));
    }
}
