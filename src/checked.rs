//! What a request must be before anything reads its document: POST, GET and sockets all come through here.

use crate::http::problem::Problem;
use async_graphql::{Pos, Request as GraphQlRequest, Value};
use millrace_document::cost::{self, Weights};
use millrace_document::{Kind, Limit, Limits, Refusal, Steps, look};

/// Mutations that check or set a password, or send a mail: one request does one of them, so that what limits requests limits guesses.
pub const SIGN_INS: &[&str] = &[
    "signIn",
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
pub struct Documents {
    limits: Limits,
    weights: Weights,
}

/// A request whose document and variables are within the limits. Nothing else is parsed or executed.
pub struct Checked {
    request: GraphQlRequest,
    kind: Option<Kind>,
    cost: usize,
}

impl Documents {
    /// With these limits.
    pub fn new(limits: Limits, weights: Weights) -> Self {
        Self { limits, weights }
    }

    /// Takes a request, or says why not.
    pub fn check(&self, request: GraphQlRequest) -> Result<Checked, Problem> {
        let refused = |refusal| refused(refusal, &request.query);
        let mut steps = Steps::default();
        let outline = look(&request.query, &self.limits, SIGN_INS, &mut steps).map_err(refused)?;
        self.check_variables(&request).map_err(refused)?;
        let name = request.operation_name.as_deref();
        let value = |name: &str| request.variables.get(name).map(size);
        let cost = self.weights.cost(&outline, name, &value, &mut steps).unwrap_or_default();
        self.limits.check(Limit::Cost, cost).map_err(refused)?;
        let kind = outline.kind(name);
        Ok(Checked { request, kind, cost })
    }

    /// Values are looked at without recursion, each once.
    fn check_variables(&self, request: &GraphQlRequest) -> Result<(), Refusal> {
        self.limits.check(Limit::Variables, request.variables.len())?;
        let mut open: Vec<(&Value, usize)> = request.variables.values().map(|value| (value, 1)).collect();
        while let Some((value, depth)) = open.pop() {
            match value {
                Value::List(items) => {
                    self.limits.check(Limit::ListItems, items.len())?;
                    open.extend(items.iter().map(|item| (item, depth + 1)));
                }
                Value::Object(fields) => open.extend(fields.values().map(|field| (field, depth + 1))),
                _ => continue,
            }
            self.limits.check(Limit::VariableDepth, depth)?;
        }
        Ok(())
    }

    /// The most that one operation may cost.
    pub fn cost_max(&self) -> usize {
        self.limits.cost_max
    }
}

impl Checked {
    /// The request.
    pub fn request(&self) -> &GraphQlRequest {
        &self.request
    }

    /// The request, to be executed.
    pub fn into_request(self) -> GraphQlRequest {
        self.request
    }

    /// True if what would be executed is a mutation.
    pub fn is_mutation(&self) -> bool {
        self.kind == Some(Kind::Mutation)
    }

    /// What it costs.
    pub fn cost(&self) -> usize {
        self.cost
    }
}

fn size(value: &Value) -> cost::Value {
    match value {
        Value::Number(number) => number.as_i64().map_or(cost::Value::Other, cost::Value::Number),
        Value::List(items) => cost::Value::List(items.len()),
        _ => cost::Value::Other,
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
