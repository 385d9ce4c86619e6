//! What became of the commands of one request, kept beside its answer: an answer may be too long to be sent, too late, or lost by a
//! panic, and the commands are done.

use super::sent::{Fate, Sent};
use crate::http::problem::Problem;
use async_graphql::{Context, Error, PathSegment, Response as GraphQlResponse, ServerError};
use millrace_command::Answer;
use millrace_events::CommandId;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The commands of one request, in the order in which they were sent.
#[derive(Debug, Clone, Default)]
pub struct Receipts(Arc<Mutex<Vec<Sent>>>);

impl Receipts {
    /// A command is sent.
    pub fn begin(&self, ctx: &Context<'_>, command_id: CommandId) {
        if let Some(node) = &ctx.path_node {
            self.keep(node.field_name(), command_id);
        }
    }

    /// It has an answer, or an error in place of one.
    pub fn end<O>(&self, command_id: CommandId, answer: Result<&Answer<O>, &Error>) {
        let fate = answer.map_or_else(|error| Fate::Failed(error.clone()), Fate::of);
        self.settle(command_id, fate);
    }

    /// What is told in place of an answer that is too long: of each command what became of it, at its field, and what the answer said of
    /// fields that have sent none. None if no command was sent: then nothing is told that the client has to know.
    pub fn in_place_of(
        &self,
        answer: &GraphQlResponse,
        problem: &Problem,
        request_id: &str,
    ) -> Option<GraphQlResponse> {
        let mut response = self.so_far(problem, request_id)?;
        let failed = self.failed();
        let others = answer.errors.iter().filter(|error| is_of_other(error, &failed));
        response.errors.extend(others.cloned());
        response.extensions.clone_from(&answer.extensions);
        Some(response)
    }

    /// What is told when there is no more time, or after a panic: of each command that was sent what became of it, at its field. The
    /// fields behind the last of them were not begun. None if no command was sent: then nothing was executed.
    pub fn so_far(&self, problem: &Problem, request_id: &str) -> Option<GraphQlResponse> {
        let kept = self.kept();
        let reason = problem.to_response(request_id).errors.into_iter().next().filter(|_| !kept.is_empty())?;
        Some(GraphQlResponse::from_errors(kept.iter().map(|sent| sent.told(&reason, request_id)).collect()))
    }

    fn keep(&self, field: &str, command_id: CommandId) {
        self.kept().push(Sent { field: field.to_owned(), command_id, fate: Fate::UnderWay });
    }

    fn settle(&self, command_id: CommandId, fate: Fate) {
        if let Some(sent) = self.kept().iter_mut().find(|sent| sent.command_id == command_id) {
            sent.fate = fate;
        }
    }

    /// The fields whose commands failed.
    fn failed(&self) -> Vec<String> {
        let kept = self.kept();
        let failed = kept.iter().filter(|sent| matches!(sent.fate, Fate::Failed(_)));
        failed.map(|sent| sent.field.clone()).collect()
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Sent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// True if an error stands at a field of the root, and is not that of a command that failed.
fn is_of_other(error: &ServerError, failed: &[String]) -> bool {
    let [PathSegment::Field(field)] = &*error.path else { return false };
    !failed.contains(field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::{ErrorExtensions, Value};
    use millrace_command::CommandReceipt;
    use serde_json::{Value as Json, json};

    const LATE: Problem = Problem::Timeout { ms_max: 7 };
    const LONG: Problem = Problem::AnswerTooLarge { bytes_max: 7 };

    fn answer(command_id: CommandId, accepted: bool) -> Answer<()> {
        let receipt = CommandReceipt {
            command_id,
            accepted,
            replayed: false,
            aggregate_id: None,
            version: Some(1),
            accepted_at: None,
            consistency_token: None,
        };
        match accepted {
            true => Answer::Accepted { receipt, outcome: (), session: None, export: None },
            false => Answer::Rejected { receipt, errors: vec![] },
        }
    }

    /// A request whose first command was handled, whose second failed, and whose third is under way, at these fields.
    fn three([first, second, third]: [&str; 3], handled: CommandId, open: CommandId) -> Receipts {
        let receipts = Receipts::default();
        let failed = CommandId::generate();
        receipts.keep(first, handled);
        receipts.end(handled, Ok(&answer(handled, true)));
        receipts.keep(second, failed);
        let error = Error::new("no").extend_with(|_, extensions| extensions.set("code", "FORBIDDEN"));
        receipts.end::<()>(failed, Err(&error));
        receipts.keep(third, open);
        receipts
    }

    fn errors(response: &GraphQlResponse) -> Json {
        serde_json::to_value(&response.errors).unwrap()
    }

    fn error_at(field: &str, message: &str) -> ServerError {
        ServerError { path: vec![PathSegment::Field(field.to_owned())], ..ServerError::new(message, None) }
    }

    #[test]
    fn when_the_time_is_over_each_command_that_was_sent_is_told_of_at_its_field() {
        let (handled, open) = (CommandId::generate(), CommandId::generate());
        let errors = errors(&three(["first", "second", "third"], handled, open).so_far(&LATE, "1").unwrap());
        let paths = [0, 1, 2].map(|n: usize| errors[n]["path"].clone());
        assert_eq!(paths, [json!(["first"]), json!(["second"]), json!(["third"])]);
        let [first, second, third] = [0, 1, 2].map(|n: usize| errors[n]["extensions"].clone());
        assert_eq!((&first["code"], &first["retryable"]), (&json!("TIMEOUT"), &json!(false)), "{first:#}");
        assert_eq!(first["receipt"]["commandId"], handled.to_global(), "{first:#}");
        assert_eq!((&second["code"], second.get("commandId")), (&json!("FORBIDDEN"), None), "{second:#}");
        assert_eq!((&third["code"], &third["retryable"]), (&json!("TIMEOUT"), &json!(true)), "{third:#}");
        assert_eq!((&third["commandId"], third.get("receipt")), (&json!(open.to_global()), None), "{third:#}");
        assert!([first, second, third].iter().all(|extensions| extensions["requestId"] == "1"));
        assert!(Receipts::default().so_far(&LATE, "1").is_none(), "nothing was sent");
    }

    #[test]
    fn after_a_panic_what_is_under_way_may_still_take_effect() {
        let open = CommandId::generate();
        let errors =
            errors(&three(["a", "b", "c"], CommandId::generate(), open).so_far(&Problem::Internal, "1").unwrap());
        let (handled, open_one) = (&errors[0]["extensions"], &errors[2]["extensions"]);
        assert_eq!((&handled["code"], &handled["retryable"]), (&json!("INTERNAL"), &json!(false)), "{handled:#}");
        assert_eq!((&open_one["code"], &open_one["retryable"]), (&json!("INTERNAL"), &json!(true)), "{open_one:#}");
        assert_eq!(open_one["commandId"], open.to_global(), "{open_one:#}");
    }

    #[test]
    fn in_place_of_an_answer_stands_what_became_of_commands_and_what_the_answer_said_of_other_fields() {
        let handled = CommandId::generate();
        let mut answer = GraphQlResponse::new(Value::Null);
        answer.errors = vec![error_at("second", "no"), error_at("fourth", "not even sent")];
        let receipts = three(["first", "second", "third"], handled, CommandId::generate());
        let told = errors(&receipts.in_place_of(&answer, &LONG, "1").unwrap());
        let messages = [1, 3].map(|n: usize| (told[n]["path"].clone(), told[n]["message"].clone()));
        let expected = [(json!(["second"]), json!("no")), (json!(["fourth"]), json!("not even sent"))];
        assert_eq!((messages, told.as_array().unwrap().len()), (expected, 4), "{told:#}");
        assert_eq!(told[0]["extensions"]["receipt"]["commandId"], handled.to_global());
        assert!(Receipts::default().in_place_of(&answer, &LONG, "1").is_none(), "nothing was sent");
    }

    #[test]
    fn two_commands_at_fields_of_one_name_are_told_of_both() {
        let (handled, open) = (CommandId::generate(), CommandId::generate());
        let receipts = three(["a"; 3], handled, open);
        let mut answer = GraphQlResponse::new(Value::Null);
        answer.errors = vec![error_at("a", "no")];
        for told in [receipts.so_far(&LATE, "1"), receipts.in_place_of(&answer, &LONG, "1")] {
            let told = errors(&told.unwrap());
            assert_eq!(told.as_array().unwrap().len(), 3, "{told:#}");
            assert_eq!(told[0]["extensions"]["receipt"]["commandId"], handled.to_global(), "{told:#}");
            assert_eq!(
                (&told[1]["message"], &told[2]["extensions"]["commandId"]),
                (&json!("no"), &json!(open.to_global()))
            );
        }
    }

    #[test]
    fn a_command_that_was_rejected_is_said_to_have_done_nothing() {
        let (receipts, id) = (Receipts::default(), CommandId::generate());
        receipts.keep("a", id);
        receipts.end(id, Ok(&answer(id, false)));
        let told = errors(&receipts.so_far(&LATE, "1").unwrap());
        let extensions = &told[0]["extensions"];
        assert_eq!((&extensions["retryable"], &extensions["receipt"]["accepted"]), (&json!(false), &json!(false)));
    }
}
