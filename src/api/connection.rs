//! A socket: who opened it, and the operations that come over it.

use super::call::{Call, Circumstances};
use super::extension::{EXTENSION, asks_cost, extension_text, text};
use super::{Admitted, Api};
use crate::admission::Admission;
use crate::http::problem::Problem;
use crate::http::{headers, trace_context};
use crate::places::{OpenPlaces, OperationPlace, Place};
use async_graphql::Request as GraphQlRequest;
use axum::http::HeaderMap;
use millrace_events::{Trace, UserId};
use millrace_read::graphql::Asked;
use std::net::IpAddr;

/// An open socket: what its `connection_init` brought.
pub struct Connection {
    authorization: Option<String>,
    consistency: Option<String>,
    on_timeout: Option<String>,
    /// Of operations that name none of their own.
    trace: Option<Trace>,
    client_address: Option<IpAddr>,
    user_id: Option<UserId>,
    _place: Option<Place<UserId>>,
}

impl Connection {
    /// A place for one more operation on it.
    pub fn operation(&self, places: &OpenPlaces) -> Result<OperationPlace, Problem> {
        places.operation(self.user_id, self.client_address)
    }
}

impl Api {
    /// A socket's `connection_init`: the token in it must be good. Whoever is signed in stays as long as their admission.
    pub async fn connect(
        &self,
        headers: &HeaderMap,
        client_address: Option<IpAddr>,
        payload: serde_json::Value,
    ) -> Result<(Connection, Option<Admission>), Problem> {
        let text = |name: &str| payload.get(name).and_then(|value| value.as_str()).map(str::to_owned);
        let given = text("Authorization").or_else(|| text("authorization"));
        let from_header = headers::authorization(headers)?.map(str::to_owned);
        let authorization = given.or(from_header).filter(|text| !text.is_empty());
        let nested =
            |name: &str| payload.pointer(&format!("/{EXTENSION}/{name}")).and_then(|v| v.as_str()).map(str::to_owned);
        let (consistency, on_timeout) = (nested("consistency"), nested("onTimeout"));
        let trace = trace_context::of_texts(|name| payload.get(name).and_then(|value| value.as_str()));
        let trace = trace.or_else(|| trace_context::of_headers(headers));
        let Admitted { viewer, admission, place } = self.admit(authorization.as_deref()).await?;
        let user_id = viewer.user_id();
        let connection =
            Connection { authorization, consistency, on_timeout, trace, client_address, user_id, _place: place };
        Ok((connection, admission))
    }

    /// An operation on a socket. The viewer is looked at anew: a token may have ended since.
    pub async fn call_on(
        &self,
        connection: &Connection,
        request: &GraphQlRequest,
        request_id: &str,
    ) -> Result<Call, Problem> {
        let viewer = self.viewer(connection.authorization.as_deref()).await?;
        let texts = connection.consistency.as_deref().into_iter().chain(extension_text(request, "consistency"));
        let token = headers::merge_tokens(texts)?;
        let on_timeout = extension_text(request, "onTimeout").or(connection.on_timeout.as_deref());
        let on_timeout = headers::on_timeout(on_timeout)?;
        let client_address = connection.client_address;
        let trace = trace_context::of_texts(|name| text(request.extensions.get(name)?));
        let trace = trace.or_else(|| connection.trace.clone());
        let circumstances = Circumstances { request_id: request_id.to_owned(), trace, client_address };
        let tells_cost = asks_cost(request);
        let asked = Asked { viewer, token, on_timeout, deadline: self.deadline() };
        Ok(Call { asked, circumstances, cursor: None, tells_cost })
    }
}
