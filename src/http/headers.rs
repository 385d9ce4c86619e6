//! What requests bring in headers: request id, access token, consistency tokens.

use super::bearer::BearerRefusal;
use super::problem::Problem;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use millrace_events::ConsistencyToken;
use millrace_read::reader::OnTimeout;
use uuid::Uuid;

/// The request's id, in and out.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Consistency tokens, several joined by commas.
pub const CONSISTENCY: HeaderName = HeaderName::from_static("millrace-consistency");
/// `error` or `stale`: what a read does that cannot reach its tokens' positions in time.
pub const ON_TIMEOUT: HeaderName = HeaderName::from_static("millrace-on-timeout");
/// `true`: the answer tells what the operation costs.
pub const COST: HeaderName = HeaderName::from_static("millrace-cost");
const NO_TOKEN: Problem = Problem::Unauthenticated(BearerRefusal::Malformed);
const REQUEST_ID_BYTES_MAX: usize = 64;
/// The most tokens that one request may bring.
pub const TOKENS_MAX: usize = 16;

/// The id that the client gave, or a new one.
pub fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let plain = |text: &&str| {
        (1..=REQUEST_ID_BYTES_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    given.filter(plain).map_or_else(new_request_id, str::to_owned)
}

/// What every answer that has a body says of itself; that nobody guesses its type [a layer](super::nosniff) says.
pub fn describe(headers: &mut HeaderMap, content_type: HeaderValue, cache: HeaderValue, request_id: &str) {
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::CACHE_CONTROL, cache);
    name_request(headers, request_id);
}

/// Names the request that is answered.
pub fn name_request(headers: &mut HeaderMap, request_id: &str) {
    headers.extend(HeaderValue::from_str(request_id).ok().map(|value| (REQUEST_ID, value)));
}

/// A new id.
pub fn new_request_id() -> String {
    Uuid::now_v7().to_string()
}

/// True if the client wants to know the cost.
pub fn asks_cost(headers: &HeaderMap) -> bool {
    headers.get(COST).is_some_and(|value| value == "true")
}

/// The access token of an `Authorization: Bearer …` text. Any other scheme is no token of ours.
pub fn bearer(authorization: &str) -> Result<&str, Problem> {
    let (scheme, token) = authorization.split_once(' ').ok_or(NO_TOKEN)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim()) } else { Err(NO_TOKEN) }
}

/// The `Authorization` header.
pub fn authorization(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    headers.get(header::AUTHORIZATION).map(|value| value.to_str().map_err(|_| NO_TOKEN)).transpose()
}

/// The tokens of all given texts, merged; each text may hold several joined by commas.
pub fn merge_tokens<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Option<ConsistencyToken>, Problem> {
    let parts = texts.into_iter().flat_map(|text| text.split(',')).map(str::trim).filter(|part| !part.is_empty());
    let mut merged: Option<ConsistencyToken> = None;
    for (count, part) in parts.enumerate() {
        if count == TOKENS_MAX {
            return Err(Problem::MalformedToken);
        }
        let token: ConsistencyToken = part.parse().map_err(|_| Problem::MalformedToken)?;
        match &mut merged {
            Some(merged) => merged.merge(&token),
            None => merged = Some(token),
        }
    }
    Ok(merged)
}

/// Whether the client would rather have an older answer than none.
pub fn on_timeout(text: Option<&str>) -> Result<OnTimeout, Problem> {
    match text {
        None | Some("error") => Ok(OnTimeout::Error),
        Some("stale") => Ok(OnTimeout::Stale),
        Some(_) => Err(Problem::BadRequest("`Millrace-On-Timeout` is `error` or `stale`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_events::{History, Position};

    #[test]
    fn a_request_id_is_taken_if_it_is_harmless() {
        let given = |text: &'static str| HeaderMap::from_iter([(REQUEST_ID, text.parse().unwrap())]);
        assert_eq!(request_id(&given("abc-1")), "abc-1");
        assert_ne!(request_id(&given("a b")), "a b");
        assert!(Uuid::parse_str(&request_id(&HeaderMap::new())).is_ok());
    }

    #[test]
    fn tokens_of_several_headers_are_merged() {
        let token = |position| ConsistencyToken::of_command(History(Uuid::nil()), Position(position)).to_string();
        let header = format!("{}, {}", token(3), token(9));
        let merged = merge_tokens([header.as_str(), token(5).as_str()]).unwrap().unwrap();
        assert_eq!(merged.position, Position(9));
        assert_eq!(merge_tokens(["", " , "]), Ok(None));
        assert_eq!(merge_tokens(["junk"]), Err(Problem::MalformedToken));
        let many = vec![token(1); TOKENS_MAX + 1].join(",");
        assert_eq!(merge_tokens([many.as_str()]), Err(Problem::MalformedToken));
    }

    #[test]
    fn only_a_bearer_token_is_ours() {
        assert_eq!(bearer("Bearer abc"), Ok("abc"));
        assert_eq!(bearer("Basic abc"), Err(NO_TOKEN));
        assert_eq!(bearer("abc"), Err(NO_TOKEN));
    }
}
