//! An entry: what a mutation is made of.
//!
//! The command crate knows no object types, the read crate no commands; fields cannot be added to another crate's type. So a payload
//! is made here: receipt and errors from the command's answer, objects from the read side once it has reached the command's position.

use crate::api::COMMAND_ID;
use crate::command_port::{self, CommandPort, RemoteAnswer};
use async_graphql::{Context, Error, ErrorExtensions, Result};
use futures_util::future::BoxFuture;
use millrace_command::{Answer, Command, CommandFailure, Commands, Request, Sender};
use millrace_events::CommandId;
use serde_json::Value;

/// What is known of a command by its name alone.
pub struct Entry {
    /// The mutation's name, such as `addComment`.
    pub name: &'static str,
    /// Who may send it at all.
    pub sender: Sender,
    /// Handles it, as it came over the internal API.
    pub handle: for<'a> fn(&'a Commands, Request, Value) -> BoxFuture<'a, RemoteAnswer>,
    /// Reads its input and writes it again: as it travels, and as repetitions are compared.
    #[cfg(test)]
    pub written: fn(Value) -> serde_json::Result<Value>,
}

impl Entry {
    /// Of this command.
    pub const fn of<C: Command>() -> Self {
        Self {
            name: C::NAME,
            sender: C::SENDER,
            handle: handle::<C>,
            #[cfg(test)]
            written: written::<C>,
        }
    }
}

#[cfg(test)]
fn written<C: Command>(input: Value) -> serde_json::Result<Value> {
    serde_json::to_value(serde_json::from_value::<C>(input)?)
}

fn handle<C: Command>(commands: &Commands, request: Request, input: Value) -> BoxFuture<'_, RemoteAnswer> {
    Box::pin(command_port::run::<C>(commands, request, input))
}

/// Sends a command to where it is handled.
pub async fn send<C: Command>(ctx: &Context<'_>, input: C) -> Result<Answer<C::Outcome>> {
    let port = ctx.data::<CommandPort>()?;
    let request = crate::api::command_request(ctx)?;
    let command_id = request.command_id;
    let answer = port.send(request, input).await.map_err(|failure| top_level(&failure, command_id));
    crate::api::keep_receipt(ctx, command_id, answer.as_ref())?;
    answer
}

/// A command without an answer is a top-level error: its report, and nothing of its cause. One that may have taken effect can be asked for.
fn top_level(failure: &CommandFailure, command_id: CommandId) -> Error {
    let report = failure.report().clone();
    Error::new(report.message).extend_with(|_, extensions| {
        extensions.set("code", report.code.as_str());
        extensions.set("retryable", report.retryable);
        if let Some(limit) = report.limit {
            extensions.set("limit", limit);
        }
        if let Some(seconds) = report.retry_after_s {
            extensions.set("retryAfter", seconds);
        }
        if report.is_open {
            extensions.set(COMMAND_ID, command_id.to_global());
        }
    })
}

/// Makes a payload and a field for each entry, the part of the root that has these fields, and a list of them all.
macro_rules! mutations {
    ($root:ident: $(
        $(#[$doc:meta])*
        $field:ident($command:ty) -> $payload:ident {
            $( show { $( $(#[$object_doc:meta])* $object:ident: $object_type:ty, )* } )?
            $( tell { $( $(#[$id_doc:meta])* $id:ident: $id_type:ty, )* } )?
            $( credentials { $(#[$session_doc:meta])* $session:ident } )?
            $( link { $(#[$export_doc:meta])* $export:ident } )?
        }
    )*) => {
        $(
            #[doc = concat!("What `", stringify!($field), "` did.")]
            pub struct $payload(millrace_command::Answer<<$command as millrace_command::Command>::Outcome>);

            /// What became of a command, and the objects that it concerns.
            #[async_graphql::Object]
            impl $payload {
                /// What became of the command.
                async fn receipt(&self) -> &millrace_command::CommandReceipt {
                    self.0.receipt()
                }

                /// Why the command was rejected; empty if it was accepted.
                async fn errors(&self) -> &[millrace_command::CommandError] {
                    self.0.errors()
                }

                $( $(
                    $(#[$object_doc])*
                    ///
                    /// Read from the read side; null if the command was rejected, or if the read side has not reached it in time
                    /// (then `extensions.millrace.pending` is true).
                    async fn $object(&self, ctx: &async_graphql::Context<'_>) -> async_graphql::Result<Option<$object_type>> {
                        let Some(outcome) = self.0.outcome() else { return Ok(None) };
                        let token = self.0.receipt().consistency_token.as_deref();
                        <$object_type as millrace_read::graphql::AfterCommand>::after(ctx, token, &outcome.$object).await
                    }
                )* )?

                $( $(
                    $(#[$id_doc])*
                    async fn $id(&self) -> Option<$id_type> {
                        self.0.outcome().map(|outcome| outcome.$id)
                    }
                )* )?

                $(
                    $(#[$session_doc])*
                    async fn $session(&self) -> Option<&millrace_command::Session> {
                        self.0.session()
                    }
                )?

                $(
                    $(#[$export_doc])*
                    async fn $export(&self) -> Option<&millrace_command::DataExport> {
                        self.0.export()
                    }
                )?
            }
        )*

        /// This noun's part of the root.
        #[derive(Default)]
        pub struct $root;

        impl $root {
            /// Its entries.
            pub const ENTRIES: &[$crate::mutations::Entry] = &[$($crate::mutations::Entry::of::<$command>(),)*];
        }

        /// This noun's commands.
        #[async_graphql::Object]
        impl $root {
            $(
                $(#[$doc])*
                async fn $field(
                    &self,
                    ctx: &async_graphql::Context<'_>,
                    #[graphql(desc = "What to do.")] input: $command,
                ) -> async_graphql::Result<$payload> {
                    $crate::mutations::entry::send(ctx, input).await.map($payload)
                }
            )*
        }
    };
}

pub(super) use mutations;

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_command::{FailureCode, FailureReport};

    #[test]
    fn a_command_that_may_have_taken_effect_can_be_asked_for() {
        let command_id = CommandId::generate();
        let told = |report| {
            let error = top_level(&CommandFailure::reported(report), command_id);
            let extensions = error.extensions.unwrap();
            (extensions.get("retryable").cloned(), extensions.get(COMMAND_ID).cloned())
        };
        let asked_for: Option<async_graphql::Value> = Some(command_id.to_global().into());
        for code in [FailureCode::Timeout, FailureCode::Unavailable, FailureCode::Internal] {
            assert_eq!(told(FailureReport::open(code)), (Some(true.into()), asked_for.clone()), "{code:?}");
        }
        assert_eq!(told(FailureReport::of(FailureCode::Unavailable)), (Some(true.into()), None), "nothing came of it");
    }
}
