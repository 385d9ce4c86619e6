//! Variables: how many there are, how deep and how long they may be, and what the cost of a document sees of them.

use super::Checks;
use async_graphql::{Request as GraphQlRequest, Value};
use millrace_document::{Limit, Refusal, Steps, cost};

impl Checks {
    /// Values are looked at without recursion, each once.
    pub(super) fn check_variables(&self, request: &GraphQlRequest, steps: &mut Steps) -> Result<(), Refusal> {
        self.limits.check(Limit::Variables, request.variables.len())?;
        let mut open: Vec<(&Value, usize)> = request.variables.values().map(|value| (value, 1)).collect();
        while let Some((value, depth)) = open.pop() {
            steps.take(1);
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
}

/// What a page's size, or a number of ids, is reckoned from.
pub(super) fn size(value: &Value) -> cost::Value {
    match value {
        Value::Number(number) => number.as_i64().map_or(cost::Value::Other, cost::Value::Number),
        Value::List(items) => cost::Value::List(items.len()),
        _ => cost::Value::Other,
    }
}
