//! What became of the commands of one request, kept beside its answer: an answer may be too long to be sent, or too
//! late, and the commands are done.

use crate::http::problem::Problem;
use async_graphql::{
    Context, Error, ErrorExtensionValues, Name, PathSegment, Response as GraphQlResponse, ServerError, Value, to_value,
};
use millrace_command::{CommandReceipt, FailureCode, FailureReport};
use millrace_events::CommandId;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Under which the `extensions` of an error have a command's receipt.
const RECEIPT_EXTENSION: &str = "receipt";
/// Under which they have the id of a command that has none yet, and under which a receipt has it.
const ID_EXTENSION: &str = "commandId";

/// What became of a command so far.
#[derive(Debug, Clone)]
enum Fate {
    /// It was sent, and may take effect.
    UnderWay(CommandId),
    /// It was handled.
    Handled(CommandReceipt),
    /// It has no answer.
    Failed(Error),
}

/// The receipts of one request, each with its field's name in the answer, in the order in which the commands were sent.
#[derive(Debug, Clone, Default)]
pub struct Receipts(Arc<Mutex<Vec<(String, Fate)>>>);

impl Receipts {
    /// A command is sent.
    pub fn begin(&self, ctx: &Context<'_>, command_id: CommandId) {
        self.keep_of(ctx, Fate::UnderWay(command_id));
    }

    /// It has an answer, or an error in place of one.
    pub fn end(&self, ctx: &Context<'_>, answer: Result<&CommandReceipt, &Error>) {
        let failed = |error: &Error| Fate::Failed(error.clone());
        self.keep_of(ctx, answer.map_or_else(failed, |receipt| Fate::Handled(receipt.clone())));
    }

    /// What is told in place of an answer that is too long: of each command that was handled its receipt, at its field,
    /// and what was said of others instead of an answer. None if no command was handled: then nothing is told that the
    /// client has to know.
    pub fn in_place_of(
        &self,
        answer: &GraphQlResponse,
        problem: &Problem,
        request_id: &str,
    ) -> Option<GraphQlResponse> {
        let mut kept = self.kept().clone();
        kept.retain(|(_, fate)| matches!(fate, Fate::Handled(_)));
        let mut response = told(&kept, problem, request_id)?;
        response.errors.extend(answer.errors.iter().filter(|error| error.path.len() == 1).cloned());
        response.extensions.clone_from(&answer.extensions);
        Some(response)
    }

    /// What is told when the time is over: of each command that was sent what became of it, at its field. The fields
    /// behind the last of them were not begun. None if no command was sent: then nothing was executed.
    pub fn so_far(&self, problem: &Problem, request_id: &str) -> Option<GraphQlResponse> {
        told(&self.kept(), problem, request_id)
    }

    fn keep_of(&self, ctx: &Context<'_>, fate: Fate) {
        if let Some(node) = &ctx.path_node {
            self.keep(node.field_name(), fate);
        }
    }

    fn keep(&self, field: &str, fate: Fate) {
        let mut kept = self.kept();
        match kept.iter_mut().find(|(name, _)| name == field) {
            Some((_, before)) => *before = fate,
            None => kept.push((field.to_owned(), fate)),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Vec<(String, Fate)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer without data that tells of each of these; none if there are none.
fn told(kept: &[(String, Fate)], problem: &Problem, request_id: &str) -> Option<GraphQlResponse> {
    let reason = problem.to_response(request_id).errors.into_iter().next().filter(|_| !kept.is_empty())?;
    let errors = kept.iter().map(|(field, fate)| {
        let path = vec![PathSegment::Field(field.clone())];
        ServerError { path, ..fate.told(&reason) }
    });
    Some(GraphQlResponse::from_errors(errors.collect()))
}

impl Fate {
    fn told(&self, reason: &ServerError) -> ServerError {
        match self {
            Self::UnderWay(id) => {
                let message = FailureReport::open(FailureCode::Timeout).message;
                with(ServerError { message, ..reason.clone() }, |told| told.set(ID_EXTENSION, id.to_global()))
            }
            // It is not to be sent again, whatever kept its answer from being sent.
            Self::Handled(receipt) => with(reason.clone(), |told| {
                told.set("retryable", false);
                told.set(RECEIPT_EXTENSION, receipt_value(receipt));
            }),
            Self::Failed(error) => {
                ServerError { extensions: error.extensions.clone(), ..ServerError::new(error.message.clone(), None) }
            }
        }
    }
}

fn with(mut error: ServerError, set: impl FnOnce(&mut ErrorExtensionValues)) -> ServerError {
    set(error.extensions.get_or_insert_default());
    error
}

/// As an answer has it: between the roles its id travels in another form, which `commandStatus` does not take.
fn receipt_value(receipt: &CommandReceipt) -> Value {
    let Ok(Value::Object(mut value)) = to_value(receipt) else { return Value::Null };
    value.insert(Name::new(ID_EXTENSION), Value::from(receipt.command_id.to_global()));
    Value::Object(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::ErrorExtensions;
    use serde_json::{Value as Json, json};

    const LATE: Problem = Problem::Timeout { ms_max: 7 };
    const LONG: Problem = Problem::AnswerTooLarge { bytes_max: 7 };

    fn receipt(command_id: CommandId) -> CommandReceipt {
        CommandReceipt {
            command_id,
            accepted: true,
            replayed: false,
            aggregate_id: None,
            version: Some(1),
            accepted_at: None,
            consistency_token: None,
        }
    }

    /// A request whose first command was handled, whose second failed, and whose third is under way.
    fn three(handled: CommandId, open: CommandId) -> Receipts {
        let receipts = Receipts::default();
        let failed = Error::new("no").extend_with(|_, extensions| extensions.set("code", "FORBIDDEN"));
        for (field, fate) in [
            ("first", Fate::UnderWay(handled)),
            ("first", Fate::Handled(receipt(handled))),
            ("second", Fate::UnderWay(CommandId::generate())),
            ("second", Fate::Failed(failed)),
            ("third", Fate::UnderWay(open)),
        ] {
            receipts.keep(field, fate);
        }
        receipts
    }

    fn errors(response: &GraphQlResponse) -> Json {
        serde_json::to_value(&response.errors).unwrap()
    }

    #[test]
    fn when_the_time_is_over_each_command_that_was_sent_is_told_of_at_its_field() {
        let (handled, open) = (CommandId::generate(), CommandId::generate());
        let errors = errors(&three(handled, open).so_far(&LATE, "1").unwrap());
        let paths = [0, 1, 2].map(|n: usize| errors[n]["path"].clone());
        assert_eq!(paths, [json!(["first"]), json!(["second"]), json!(["third"])]);
        let [first, second, third] = [0, 1, 2].map(|n: usize| errors[n]["extensions"].clone());
        assert_eq!((&first["code"], &first["retryable"]), (&json!("TIMEOUT"), &json!(false)), "{first:#}");
        assert_eq!(first["receipt"]["commandId"], handled.to_global(), "{first:#}");
        assert_eq!((&second["code"], second.get("commandId")), (&json!("FORBIDDEN"), None), "{second:#}");
        assert_eq!((&third["code"], &third["retryable"]), (&json!("TIMEOUT"), &json!(true)), "{third:#}");
        assert_eq!((&third["commandId"], third.get("receipt")), (&json!(open.to_global()), None), "{third:#}");
        assert!(Receipts::default().so_far(&LATE, "1").is_none(), "nothing was sent");
    }

    #[test]
    fn in_place_of_an_answer_stands_what_was_handled_and_what_the_answer_said_of_others() {
        let handled = CommandId::generate();
        let mut answer = GraphQlResponse::new(Value::Null);
        let path = vec![PathSegment::Field("second".to_owned())];
        answer.errors = vec![ServerError { path, ..ServerError::new("no", None) }];
        let told = errors(&three(handled, CommandId::generate()).in_place_of(&answer, &LONG, "1").unwrap());
        assert_eq!(told.as_array().unwrap().len(), 2, "{told:#}");
        assert_eq!(told[0]["extensions"]["receipt"]["commandId"], handled.to_global());
        assert_eq!((&told[1]["path"], &told[1]["message"]), (&json!(["second"]), &json!("no")));
        assert!(Receipts::default().in_place_of(&answer, &LONG, "1").is_none(), "nothing was handled");
    }
}
