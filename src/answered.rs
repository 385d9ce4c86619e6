//! What a query or mutation is answered with: the JSON, whether it was executed just now or is an answer that still stands.

use crate::api::EXTENSION;
use crate::http::problem::Problem;
use async_graphql::{Response as GraphQlResponse, Value};
use serde::Serialize;

/// A response as it goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The response.
    pub json: String,
    /// True if nothing was executed.
    pub is_refusal: bool,
    /// How long the JSON of `data` is, if it is what everybody would get.
    everybodys_bytes: Option<usize>,
}

/// What stands before the JSON of `data`.
const BEGINNING: &str = "{\"data\":";

/// An answer without `data`: the draft wants no `data: null` where nothing was executed.
#[derive(Serialize)]
struct Refused<'a> {
    errors: &'a [async_graphql::ServerError],
    extensions: &'a std::collections::BTreeMap<String, Value>,
}

impl Answered {
    /// A response that was executed or refused just now.
    pub fn of(response: &GraphQlResponse) -> Result<Self, Problem> {
        let GraphQlResponse { errors, extensions, .. } = response;
        let is_refusal = is_refusal(response);
        let json = match is_refusal {
            true => to_json(&Refused { errors, extensions })?,
            false => to_json(response)?,
        };
        Ok(Self { json, is_refusal, everybodys_bytes: None })
    }

    /// The same, if it is not too long.
    pub fn within(self, bytes_max: usize) -> Result<Self, Problem> {
        if self.json.len() > bytes_max { Err(Problem::AnswerTooLarge { bytes_max }) } else { Ok(self) }
    }

    /// A response without errors, out of the JSON of its `data` and of what is told beside it; and whether everybody would get it.
    pub fn whole(data: &str, extension: &Value, is_everybodys: bool) -> Result<Self, Problem> {
        let extension = to_json(extension)?;
        let json = [BEGINNING, data, ",\"extensions\":{\"", EXTENSION, "\":", &extension, "}}"].concat();
        Ok(Self { json, is_refusal: false, everybodys_bytes: is_everybodys.then_some(data.len()) })
    }

    /// The JSON of `data`, if it is what everybody would get.
    pub fn everybodys_data(&self) -> Option<&str> {
        self.json.get(BEGINNING.len()..BEGINNING.len() + self.everybodys_bytes?)
    }
}

/// True if nothing was executed. What was executed has data, or tells at which path there are none.
pub fn is_refusal(response: &GraphQlResponse) -> bool {
    let GraphQlResponse { data, errors, .. } = response;
    *data == Value::Null && !errors.is_empty() && errors.iter().all(|error| error.path.is_empty())
}

/// A response has nothing that JSON has not.
pub fn to_json(value: &impl Serialize) -> Result<String, Problem> {
    serde_json::to_string(value).map_err(|error| {
        tracing::error!(%error, "a response could not be written as JSON");
        Problem::Internal
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::{PathSegment, ServerError, value};

    fn response(data: Value, errors: Vec<ServerError>) -> GraphQlResponse {
        let mut response = GraphQlResponse::new(data).extension(EXTENSION, value!({ "stale": false }));
        response.errors = errors;
        response
    }

    #[test]
    fn an_answer_that_still_stands_looks_like_one_that_was_executed() {
        let data = value!({ "post": { "title": "\"A\" & ü", "tags": [] } });
        let executed = Answered::of(&response(data.clone(), vec![])).unwrap();
        let data = serde_json::to_string(&data).unwrap();
        let whole = |is_everybodys| Answered::whole(&data, &value!({ "stale": false }), is_everybodys).unwrap();
        assert_eq!(whole(false), executed);
        assert_eq!((whole(true).everybodys_data(), executed.everybodys_data()), (Some(&*data), None));
    }

    #[test]
    fn only_where_nothing_was_executed_is_no_data() {
        let refused = Answered::of(&response(Value::Null, vec![ServerError::new("no", None)])).unwrap();
        assert!(refused.is_refusal && !refused.json.contains("data"), "{}", refused.json);
        let error = ServerError { path: vec![PathSegment::Field("post".into())], ..ServerError::new("no", None) };
        let executed = Answered::of(&response(Value::Null, vec![error])).unwrap();
        assert!(!executed.is_refusal && executed.json.contains("\"data\":null"), "{}", executed.json);
    }
}
