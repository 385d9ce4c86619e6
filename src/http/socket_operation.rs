//! One operation of a socket: what is said of it, in its order, as far as there is room for it.

use super::bearer;
use super::problem::Problem;
use super::protocol::{NextMessage, ServerMessage, SocketState, Turn};
use super::send_queue::Outgoing;
use crate::api::{Api, Connection};
use crate::documents::params::Params;
use crate::panics::caught;
use crate::places::OperationPlace;
use crate::responses::{Outcome, Responses};
use async_graphql::ServerError;
use axum::extract::ws::Message;
use std::sync::{Arc, Mutex, PoisonError};

/// One operation of a socket, in a task of its own.
pub struct Operation {
    /// What executes it.
    pub api: Arc<Api>,
    /// Whose it is.
    pub connection: Arc<Connection>,
    /// The client's name for it.
    pub id: String,
    /// In whose name it acts: the client may use its id again.
    pub turn: Turn,
    /// What its errors name.
    pub request_id: String,
    /// What the socket knows of its operations.
    pub state: Arc<Mutex<SocketState>>,
    /// Where its messages go.
    pub outgoing: Outgoing,
}

impl Operation {
    /// Runs it to its end.
    pub async fn run(self, request: Params) {
        let (mut responses, _place) = match caught(self.begin(request)).await {
            Ok(begun) => begun,
            Err(problem) => {
                bearer::count(&problem);
                return self.refuse(&problem.to_response(&self.request_id).errors).await;
            }
        };
        let next = NextMessage::of(&self.id);
        while let Some(outcome) = responses.next().await {
            match outcome {
                Outcome::Response(delivery) => self.forward(&next, &delivery.json).await,
                Outcome::Refused(errors) => return self.refuse(&errors).await,
            }
        }
        // Of a process that stops the clients learn by the socket's end: a completed subscription is not taken up again.
        if !self.api.shutdown().is_cancelled() {
            self.end_with(&ServerMessage::Complete { id: &self.id }).await;
        }
    }

    async fn begin(&self, request: Params) -> Result<(Responses, OperationPlace), Problem> {
        let request = self.api.check(self.api.documents().resolve(request).await?)?;
        let place = self.connection.operation(self.api.places())?;
        let call = self.api.call_on(&self.connection, &request, &self.request_id).await?;
        self.api.charge(&call, &request).await?;
        Ok((Responses::begin(&self.api, request, call)?, place))
    }

    /// Many sockets share the payload: each makes a message of its own of it only when there is room for that.
    async fn forward(&self, next: &NextMessage, payload: &str) {
        let make = || Some(Message::Text(next.with(payload).into()));
        self.outgoing.send_made(&self.turn, next.bytes(payload), make).await;
    }

    async fn refuse(&self, errors: &[ServerError]) {
        self.end_with(&ServerMessage::Error { id: &self.id, payload: errors }).await;
    }

    /// It is open until its last message has found room: so no more operations wait for that than may be open.
    async fn end_with(&self, message: &ServerMessage<'_>) {
        if let Some(message) = message.to_frame() {
            let bytes = message.len();
            self.outgoing.send_made(&self.turn, bytes, || self.end().then_some(Message::Text(message))).await;
        }
    }

    fn end(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).end(&self.id, &self.turn)
    }
}
