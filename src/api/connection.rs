//! A socket: who opened it, and the operations that come over it.

use super::call::{Call, Circumstances};
use super::extension::{EXTENSION, asks_cost, extension_text, text};
use super::{Admitted, Api, Receipts};
use crate::admission::Admission;
use crate::checked::Checked;
use crate::http::problem::Problem;
use crate::http::{headers, trace_context};
use crate::places::{OpenPlaces, OperationPlace, Place};
use axum::http::HeaderMap;
use millrace_events::{Trace, UserId, Viewer};
use millrace_read::graphql::Asked;
use std::net::IpAddr;

/// An open socket: what its `connection_init` brought.
pub struct Connection {
    /// By whom a mutation is sent: what changes something needs a token that is good now.
    authorization: Option<String>,
    /// Who was let in. A socket outlives its token, so what only reads goes by this, as a subscription does that is open.
    viewer: Viewer,
    consistency: Option<String>,
    on_timeout: Option<String>,
    /// Of operations that name none of their own.
    trace: Option<Trace>,
    client_address: Option<IpAddr>,
    _place: Option<Place<UserId>>,
}

impl Connection {
    /// A place for one more operation on it.
    pub fn operation(&self, places: &OpenPlaces) -> Result<OperationPlace, Problem> {
        places.operation(self.viewer.user_id(), self.client_address)
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
        let connection =
            Connection { authorization, viewer, consistency, on_timeout, trace, client_address, _place: place };
        Ok((connection, admission))
    }

    /// An operation on a socket. The viewer is looked at anew: a sign-in may have ended since.
    pub async fn call_on(&self, connection: &Connection, checked: &Checked, request_id: &str) -> Result<Call, Problem> {
        let viewer = match checked.is_mutation() {
            true => self.viewer(connection.authorization.as_deref()).await?,
            false => self.admitted(connection.viewer.clone()).await?,
        };
        let request = checked.request();
        let texts = connection.consistency.as_deref().into_iter().chain(extension_text(request, "consistency"));
        let token = headers::merge_tokens(texts)?;
        let on_timeout = extension_text(request, "onTimeout").or(connection.on_timeout.as_deref());
        let on_timeout = headers::on_timeout(on_timeout)?;
        let client_address = connection.client_address;
        let trace = trace_context::of_texts(|name| text(request.extensions.get(name)?));
        let trace = trace.or_else(|| connection.trace.clone());
        let request_id = request_id.to_owned();
        let circumstances = Circumstances { request_id, trace, client_address, receipts: Receipts::default() };
        let tells_cost = asks_cost(request);
        let asked = Asked { viewer, token, on_timeout, deadline: self.deadline() };
        Ok(Call { asked, circumstances, cursor: None, tells_cost })
    }
}
