//! GraphQL over WebSocket (graphql-transport-ws): one task reads a socket, one task runs each operation, one writes.
//!
//! Whatever the reading task waits for, even room for its own answers, what may end the socket is watched beside it.
//!
//! async-graphql's own layer replaces a stream when an id is used twice and has no init timer, no ping and no cap.

use super::graphql::{self, MediaType};
use super::message_rate::MessageRate;
use super::problem::Problem;
use super::protocol::{Close, SUBPROTOCOL, ServerMessage, SocketState, Step, Turn};
use super::running::Running;
use super::send_queue::{Outgoing, send_queue};
use super::socket_operation::Operation;
use super::watch::Watch;
use super::writer::Writer;
use super::{bearer, headers, origins};
use crate::admission::Admission;
use crate::api::{Api, Connection};
use crate::documents::params::Params;
use crate::places::Kind;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::response::Response;
use futures_util::StreamExt;
use futures_util::stream::SplitStream;
use serde_json::{Map, Value};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tungstenite::Error as SocketError;

/// Read in pieces of this size; at most so much is kept for each of many silent sockets.
const READ_BUFFER_BYTES: usize = 4 * 1024;
const WRITE_BUFFER_BYTES_MAX: usize = 1024 * 1024;

/// `GET /graphql` with an upgrade. A page that may not open sockets is refused before it.
pub fn upgrade(
    api: Arc<Api>,
    headers: HeaderMap,
    client_address: Option<IpAddr>,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !origins::may_open(&headers, api.limits()) {
        return refused(&Problem::ForeignOrigin, &headers);
    }
    let place = match api.places().open(Kind::Socket, client_address) {
        Ok(place) => place,
        Err(problem) => return refused(&problem, &headers),
    };
    let message_bytes_max = api.limits().socket_message_bytes_max;
    let upgrade = upgrade
        .protocols([SUBPROTOCOL])
        .read_buffer_size(READ_BUFFER_BYTES)
        .max_message_size(message_bytes_max)
        .max_frame_size(message_bytes_max)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX);
    upgrade.on_upgrade(async move |socket| {
        api.sockets().clone().track_future(Socket::serve(api, socket, headers, client_address)).await;
        drop(place);
    })
}

/// What a client is told that gets no socket: as any other request that is refused.
fn refused(problem: &Problem, headers: &HeaderMap) -> Response {
    graphql::refuse(problem, MediaType::Json, &headers::request_id(headers))
}

type Shared = Arc<Mutex<SocketState>>;

struct Socket {
    api: Arc<Api>,
    headers: HeaderMap,
    client_address: Option<IpAddr>,
    state: Shared,
    outgoing: Outgoing,
    /// Running operations; each removes itself from `state` when it ends.
    running: Running,
    operations: TaskTracker,
    /// What `connection_init` brought; none before it.
    connection: Option<Arc<Connection>>,
    /// That of a viewer who was just let in. The loop that reads takes it.
    admission: Option<Admission>,
    rate: MessageRate,
}

impl Socket {
    async fn serve(api: Arc<Api>, socket: WebSocket, headers: HeaderMap, client_address: Option<IpAddr>) {
        let speaks_our_protocol = socket.protocol().is_some();
        let (sink, stream) = socket.split();
        let limits = api.limits();
        let (outgoing, queue) = send_queue(limits.socket_queue_messages_max, limits.socket_queue_bytes_max);
        let writer = Writer::begin(sink, queue, Duration::from_millis(limits.write_ms_max));
        let state = Arc::new(Mutex::new(SocketState::new(limits.operations_per_socket_max)));
        let rate = MessageRate::new(limits.socket_messages_per_s_max, limits.socket_messages_burst_max);
        let running = Running::new(limits.operations_per_socket_max);
        let mut this = Self {
            api,
            headers,
            client_address,
            state,
            outgoing,
            running,
            operations: TaskTracker::new(),
            connection: None,
            admission: None,
            rate,
        };
        let close = if speaks_our_protocol { this.read(stream).await } else { Some(Close::wrong_subprotocol()) };
        this.end_operations().await;
        writer.end(this.take_leave(close)).await;
    }

    /// Reads until the client leaves (`None`) or the server has a reason to close.
    async fn read(&mut self, stream: SplitStream<WebSocket>) -> Option<Close> {
        let (state, outgoing) = (Arc::clone(&self.state), self.outgoing.clone());
        let watch = Watch::new(state, outgoing, self.api.shutdown(), self.api.limits());
        self.read_under(watch, stream).await.err()
    }

    async fn read_under(&mut self, mut watch: Watch, mut stream: SplitStream<WebSocket>) -> Result<(), Close> {
        loop {
            let Some(frame) = watch.unless_closed(stream.next()).await? else { return Ok(()) };
            let now = Instant::now();
            watch.heard(now);
            let frame = match frame {
                Ok(frame) => frame,
                Err(error) => return unreadable(error).map_or(Ok(()), Err),
            };
            if !watch.unless_closed(self.receive(frame, now)).await?? {
                return Ok(());
            }
            if let Some(admission) = self.admission.take() {
                watch.follow(admission);
            }
        }
    }

    /// False if the client leaves.
    async fn receive(&mut self, frame: Message, now: Instant) -> Result<bool, Close> {
        if !self.rate.take(now) {
            return Err(Close::too_many_messages());
        }
        match frame {
            Message::Text(text) => self.step(&text).await.map(|()| true),
            Message::Binary(_) => Err(Close::malformed()),
            Message::Ping(_) | Message::Pong(_) => Ok(true),
            Message::Close(_) => Ok(false),
        }
    }

    async fn step(&mut self, text: &str) -> Result<(), Close> {
        let step = self.with_state(|state| state.receive(text))?;
        match step {
            Step::Nothing => {}
            Step::Init(payload) => self.init(payload).await?,
            Step::Begin(id, turn, request) => self.begin(id, turn, *request),
            Step::Refuse(id) => self.refuse(&id).await,
            Step::Stop(id) => self.running.stop(&id).await,
            Step::Pong(payload) => self.send(&ServerMessage::Pong { payload }).await,
        }
        Ok(())
    }

    async fn init(&mut self, payload: Option<Map<String, Value>>) -> Result<(), Close> {
        let connection =
            self.api.connect(&self.headers, self.client_address, Value::Object(payload.unwrap_or_default())).await;
        let (connection, admission) = connection.map_err(|problem| refusal(&problem))?;
        self.connection = Some(Arc::new(connection));
        self.admission = admission;
        self.with_state(SocketState::acknowledge);
        self.send(&ServerMessage::ConnectionAck).await;
        Ok(())
    }

    fn begin(&mut self, id: String, turn: Turn, request: Params) {
        let Some(connection) = self.connection.clone() else { return };
        let operation = Operation {
            api: Arc::clone(&self.api),
            connection,
            id: id.clone(),
            turn,
            request_id: headers::new_request_id(),
            state: Arc::clone(&self.state),
            outgoing: self.outgoing.clone(),
        };
        let task = self.operations.spawn(operation.run(request));
        self.running.begin(id, task);
    }

    async fn refuse(&self, id: &str) {
        let max = self.api.limits().operations_per_socket_max;
        let problem = Problem::TooManyOpen { limit: "operations_per_socket_max", max };
        let errors = problem.to_response(&headers::new_request_id()).errors;
        self.send(&ServerMessage::Error { id, payload: &errors }).await;
    }

    /// Ends what is open. No `complete` is sent when we close: to clients that would be the end of the subscription, while a closed
    /// socket means that they connect again and go on after their last cursor.
    async fn end_operations(&mut self) {
        self.running.stop_all();
        self.operations.close();
        self.operations.wait().await;
    }

    /// Tells the client why, if it is not the one who left. Nothing can be sent after it.
    async fn take_leave(self, close: Option<Close>) {
        let Some(close) = close else { return };
        let frame = CloseFrame { code: close.code, reason: close.reason.into() };
        self.outgoing.send(Message::Close(Some(frame))).await;
    }

    async fn send(&self, message: &ServerMessage<'_>) {
        if let Some(text) = message.to_frame() {
            self.outgoing.send(Message::Text(text)).await;
        }
    }

    fn with_state<T>(&self, act: impl FnOnce(&mut SocketState) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Why the server closes a socket whose client it does not let in.
fn refusal(problem: &Problem) -> Close {
    bearer::count(problem);
    match problem {
        Problem::Unauthenticated(_) => Close::forbidden(),
        Problem::TooManyOpen { .. } => Close::too_many_sockets(),
        _ => Close::try_again_later(),
    }
}

/// Why the server closes a socket that it cannot read; none if the client has left.
fn unreadable(error: axum::Error) -> Option<Close> {
    match error.into_inner().downcast_ref::<SocketError>() {
        Some(SocketError::Capacity(_)) => Some(Close::too_long()),
        Some(SocketError::Utf8(_)) => Some(Close::not_text()),
        Some(SocketError::Protocol(_)) => Some(Close::broken()),
        _ => None,
    }
}
