//! What a request must be before anything reads its document: POST, GET and sockets all come through here.

mod variables;

#[cfg(test)]
mod tests;

use crate::http::problem::Problem;
use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{Pos, Request as GraphQlRequest, Value, value};
use millrace_document::cost::Weights;
use millrace_document::{Kind, Limit, Limits, Refusal, Steps, look};

/// Mutations that check or set a password, look at an ID token, or send a mail: one request does one of them, so that what limits requests limits guesses.
pub const SIGN_INS: &[&str] = &[
    "signIn",
    "signInWithProvider",
    "linkProvider",
    "signUp",
    "changePassword",
    "changeEmail",
    "requestPasswordReset",
    "resetPassword",
    "deactivateAccount",
    "eraseAccount",
    "exportMyData",
];

/// The limits of documents, and what a schema's fields cost.
#[derive(Debug)]
pub struct Checks {
    limits: Limits,
    weights: Weights,
    answers_introspection: bool,
}

/// A request whose document and variables are within the limits. Nothing else is parsed or executed.
pub struct Checked {
    request: GraphQlRequest,
    kind: Option<Kind>,
    cost: usize,
    cost_max: usize,
    /// The hash under which its text may be kept.
    new_hash: Option<String>,
}

impl Checks {
    /// With these limits.
    pub fn new(limits: Limits, weights: Weights, answers_introspection: bool) -> Self {
        Self { limits, weights, answers_introspection }
    }

    /// Takes a request, or says why not.
    pub fn check(&self, request: GraphQlRequest) -> Result<Checked, Problem> {
        let refused = |refusal| refused(refusal, &request.query);
        let mut steps = Steps::default();
        let outline = look(&request.query, &self.limits, SIGN_INS, &mut steps).map_err(refused)?;
        if !self.answers_introspection && outline.reads_the_schema() {
            return Err(Problem::IntrospectionOff);
        }
        self.check_variables(&request, &mut steps).map_err(refused)?;
        let name = request.operation_name.as_deref();
        let value = |name: &str| request.variables.get(name).map(variables::size);
        let cost = self.weights.cost(&outline, name, &value, &mut steps).unwrap_or_default();
        let kind = outline.kind(name);
        let limit = if kind == Some(Kind::Subscription) { Limit::SubscriptionCost } else { Limit::Cost };
        self.limits.check(limit, cost).map_err(refused)?;
        Ok(Checked { request, kind, cost, cost_max: self.limits.max(limit), new_hash: None })
    }
}

impl Checked {
    /// The same, whose text may be kept under its hash.
    pub fn introducing(self, new_hash: Option<String>) -> Self {
        Self { new_hash, ..self }
    }

    /// The hash under which its text may be kept.
    pub fn new_hash(&self) -> Option<&str> {
        self.new_hash.as_deref()
    }

    /// The request.
    pub fn request(&self) -> &GraphQlRequest {
        &self.request
    }

    /// The document; none if it cannot be parsed. It is parsed once, and executed so.
    pub fn document(&mut self) -> Option<&ExecutableDocument> {
        self.request.parsed_query().ok()
    }

    /// The request, to be executed.
    pub fn into_request(self) -> GraphQlRequest {
        self.request
    }

    /// True if what would be executed is a mutation.
    pub fn is_mutation(&self) -> bool {
        self.kind == Some(Kind::Mutation)
    }

    /// True if what would be executed is a subscription.
    pub fn is_subscription(&self) -> bool {
        self.kind == Some(Kind::Subscription)
    }

    /// What it costs.
    pub fn cost(&self) -> usize {
        self.cost
    }

    /// What it costs, and the most that it may, for `extensions.cost`.
    pub fn told_cost(&self) -> Value {
        value!({ "requested": self.cost, "maximum": self.cost_max })
    }
}

fn refused(refusal: Refusal, text: &str) -> Problem {
    let position = match refusal {
        Refusal::Syntax { offset } => Some(position(text, offset)),
        Refusal::Cycle | Refusal::Limit { .. } => None,
    };
    Problem::Document { refusal, position }
}

/// Line and column, as errors tell them.
fn position(text: &str, offset: usize) -> Pos {
    let mut position = Pos { line: 1, column: 1 };
    for (index, character) in text.char_indices() {
        if index >= offset {
            break;
        }
        position = match character {
            '\n' => Pos { line: position.line + 1, column: 1 },
            _ => Pos { column: position.column + 1, ..position },
        };
    }
    position
}
