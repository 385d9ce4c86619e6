//! What is ours in the `extensions` of requests and answers.

use async_graphql::{Name, Request as GraphQlRequest, Response as GraphQlResponse, Value};
use millrace_read::graphql::RequestContext;

/// The name under which an answer's `extensions`, and a request's, hold what is ours.
pub const EXTENSION: &str = "millrace";
/// What it is called in an answer's `extensions`, and in ours of a request.
const COST_EXTENSION: &str = "cost";

/// `extensions.millrace.NAME` of a request.
pub(super) fn extension_text<'a>(request: &'a GraphQlRequest, name: &str) -> Option<&'a str> {
    match request.extensions.get(EXTENSION)? {
        Value::Object(object) => text(object.get(name)?),
        _ => None,
    }
}

/// A value that is a text.
pub(super) fn text(value: &Value) -> Option<&str> {
    if let Value::String(text) = value { Some(text) } else { None }
}

/// True if a request's extensions ask for the cost.
pub(super) fn asks_cost(request: &GraphQlRequest) -> bool {
    let Some(Value::Object(extension)) = request.extensions.get(EXTENSION) else { return false };
    extension.get(COST_EXTENSION) == Some(&Value::Boolean(true))
}

/// A response that tells what the operation costs.
pub fn with_cost(response: GraphQlResponse, cost: Option<Value>) -> GraphQlResponse {
    match cost {
        Some(cost) => response.extension(COST_EXTENSION, cost),
        None => response,
    }
}

/// A response with codes for what async-graphql refuses itself, our extension, and no more errors than that.
pub fn finished(
    mut response: GraphQlResponse,
    context: &RequestContext,
    request_id: &str,
    errors_max: usize,
) -> GraphQlResponse {
    response.errors.truncate(errors_max);
    for error in &mut response.errors {
        let extensions = error.extensions.get_or_insert_default();
        if extensions.get("code").is_none() {
            // Only what was refused before execution, or an argument that could not be parsed, comes without a code.
            extensions.set("code", "BAD_USER_INPUT");
            extensions.set("retryable", false);
        }
        extensions.set("requestId", request_id);
    }
    response.extensions.insert(EXTENSION.to_owned(), extension(context, request_id));
    response
}

/// What is told beside an answer.
pub(super) fn extension(context: &RequestContext, request_id: &str) -> Value {
    let mut extension = context.extension();
    extension.insert(Name::new("requestId"), Value::from(request_id));
    Value::Object(extension)
}
