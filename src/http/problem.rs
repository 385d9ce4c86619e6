//! Answers to requests that never reached a resolver: status, code, and nothing about our insides.

use super::bearer::BearerRefusal;
use async_graphql::{ErrorExtensionValues, PathSegment, Pos, Response as GraphQlResponse, ServerError};
use axum::http::StatusCode;
use millrace_document::Refusal;

/// The status of a document that cannot be parsed, is not valid, or was given the wrong variables, in the draft's own form of answer.
/// Its audit wants 400; a newer draft speaks of 422 for all but the first: to change it, change it here.
pub const REFUSED_BY_SCHEMA: StatusCode = StatusCode::BAD_REQUEST;

/// When whoever has all their places may look for one again, in seconds: nobody knows when one is given back.
const PLACE_AFTER_S: u64 = 1;

/// Why a request is refused before execution.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The body, the query string or a header is not what it should be.
    #[error("{0}")]
    BadRequest(&'static str),
    /// A content type other than `application/json`: also what keeps simple cross-site forms out.
    #[error("send `content-type: application/json`")]
    UnsupportedMediaType,
    /// A compressed body: its true length would be known only when it is taken apart.
    #[error("send the body without `content-encoding`")]
    CompressedBody,
    /// The client accepts neither form of answer.
    #[error("answers are `application/graphql-response+json` or `application/json`")]
    NotAcceptable,
    /// The body is longer than the limit.
    #[error("the body is longer than {bytes_max} bytes")]
    TooLarge {
        /// The limit.
        bytes_max: usize,
    },
    /// The body took longer than the limit.
    #[error("the body took longer than {ms_max} ms")]
    SlowBody {
        /// The limit.
        ms_max: u64,
    },
    /// A mutation sent by GET.
    #[error("mutations are sent by POST")]
    MethodNotAllowed,
    /// A hash or an id that stands for no text here. The words are those that clients look for: they send the text then.
    #[error("PersistedQueryNotFound")]
    PersistedNotFound,
    /// Nothing is known by a hash here. Clients that read these words send none any more.
    #[error("PersistedQueryNotSupported")]
    PersistedNotSupported,
    /// A text came with the hash of another.
    #[error("`sha256Hash` is not that of `query`")]
    PersistedMismatch,
    /// Only documents that clients were built with are run here.
    #[error("this document is not one of those that may be run here")]
    NotTrusted,
    /// A question about the schema, where none is answered.
    #[error("questions about the schema are not answered here")]
    IntrospectionOff,
    /// A page of another origin, that may open nothing here.
    #[error("pages of this origin may open no sockets and no event streams")]
    ForeignOrigin,
    /// As many sockets, event streams or operations as one may have are open.
    #[error("no more than {max} at once: {limit}")]
    TooManyOpen {
        /// Of what: the setting.
        limit: &'static str,
        /// The limit.
        max: usize,
    },
    /// A token that is malformed, expired, revoked or not ours.
    #[error("the access token is not valid (any more)")]
    Unauthenticated(BearerRefusal),
    /// A malformed consistency token.
    #[error("malformed consistency token")]
    MalformedToken,
    /// The answer is longer than the limit.
    #[error("the answer is longer than {bytes_max} bytes: ask for less at once")]
    AnswerTooLarge {
        /// The limit.
        bytes_max: usize,
    },
    /// The viewer's budget is spent.
    #[error("the budget is spent: ask for less, or wait")]
    BudgetSpent {
        /// When there will be enough, in seconds.
        retry_after_s: u64,
    },
    /// The document is none, or holds more than it may.
    #[error("{refusal}")]
    Document {
        /// Why.
        refusal: Refusal,
        /// Where, if it is no document.
        position: Option<Pos>,
    },
    /// It took longer than the limit.
    #[error("the request took longer than {ms_max} ms")]
    Timeout {
        /// The limit.
        ms_max: u64,
    },
    /// Something that this request needs does not answer.
    #[error("temporarily unavailable")]
    Unavailable,
    /// A defect of ours.
    #[error("something went wrong")]
    Internal,
}

impl Problem {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadRequest(_) | Self::MalformedToken | Self::MethodNotAllowed => "BAD_USER_INPUT",
            Self::UnsupportedMediaType | Self::CompressedBody | Self::NotAcceptable => "BAD_USER_INPUT",
            Self::PersistedNotFound => "PERSISTED_QUERY_NOT_FOUND",
            Self::PersistedNotSupported => "PERSISTED_QUERY_NOT_SUPPORTED",
            Self::PersistedMismatch => "PERSISTED_QUERY_MISMATCH",
            Self::NotTrusted => "DOCUMENT_NOT_TRUSTED",
            Self::ForeignOrigin => "FORBIDDEN",
            Self::IntrospectionOff => "INTROSPECTION_OFF",
            Self::TooLarge { .. } | Self::TooManyOpen { .. } => "LIMIT_EXCEEDED",
            Self::AnswerTooLarge { .. } => "ANSWER_SIZE_LIMIT",
            Self::BudgetSpent { .. } => "RATE_LIMITED",
            Self::Document { refusal, .. } => refusal.code(),
            Self::Unauthenticated(_) => "UNAUTHENTICATED",
            Self::Timeout { .. } | Self::SlowBody { .. } => "TIMEOUT",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }

    /// The HTTP status where the client takes the draft's own form of answer. [`REFUSED_BY_SCHEMA`] is the one that is missing here.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) | Self::MalformedToken | Self::AnswerTooLarge { .. } => StatusCode::BAD_REQUEST,
            Self::Document { .. } | Self::IntrospectionOff => REFUSED_BY_SCHEMA,
            Self::PersistedNotFound | Self::PersistedNotSupported | Self::PersistedMismatch => StatusCode::BAD_REQUEST,
            Self::NotTrusted | Self::ForeignOrigin => StatusCode::FORBIDDEN,
            Self::BudgetSpent { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::UnsupportedMediaType | Self::CompressedBody => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::SlowBody { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooManyOpen { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
            Self::Timeout { .. } => StatusCode::GATEWAY_TIMEOUT,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The HTTP status where the client takes the older form only: whatever is part of the talk between client and server is 200 there.
    pub fn status_for_older(&self) -> StatusCode {
        match self {
            Self::PersistedNotFound | Self::PersistedNotSupported => StatusCode::OK,
            _ => self.status(),
        }
    }

    /// True if the request's body was not read: the connection ends with the answer, and the client must not use it again.
    pub fn leaves_body(&self) -> bool {
        matches!(
            self,
            Self::NotAcceptable
                | Self::UnsupportedMediaType
                | Self::CompressedBody
                | Self::TooLarge { .. }
                | Self::SlowBody { .. }
        )
    }

    /// True if the same request may succeed later.
    pub fn retryable(&self) -> bool {
        matches!(
            self,
            Self::Timeout { .. }
                | Self::SlowBody { .. }
                | Self::TooManyOpen { .. }
                | Self::BudgetSpent { .. }
                | Self::Unavailable
        )
    }

    /// When to come back, in seconds.
    pub fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::BudgetSpent { retry_after_s } => Some(*retry_after_s),
            Self::TooManyOpen { .. } => Some(PLACE_AFTER_S),
            _ => None,
        }
    }

    /// The limit that it is beyond, by its setting's name, and its value.
    fn limit(&self) -> Option<(&'static str, usize)> {
        match self {
            Self::TooLarge { bytes_max } => Some(("body_bytes_max", *bytes_max)),
            Self::AnswerTooLarge { bytes_max } => Some(("answer_bytes_max", *bytes_max)),
            Self::TooManyOpen { limit, max } => Some((*limit, *max)),
            Self::Document { refusal: Refusal::Limit { limit, max }, .. } => Some((limit.setting(), *max)),
            _ => None,
        }
    }

    /// The problem as a GraphQL response.
    pub fn to_response(&self, request_id: &str) -> GraphQlResponse {
        let position = if let Self::Document { position, .. } = self { *position } else { None };
        let mut error = ServerError::new(self.to_string(), position);
        let mut extensions = ErrorExtensionValues::default();
        extensions.set("code", self.code());
        extensions.set("retryable", self.retryable());
        extensions.set("requestId", request_id);
        if let Some(seconds) = self.retry_after_s() {
            extensions.set("retryAfter", seconds);
        }
        if let Some((limit, max)) = self.limit() {
            extensions.set("limit", limit);
            extensions.set("max", max);
        }
        error.extensions = Some(extensions);
        error.path = Vec::<PathSegment>::new();
        GraphQlResponse::from_errors(vec![error])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_document::Limit;

    #[test]
    fn whatever_is_beyond_a_limit_names_it_and_its_value() {
        for (problem, limit) in [
            (Problem::TooLarge { bytes_max: 7 }, "body_bytes_max"),
            (Problem::AnswerTooLarge { bytes_max: 7 }, "answer_bytes_max"),
            (Problem::TooManyOpen { limit: "sockets_per_viewer_max", max: 7 }, "sockets_per_viewer_max"),
            (
                Problem::Document { refusal: Refusal::Limit { limit: Limit::Depth, max: 7 }, position: None },
                "depth_max",
            ),
        ] {
            let extensions = problem.to_response("1").errors[0].extensions.clone().unwrap();
            assert_eq!((extensions.get("limit"), extensions.get("max")), (Some(&limit.into()), Some(&7_usize.into())));
        }
    }

    #[test]
    fn a_status_that_asks_to_come_back_says_when() {
        let full = Problem::TooManyOpen { limit: "sockets_per_viewer_max", max: 7 };
        for problem in [full, Problem::BudgetSpent { retry_after_s: 3 }] {
            assert_eq!(problem.status(), StatusCode::TOO_MANY_REQUESTS);
            assert!(problem.retryable() && problem.retry_after_s().is_some(), "{problem:?}");
        }
    }
}
