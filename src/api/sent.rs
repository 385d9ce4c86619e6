//! A command that was sent, and what is told of it in place of its answer.

use async_graphql::{Error, ErrorExtensionValues, Name, PathSegment, ServerError, Value, to_value};
use millrace_command::{Answer, CommandReceipt, FailureCode, FailureReport};
use millrace_events::CommandId;

/// Under which the `extensions` of an error have a command's receipt.
const RECEIPT_EXTENSION: &str = "receipt";
/// Under which they have the id of a command that may take effect, and under which a receipt has it.
pub const COMMAND_ID: &str = "commandId";

/// What became of a command so far.
#[derive(Debug, Clone)]
pub(super) enum Fate {
    /// It was sent, and may take effect.
    UnderWay,
    /// It was handled.
    Handled {
        /// The proof.
        receipt: CommandReceipt,
        /// True if what is lost with its answer comes when it is sent again, and only then.
        retryable: bool,
    },
    /// It has no answer.
    Failed(Error),
}

/// A command that was sent. Its field's name does not tell which it is: async-graphql runs equal fields of the root one by one.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    /// Its field's name in the answer.
    pub field: String,
    /// The id that it was sent with.
    pub command_id: CommandId,
    /// What became of it so far.
    pub fate: Fate,
}

impl Fate {
    /// Of one that has an answer.
    pub fn of<O>(answer: &Answer<O>) -> Self {
        Self::Handled { receipt: answer.receipt().clone(), retryable: answer.is_lost_with_its_answer() }
    }
}

impl Sent {
    /// The error at its field; `reason` is why its answer is not told.
    pub fn told(&self, reason: &ServerError, request_id: &str) -> ServerError {
        let path = vec![PathSegment::Field(self.field.clone())];
        let error = ServerError { path, ..self.error(reason) };
        with(error, |told| told.set("requestId", request_id))
    }

    fn error(&self, reason: &ServerError) -> ServerError {
        match &self.fate {
            // Whatever kept its answer, it is as open as one whose answer did not come.
            Fate::UnderWay => {
                let FailureReport { message, retryable, .. } = FailureReport::open(FailureCode::Timeout);
                with(ServerError { message, ..reason.clone() }, |told| {
                    told.set("retryable", retryable);
                    told.set(COMMAND_ID, self.command_id.to_global());
                })
            }
            Fate::Handled { receipt, retryable } => with(reason.clone(), |told| {
                told.set("retryable", *retryable);
                told.set(RECEIPT_EXTENSION, receipt_value(receipt));
            }),
            Fate::Failed(error) => {
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
    value.insert(Name::new(COMMAND_ID), Value::from(receipt.command_id.to_global()));
    Value::Object(value)
}
