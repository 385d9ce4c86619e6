//! GraphQL over HTTP: what a request must look like, and which form and status its answer has.
//!
//! The GraphQL-over-HTTP draft decides. async-graphql-axum reads the request; it takes any content type, answers 200 to everything
//! and runs mutations sent by GET, so those parts are ours.

use super::problem::Problem;
use super::{client_address, headers};
use crate::answered::Answered;
use crate::api::Api;
use crate::settings::HttpSettings;
use async_graphql::{ParseRequestError, Request as GraphQlRequest};
use async_graphql_axum::GraphQLRequest;
use async_graphql_axum::rejection::GraphQLRejection;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use millrace_read::graphql::Question;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// The forms of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaType {
    /// The draft's own: errors before execution have their status.
    GraphQlResponse,
    /// What older clients ask for: 200 for everything that was a well-formed request.
    Json,
}

impl MediaType {
    fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::GraphQlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        })
    }
}

/// `POST /graphql` and `GET /graphql?query=…`.
pub async fn handle(State(api): State<Arc<Api>>, request: Request) -> Response {
    let request_id = headers::request_id(request.headers());
    let Some(media_type) = accepted(request.headers().get(header::ACCEPT)) else {
        return refuse(&Problem::NotAcceptable, MediaType::Json, &request_id);
    };
    match answer(&api, request, &request_id).await {
        Ok(answered) => {
            let cache = HeaderValue::from_static("private, no-store");
            let status = success_status(&answered, media_type);
            respond(answered, media_type, status, &request_id, cache)
        }
        Err(problem) => refuse(&problem, media_type, &request_id),
    }
}

/// An answer that still stands, or else one that is executed.
async fn answer(api: &Api, request: Request, request_id: &str) -> Result<Answered, Problem> {
    let by_get = request.method() == Method::GET;
    if !by_get {
        require_json(request.headers())?;
    }
    let client_address = client_address(api, &request);
    let (parts, body) = request.into_parts();
    let bytes = collect(body, api.limits()).await?;
    let deadline = api.deadline();
    let sender = api.sender(&parts.headers).await;
    let question = (!by_get && api.keeps_answers(bytes.len())).then(|| Question::from(&*bytes));
    // An answer that is kept has no cost: whoever asks for it has the query executed.
    let question = question.filter(|_| !headers::asks_cost(&parts.headers));
    if let (Ok(sender), Some(question)) = (&sender, &question) {
        let call = api.call(sender.clone(), &parts.headers, client_address, None, request_id, deadline)?;
        if let Some(answered) = api.recall(question, call).await {
            return Ok(answered);
        }
    }
    let headers = parts.headers.clone();
    let checked = match api.check(read(Request::from_parts(parts, Body::from(bytes))).await?) {
        Ok(checked) => checked,
        // A well-formed request whose document is refused: the status is that of any other such document.
        Err(problem) => return Answered::of(&problem.to_response(request_id)),
    };
    if by_get && checked.is_mutation() {
        return Err(Problem::MethodNotAllowed);
    }
    // What a request's extensions say belongs to that request alone.
    let question = question.filter(|_| !checked.is_mutation() && checked.request().extensions.is_empty());
    let sender = match sender {
        Err(Problem::Unauthenticated) => api.ended_sender(&headers, &checked)?,
        sender => sender?,
    };
    let call = api.call(sender, &headers, client_address, Some(checked.request()), request_id, deadline)?;
    api.execute(checked, call, question).await
}

/// The body as a GraphQL request.
pub(super) async fn read(request: Request) -> Result<GraphQlRequest, Problem> {
    let read = GraphQLRequest::<GraphQLRejection>::from_request(request, &()).await;
    let graphql = read.map_err(|refused| malformed(&refused.0))?.into_inner();
    if graphql.query.trim().is_empty() {
        return Err(Problem::BadRequest("`query` is missing"));
    }
    Ok(graphql)
}

/// The body as bytes, within the limits.
pub(super) async fn collect(body: Body, limits: &HttpSettings) -> Result<Bytes, Problem> {
    let (ms_max, bytes_max) = (limits.body_ms_max, limits.body_bytes_max);
    let collecting = Limited::new(body, bytes_max).collect();
    let collected = timeout(Duration::from_millis(ms_max), collecting).await;
    match collected.map_err(|_| Problem::SlowBody { ms_max })? {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Problem::TooLarge { bytes_max }),
        Err(_) => Err(Problem::BadRequest("the body ended early")),
    }
}

fn malformed(error: &ParseRequestError) -> Problem {
    match error {
        ParseRequestError::UnsupportedBatch => Problem::BadRequest("batches are not supported"),
        _ => Problem::BadRequest(
            "the request is not a GraphQL request: `query` is a string, `variables` and `extensions` are objects",
        ),
    }
}

pub(super) fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = content_type.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|media_type| media_type.eq_ignore_ascii_case("application/json"));
    let is_utf8 = parts.all(|parameter| {
        let parameter = parameter.to_ascii_lowercase();
        !parameter.starts_with("charset=") || matches!(parameter.as_str(), "charset=utf-8" | "charset=\"utf-8\"")
    });
    if is_json && is_utf8 { Ok(()) } else { Err(Problem::UnsupportedMediaType) }
}

/// The best of what the client accepts; nothing said means the older form, as the draft has it.
fn accepted(accept: Option<&HeaderValue>) -> Option<MediaType> {
    let Some(accept) = accept else { return Some(MediaType::Json) };
    let wanted = accept.to_str().ok()?.split(',').filter_map(weighted);
    wanted.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(media_type, _)| media_type)
}

fn weighted(range: &str) -> Option<(MediaType, f32)> {
    let mut parts = range.split(';').map(str::trim);
    let media_type = match parts.next()?.to_ascii_lowercase().as_str() {
        "application/graphql-response+json" | "application/*" => MediaType::GraphQlResponse,
        "application/json" | "*/*" => MediaType::Json,
        _ => return None,
    };
    let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse().ok())?;
    // Of equal weights the draft's own form is better.
    let preference = if media_type == MediaType::GraphQlResponse { 0.0001 } else { 0.0 };
    (weight > 0.0).then_some((media_type, weight + preference))
}

/// A request error (nothing was executed) is 400 in the draft's form; an executed request is 200, with or without errors.
fn success_status(answered: &Answered, media_type: MediaType) -> StatusCode {
    let is_bad = answered.is_refusal && media_type == MediaType::GraphQlResponse;
    if is_bad { StatusCode::BAD_REQUEST } else { StatusCode::OK }
}

pub(super) fn refuse(problem: &Problem, media_type: MediaType, request_id: &str) -> Response {
    let cache = HeaderValue::from_static("no-store");
    let Ok(refusal) = Answered::of(&problem.to_response(request_id)) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = respond(refusal, media_type, problem.status(), request_id, cache);
    if let Some(seconds) = problem.retry_after_s() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if matches!(problem, Problem::MethodNotAllowed) {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    }
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
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, media_type.header());
    headers.insert(header::CACHE_CONTROL, cache);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(headers::REQUEST_ID, value);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(text: &'static str) -> Option<MediaType> {
        accepted(Some(&HeaderValue::from_static(text)))
    }

    #[test]
    fn the_client_says_which_form_it_wants() {
        assert_eq!(accepted(None), Some(MediaType::Json));
        assert_eq!(accept("*/*"), Some(MediaType::Json));
        assert_eq!(accept("application/json"), Some(MediaType::Json));
        assert_eq!(accept("application/graphql-response+json"), Some(MediaType::GraphQlResponse));
        assert_eq!(accept("application/graphql-response+json, application/json"), Some(MediaType::GraphQlResponse));
        assert_eq!(accept("application/json, application/graphql-response+json;q=0.5"), Some(MediaType::Json));
        assert_eq!(accept("text/html"), None);
    }

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
    }
}
