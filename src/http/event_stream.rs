//! GraphQL over server-sent events: graphql-sse's distinct connections mode, one operation for each request.
//!
//! Protocol: <https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md>. Each event's id is our cursor, so what a browser sends
//! as `Last-Event-ID` when it connects again is where the subscription goes on. What is wrong with the request itself is told by the
//! status; what is wrong with the document is told by an event, because to a browser's `EventSource` a status says nothing.

use super::graphql::{self, MediaType};
use super::media_type::ranges;
use super::problem::Problem;
use super::{headers, origins};
use crate::admission::{Admission, Ended};
use crate::api::{Admitted, Api};
use crate::panics::caught;
use crate::places::{Kind, OpenPlace, OperationPlace, Place};
use crate::responses::{Outcome, Responses};
use async_graphql::ServerError;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use futures_util::future::{BoxFuture, pending};
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};
use millrace_events::UserId;
use millrace_read::graphql::Delivery;
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, Interval, interval_at};
use tokio_util::sync::CancellationToken;

const EVENT_STREAM: &str = "text/event-stream";
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");
/// Where a browser that connects again goes on.
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Tells nginx not to gather what it should pass on.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// Says nothing, and keeps what is between us and the client awake.
const COMMENT: &str = ":\n\n";
/// `data:` is there although it is empty: without it a browser drops the event.
const COMPLETE: &str = "event: complete\ndata:\n\n";

/// True if the client would rather have events than any JSON that it also takes: urql lists both for its queries.
pub fn is_wanted(headers: &HeaderMap) -> bool {
    let ranges = ranges(headers);
    let weight = |is_meant: fn(&str) -> bool| {
        let weights = ranges.iter().filter(|(range, _)| is_meant(range)).map(|(_, weight)| *weight);
        weights.fold(0.0, f32::max)
    };
    weight(|range| range == EVENT_STREAM) > weight(|range| range.starts_with("application/"))
}

/// `POST /graphql` or `GET /graphql?query=…` of a client that wants events. A page that may open no sockets may open no streams either.
pub async fn handle(api: Arc<Api>, request: Request) -> Response {
    let request_id = headers::request_id(request.headers());
    if !origins::may_open(request.headers(), api.limits()) {
        return graphql::refuse(&Problem::ForeignOrigin, MediaType::Json, &request_id);
    }
    match caught(EventStream::begin(&api, request, &request_id)).await {
        Ok(events) => respond(events, &request_id),
        // 200 would be taken for a stream: whoever wants events reads the status.
        Err(problem) => graphql::refuse_with(problem.status(), &problem, MediaType::Json, &request_id),
    }
}

fn respond(events: EventStream, request_id: &str) -> Response {
    let chunks = stream::unfold(events, |mut events| async move {
        let chunk = events.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(chunk)), events))
    });
    let mut response = Response::new(Body::from_stream(chunks));
    headers::describe(response.headers_mut(), EVENTS, graphql::NOT_STORED, request_id);
    response.headers_mut().insert(BUFFERING, HeaderValue::from_static("no"));
    response
}

/// The events of one request. Nothing is gathered: a client that takes them slowly is held to the bounds of its subscription.
struct EventStream {
    /// Kept between two calls: what is begun for an event must not be dropped for a comment.
    outcomes: BoxStream<'static, Outcome>,
    shutdown: CancellationToken,
    /// Comes when the viewer may not stay.
    ended: BoxFuture<'static, Ended>,
    comments: Interval,
    has_begun: bool,
    is_over: bool,
    _places: (OpenPlace, Option<Place<UserId>>, Option<OperationPlace>),
}

impl EventStream {
    async fn begin(api: &Arc<Api>, request: Request, request_id: &str) -> Result<Self, Problem> {
        let by_get = graphql::is_get(request.method());
        if !by_get {
            graphql::require_json(request.headers())?;
        }
        let client_address = super::client_address(api, &request);
        let open = api.places().open(Kind::EventStream, client_address)?;
        let (parts, body) = request.into_parts();
        let bytes = graphql::collect(body, api.limits()).await?;
        let checked = match api.check(graphql::read(api, &parts, &bytes).await?) {
            Ok(checked) if by_get && checked.is_mutation() => return Err(Problem::MethodNotAllowed),
            Ok(checked) => checked,
            Err(problem) => return Ok(Self::new(api, refused(&problem, request_id), None, (open, None, None))),
        };
        let Admitted { viewer, admission, place } = match api.admit(headers::authorization(&parts.headers)?).await {
            Err(Problem::Unauthenticated(why)) => {
                Admitted::once(api.ended_sender(&parts.headers, &checked, why).await?)
            }
            admitted => admitted?,
        };
        let operation = api.places().operation(viewer.user_id(), client_address)?;
        let call =
            api.call(viewer, &parts.headers, client_address, Some(checked.request()), request_id, api.deadline())?;
        api.charge(&call, &checked).await?;
        let outcomes = match Responses::begin(api, checked, call.after(last_event_id(&parts.headers))) {
            Ok(responses) => stream::unfold(responses, next_outcome).boxed(),
            Err(problem) => refused(&problem, request_id),
        };
        Ok(Self::new(api, outcomes, admission, (open, place, Some(operation))))
    }

    fn new(
        api: &Api,
        outcomes: BoxStream<'static, Outcome>,
        admission: Option<Admission>,
        places: (OpenPlace, Option<Place<UserId>>, Option<OperationPlace>),
    ) -> Self {
        let every = Duration::from_millis(api.limits().socket_ping_ms);
        Self {
            outcomes,
            shutdown: api.shutdown(),
            ended: admission.map_or_else(|| pending().boxed(), |admission| admission.ended().boxed()),
            comments: interval_at(Instant::now() + every, every),
            has_begun: false,
            is_over: false,
            _places: places,
        }
    }

    /// The next piece of the stream; none at its end. Of a process that stops, and of a viewer who may not stay, the client learns by an
    /// end without `complete`: it connects again, after its last event.
    async fn next(&mut self) -> Option<String> {
        if self.is_over {
            return None;
        }
        if !std::mem::replace(&mut self.has_begun, true) {
            return Some(COMMENT.to_owned());
        }
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => None,
            _ = &mut self.ended => None,
            outcome = self.outcomes.next() => self.tell(outcome),
            _ = self.comments.tick() => Some(COMMENT.to_owned()),
        }
    }

    fn tell(&mut self, outcome: Option<Outcome>) -> Option<String> {
        let text = match outcome {
            Some(Outcome::Response(delivery)) => {
                self.is_over = delivery.is_cut_off;
                return Some(next_event(&delivery));
            }
            Some(Outcome::Refused(errors)) => refusal(&errors) + COMPLETE,
            None if self.shutdown.is_cancelled() => return None,
            None => COMPLETE.to_owned(),
        };
        self.is_over = true;
        Some(text)
    }
}

fn refused(problem: &Problem, request_id: &str) -> BoxStream<'static, Outcome> {
    stream::iter([Outcome::Refused(problem.to_response(request_id).errors)]).boxed()
}

async fn next_outcome(mut responses: Responses) -> Option<(Outcome, Responses)> {
    let outcome = responses.next().await?;
    Some((outcome, responses))
}

fn last_event_id(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(LAST_EVENT_ID)?.to_str().ok()?;
    (!text.is_empty()).then(|| text.to_owned())
}

/// JSON has no line breaks of its own, so it is one line of data; nor has a cursor.
fn next_event(delivery: &Delivery) -> String {
    let id = delivery.cursor.as_ref().map(|cursor| format!("id: {cursor}\n")).unwrap_or_default();
    format!("event: next\n{id}data: {}\n\n", delivery.json)
}

fn refusal(errors: &[ServerError]) -> String {
    format!("event: next\ndata: {}\n\n", json!({ "errors": errors }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::header;

    #[test]
    fn events_are_for_who_asks_for_them_before_json() {
        let lines = |lines: &[&'static str]| {
            is_wanted(&lines.iter().map(|line| (header::ACCEPT, HeaderValue::from_static(line))).collect())
        };
        let wanted = |accept| lines(&[accept]);
        for accept in [
            "text/event-stream",
            "Text/Event-Stream;q=0.9",
            "text/event-stream, multipart/mixed",
            "text/event-stream, */*",
        ] {
            assert!(wanted(accept), "{accept}");
        }
        for accept in [
            "application/json",
            "*/*",
            "text/*",
            "text/event-stream;q=0",
            "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed",
            "text/event-stream;q=0.5, application/json",
        ] {
            assert!(!wanted(accept), "{accept}");
        }
        assert!(!lines(&[]));
        assert!(lines(&["text/html", EVENT_STREAM]), "lines add up");
        assert!(!lines(&[EVENT_STREAM, "application/json"]));
    }

    #[test]
    fn an_event_is_written_as_the_standard_has_it() {
        let delivery = |cursor: Option<&str>| Delivery {
            json: "{\"data\":1}".into(),
            cursor: cursor.map(str::to_owned),
            is_cut_off: false,
        };
        assert_eq!(next_event(&delivery(Some("abc"))), "event: next\nid: abc\ndata: {\"data\":1}\n\n");
        assert_eq!(next_event(&delivery(None)), "event: next\ndata: {\"data\":1}\n\n");
    }
}
