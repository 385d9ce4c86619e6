//! One request, whatever it came over: who asks, what they are owed, and what a command is told of it.

use super::extension::{asks_cost, extension_text};
use super::{Api, Receipts};
use crate::http::problem::Problem;
use crate::http::{client_address, headers, trace_context};
use async_graphql::{Context, Error, Request as GraphQlRequest};
use axum::http::HeaderMap;
use millrace_command::{Answer, Request as CommandRequest};
use millrace_events::{CommandId, Trace, Viewer};
use millrace_read::graphql::{Asked, RequestContext};
use millrace_read::reader::OnTimeout;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Who asks, and what they are owed: one request.
pub struct Call {
    pub(super) asked: Asked,
    pub(super) circumstances: Circumstances,
    /// The cursor to go on after that came beside the operation.
    pub(super) cursor: Option<String>,
    /// True if the answer tells what the operation costs.
    pub(super) tells_cost: bool,
}

/// What a command is told about the request that sent it.
#[derive(Debug, Clone)]
pub(super) struct Circumstances {
    pub(super) request_id: String,
    pub(super) trace: Option<Trace>,
    pub(super) client_address: Option<IpAddr>,
    pub(super) receipts: Receipts,
}

impl Api {
    /// A request over HTTP. Without its body only what stands in the headers counts.
    pub fn call(
        &self,
        viewer: Viewer,
        headers: &HeaderMap,
        client_address: Option<IpAddr>,
        request: Option<&GraphQlRequest>,
        request_id: &str,
        deadline: Instant,
    ) -> Result<Call, Problem> {
        let extension = |name: &str| request.and_then(|request| extension_text(request, name));
        let texts = headers.get_all(headers::CONSISTENCY).iter().filter_map(|value| value.to_str().ok());
        let token = headers::merge_tokens(texts.chain(extension("consistency")))?;
        let on_timeout = headers.get(headers::ON_TIMEOUT).and_then(|value| value.to_str().ok());
        let on_timeout = headers::on_timeout(on_timeout.or(extension("onTimeout")))?;
        let (request_id, trace) = (request_id.to_owned(), trace_context::of_headers(headers));
        let circumstances = Circumstances { request_id, trace, client_address, receipts: Receipts::default() };
        let tells_cost = headers::asks_cost(headers) || request.is_some_and(asks_cost);
        Ok(Call { asked: Asked { viewer, token, on_timeout, deadline }, circumstances, cursor: None, tells_cost })
    }

    /// When a request that begins now ends, whatever is done for it.
    pub fn deadline(&self) -> Instant {
        Instant::now() + Duration::from_millis(self.limits.request_ms_max)
    }
}

impl Call {
    /// True if the answer tells what the operation costs.
    pub fn tells_cost(&self) -> bool {
        self.tells_cost
    }

    /// Whose budget and allowances it takes from: a person's, or those of a network of people who are not signed in.
    pub(super) fn whose(&self) -> String {
        match self.asked.viewer.user_id() {
            Some(user_id) => format!("of:{user_id}"),
            None => client_address::network_name(self.circumstances.client_address),
        }
    }

    /// The request's id.
    pub fn request_id(&self) -> &str {
        &self.circumstances.request_id
    }

    /// Goes on after this cursor, whatever the operation says of it.
    pub fn after(self, cursor: Option<String>) -> Self {
        Self { cursor, ..self }
    }

    /// What becomes of its commands.
    pub fn receipts(&self) -> Receipts {
        self.circumstances.receipts.clone()
    }

    /// When it ends, if it is no subscription.
    pub fn deadline(&self) -> Instant {
        self.asked.deadline
    }

    /// What a read does that is late.
    pub fn on_timeout(&self) -> OnTimeout {
        self.asked.on_timeout
    }
}

/// Keeps what became of a command that was sent with this id beside the answer. Whatever is told of it, who reads on with the answer's
/// token sees what it did.
pub fn keep_receipt<O>(
    ctx: &Context<'_>,
    command_id: CommandId,
    answer: Result<&Answer<O>, &Error>,
) -> async_graphql::Result<()> {
    ctx.data::<Circumstances>()?.receipts.end(command_id, answer);
    let token = answer.ok().and_then(|answer| answer.receipt().consistency_token.as_deref()?.parse().ok());
    if let Some(token) = token {
        RequestContext::of(ctx)?.owe(&token);
    }
    Ok(())
}

/// A command's circumstances, out of the request that it came with. From here on it counts as sent.
pub fn command_request(ctx: &Context<'_>) -> async_graphql::Result<CommandRequest> {
    let request = ctx.data::<Arc<RequestContext>>()?;
    let circumstances = ctx.data::<Circumstances>()?;
    let command_id = CommandId::generate();
    circumstances.receipts.begin(ctx, command_id);
    Ok(CommandRequest {
        viewer: request.viewer().clone(),
        command_id,
        trace: circumstances.trace.clone(),
        client_address: circumstances.client_address,
    })
}
