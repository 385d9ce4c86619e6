//! Operations whose responses come one after another: those on a socket, and those whose answer is a stream of events.
//!
//! A subscription to changes is begun for each socket; what its events look like is made once for all sockets that asked for the
//! same (`millrace_read::graphql::Follower`).

use crate::answered::{is_refusal, to_json};
use crate::api::{Api, Call, Receipts, broken_off, finished, with_cost};
use crate::checked::Checked;
use crate::http::headers;
use crate::http::problem::Problem;
use crate::panics::caught;
use crate::places::Counted;
use crate::shared_operation::{self, NotOneField};
use async_graphql::{Request as GraphQlRequest, Response as GraphQlResponse, ServerError, Value, Variables};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use millrace_read::graphql::{Delivery, Execute, Executed, Follower, Operation, RequestContext};
use std::sync::Arc;
use tokio::time::{Instant, timeout_at};

/// What comes of an operation.
#[derive(Debug)]
pub enum Outcome {
    /// A response.
    Response(Delivery),
    /// It was refused before anything was executed. Nothing follows.
    Refused(Vec<ServerError>),
}

/// The responses of one operation.
pub struct Responses {
    api: Arc<Api>,
    context: Arc<RequestContext>,
    request_id: String,
    /// Everything that a query, a mutation, or a subscription that follows no changes answers; of another subscription why it cannot
    /// begin, if so.
    begun: Option<BoxStream<'static, GraphQlResponse>>,
    /// When a query or a mutation ends, whatever is done for it.
    deadline: Option<Instant>,
    answered: bool,
    cost: Option<Value>,
    receipts: Receipts,
    shared: Option<(Operation, Again)>,
    follower: Option<Follower<Again>>,
    /// Of a subscription.
    _counted: Option<Counted>,
}

/// A selection that is executed again for each event. Its text is parsed again then: of many sockets one executes it, and a parsed
/// document for each of them is more than all else that a socket needs.
struct Again {
    api: Arc<Api>,
    query: Arc<str>,
    name: Option<String>,
    variables: Variables,
}

impl Responses {
    /// Begins an operation.
    pub fn begin(api: &Arc<Api>, mut request: Checked, call: Call) -> Result<Self, Problem> {
        let shared = shared(api, &mut request, &call)?;
        let request_id = call.request_id().to_owned();
        let cost = call.tells_cost().then(|| request.told_cost());
        let deadline = (!request.is_subscription()).then(|| call.deadline());
        let receipts = call.receipts();
        let counted = request.is_subscription().then(|| api.places().subscription());
        let (begun, context) = api.begin(request, call);
        let (api, begun) = (Arc::clone(api), Some(begun));
        Ok(Self {
            api,
            context,
            request_id,
            begun,
            deadline,
            answered: false,
            cost,
            receipts,
            shared,
            follower: None,
            _counted: counted,
        })
    }

    /// The next outcome; none at the end. A panic is told like any other fault of ours, and nothing follows it.
    pub async fn next(&mut self) -> Option<Outcome> {
        match caught(async { Ok(self.next_of_all().await) }).await {
            Ok(outcome) => outcome,
            Err(problem) => Some(self.break_off(problem)),
        }
    }

    /// Drops what is under way. It was refused only if it has sent no command.
    fn break_off(&mut self, problem: Problem) -> Outcome {
        (self.begun, self.shared, self.follower) = (None, None, None);
        match broken_off(problem, &self.receipts, &self.context, &self.request_id) {
            Ok(told) => of_json(json(&with_cost(told, self.cost.clone()), usize::MAX)),
            Err(problem) => Outcome::Refused(problem.to_response(&self.request_id).errors),
        }
    }

    async fn next_of_all(&mut self) -> Option<Outcome> {
        if self.begun.is_some() {
            if let Some(outcome) = self.next_begun().await {
                return Some(outcome);
            }
            self.begun = None;
            let (operation, again) = self.shared.take()?;
            self.follower = Follower::of(&self.context, self.api.groups(), &operation, again);
        }
        self.follower.as_mut()?.next().await.map(Outcome::Response)
    }

    /// The next outcome of what was begun. What has no more time says so.
    async fn next_begun(&mut self) -> Option<Outcome> {
        let begun = self.begun.as_mut()?;
        let response = match self.deadline {
            Some(deadline) => timeout_at(deadline, begun.next()).await,
            None => Ok(begun.next().await),
        };
        let Ok(response) = response else {
            let ms_max = self.api.limits().request_ms_max;
            return Some(self.break_off(Problem::Timeout { ms_max }));
        };
        response.map(|response| self.outcome(response))
    }

    fn outcome(&mut self, response: GraphQlResponse) -> Outcome {
        let response = with_cost(response, self.cost.clone());
        let response = finished(response, &self.context, &self.request_id, self.api.limits().errors_max);
        let is_first = !std::mem::replace(&mut self.answered, true);
        if is_first && is_refusal(&response) {
            return Outcome::Refused(response.errors);
        }
        of_json(self.json(&response))
    }

    /// A response as it is told. One that is too long is none, but of a mutation what became of its commands.
    fn json(&self, response: &GraphQlResponse) -> Arc<str> {
        let bytes_max = self.api.limits().answer_bytes_max;
        json_within(response, bytes_max).unwrap_or_else(|| {
            let problem = Problem::AnswerTooLarge { bytes_max };
            let told = self.receipts.in_place_of(response, &problem, &self.request_id);
            json(&told.unwrap_or_else(|| problem.to_response(&self.request_id)), usize::MAX)
        })
    }
}

impl Execute for Again {
    /// An event has an id of its own where other responses have their request's: many sockets get it.
    async fn execute(&self, context: Arc<RequestContext>) -> Option<Executed> {
        let mut request = GraphQlRequest::new(&*self.query).variables(self.variables.clone());
        request.operation_name.clone_from(&self.name);
        let response = self.api.schema().execute_stream(request.data(Arc::clone(&context))).next().await?;
        let has_errors = !response.errors.is_empty();
        let may_pass = has_errors && response.errors.iter().all(may_pass);
        let limits = self.api.limits();
        let response = finished(response, &context, &headers::new_request_id(), limits.errors_max);
        Some(Executed { json: json(&response, limits.answer_bytes_max), has_errors, may_pass })
    }
}

/// What a subscription shares with others; none if it is another operation, or cannot be parsed: execution tells why.
fn shared(api: &Arc<Api>, request: &mut Checked, call: &Call) -> Result<Option<(Operation, Again)>, Problem> {
    let Some(document) = request.document().cloned() else { return Ok(None) };
    let request = request.request();
    let operation = shared_operation::of(&document, request, call.on_timeout()).map_err(|NotOneField| {
        Problem::BadRequest("a subscription has exactly one field, which stands in the operation itself")
    })?;
    let Some(operation) = operation else { return Ok(None) };
    let again = Again {
        api: Arc::clone(api),
        query: Arc::clone(&operation.query),
        name: request.operation_name.clone(),
        variables: request.variables.clone(),
    };
    Ok(Some((operation, again)))
}

fn of_json(json: Arc<str>) -> Outcome {
    Outcome::Response(Delivery { json, cursor: None, is_cut_off: false })
}

fn may_pass(error: &ServerError) -> bool {
    let retryable = error.extensions.as_ref().and_then(|extensions| extensions.get("retryable"));
    retryable == Some(&async_graphql::Value::from(true))
}

/// One that is too long is none.
fn json(response: &GraphQlResponse, bytes_max: usize) -> Arc<str> {
    json_within(response, bytes_max).unwrap_or_else(|| {
        json(&Problem::AnswerTooLarge { bytes_max }.to_response(&headers::new_request_id()), usize::MAX)
    })
}

fn json_within(response: &GraphQlResponse, bytes_max: usize) -> Option<Arc<str>> {
    let text = to_json(response).unwrap_or_else(|_| r#"{"data":null}"#.to_owned());
    (text.len() <= bytes_max).then(|| text.into())
}
