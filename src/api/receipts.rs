//! What became of the commands of one request, kept beside its answer: an answer may be too long to be sent, and the commands are done.

use crate::http::problem::Problem;
use async_graphql::{Context, PathSegment, Response as GraphQlResponse, ServerError, Value, to_value};
use millrace_command::CommandReceipt;
use std::sync::{Arc, Mutex, PoisonError};

/// Under which the `extensions` of an error have a command's receipt.
const RECEIPT_EXTENSION: &str = "receipt";

/// The receipts of one request, each with its field's name in the answer.
#[derive(Debug, Clone, Default)]
pub struct Receipts(Arc<Mutex<Vec<(String, CommandReceipt)>>>);

impl Receipts {
    /// Keeps one.
    pub fn keep(&self, ctx: &Context<'_>, receipt: &CommandReceipt) {
        let Some(node) = &ctx.path_node else { return };
        let kept = (node.field_name().to_owned(), receipt.clone());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
    }

    /// What is told in place of an answer that is too long: of each command that was handled its receipt, at its field, and what was
    /// said of others instead of an answer. None if no command was handled: then nothing is told that the client has to know.
    pub fn in_place_of(
        &self,
        answer: &GraphQlResponse,
        problem: &Problem,
        request_id: &str,
    ) -> Option<GraphQlResponse> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let told = problem.to_response(request_id).errors.into_iter().next().filter(|_| !kept.is_empty())?;
        let mut errors: Vec<_> = kept.iter().map(|(field, receipt)| at(&told, field, receipt)).collect();
        errors.extend(answer.errors.iter().filter(|error| error.path.len() == 1).cloned());
        let mut response = GraphQlResponse::from_errors(errors);
        response.extensions.clone_from(&answer.extensions);
        Some(response)
    }
}

fn at(told: &ServerError, field: &str, receipt: &CommandReceipt) -> ServerError {
    let mut error = ServerError { path: vec![PathSegment::Field(field.to_owned())], ..told.clone() };
    let receipt = to_value(receipt).unwrap_or(Value::Null);
    error.extensions.get_or_insert_default().set(RECEIPT_EXTENSION, receipt);
    error
}
