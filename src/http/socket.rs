//! GraphQL over WebSocket (graphql-transport-ws): one task reads a socket, one task runs each operation, one writes.
//!
//! async-graphql's own layer replaces a stream when an id is used twice and has no init timer, no ping and no cap.

use super::headers;
use super::problem::Problem;
use super::protocol::{Close, NextMessage, SUBPROTOCOL, ServerMessage, SocketState, Step};
use crate::admission::Admission;
use crate::api::{Api, Connection};
use crate::documents::params::Params;
use crate::responses::{Outcome, Responses};
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::future::{BoxFuture, pending};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{FutureExt, SinkExt, StreamExt};
use serde_json::Value;
use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{Instant, Interval, interval_at, sleep_until, timeout};
use tokio_util::task::TaskTracker;

/// How long a client may take to send `connection_init`.
const INIT_WAIT: Duration = Duration::from_secs(5);
const PING_INTERVAL: Duration = Duration::from_secs(15);
/// A client that has sent nothing for this long, in spite of pings, is dead.
const SILENCE_MAX: Duration = Duration::from_secs(35);
/// How long a client may leave a frame unread before its socket is given up.
const WRITE_WAIT: Duration = Duration::from_secs(10);
/// Frames that wait for a slow client; beyond it operations wait, and subscriptions end with their cursor.
const SEND_QUEUE_FRAMES: usize = 64;
const FRAME_BYTES_MAX: usize = 64 * 1024;
const WRITE_BUFFER_BYTES_MAX: usize = 1024 * 1024;

/// `GET /graphql` with an upgrade.
pub fn upgrade(
    api: Arc<Api>,
    headers: HeaderMap,
    client_address: Option<IpAddr>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let offered = headers.get("sec-websocket-protocol").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !offered.split(',').any(|name| name.trim() == SUBPROTOCOL) {
        return (StatusCode::BAD_REQUEST, "the subprotocol is graphql-transport-ws\n").into_response();
    }
    let Some(permit) = api.socket_permit() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many sockets\n").into_response();
    };
    upgrade
        .protocols([SUBPROTOCOL])
        .max_message_size(FRAME_BYTES_MAX)
        .max_frame_size(FRAME_BYTES_MAX)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
        .on_upgrade(async move |socket| {
            api.sockets().clone().track_future(Socket::serve(api, socket, headers, client_address)).await;
            drop(permit);
        })
}

type Shared = Arc<Mutex<SocketState>>;

struct Socket {
    api: Arc<Api>,
    headers: HeaderMap,
    client_address: Option<IpAddr>,
    state: Shared,
    outgoing: mpsc::Sender<Message>,
    /// Running operations; each removes itself from `state` when it ends, the handle is kept until the id is used again.
    running: HashMap<String, AbortHandle>,
    operations: TaskTracker,
    /// What `connection_init` brought; none before it.
    connection: Option<Arc<Connection>>,
    /// That of a viewer who was just let in. The loop that reads takes it.
    admission: Option<Admission>,
    last_heard: Instant,
}

impl Socket {
    async fn serve(api: Arc<Api>, socket: WebSocket, headers: HeaderMap, client_address: Option<IpAddr>) {
        let (sink, stream) = socket.split();
        let (outgoing, queue) = mpsc::channel(SEND_QUEUE_FRAMES);
        let writer = tokio::spawn(write(sink, queue));
        let state = Arc::new(Mutex::new(SocketState::new(api.limits().operations_per_socket_max)));
        let mut this = Self {
            api,
            headers,
            client_address,
            state,
            outgoing,
            running: HashMap::new(),
            operations: TaskTracker::new(),
            connection: None,
            admission: None,
            last_heard: Instant::now(),
        };
        let close = this.read(stream).await;
        this.finish(close).await;
        drop(this);
        let _writer_ended = writer.await;
    }

    /// Reads until the client leaves (`None`) or the server has a reason to close.
    async fn read(&mut self, mut stream: SplitStream<WebSocket>) -> Option<Close> {
        let shutdown = self.api.shutdown();
        let mut shutdown = pin!(shutdown.cancelled());
        let mut init_deadline = pin!(sleep_until(Instant::now() + INIT_WAIT));
        let mut pings = interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
        let mut ended: BoxFuture<'static, ()> = pending().boxed();
        loop {
            if let Some(admission) = self.admission.take() {
                ended = admission.ended().boxed();
            }
            let awaits_init = self.with_state(|state| state.awaits_init());
            let outcome = tokio::select! {
                frame = stream.next() => self.receive(frame?.ok()?).await,
                () = &mut init_deadline, if awaits_init => Err(Close::init_timeout()),
                () = self.ping(&mut pings) => self.check_alive(),
                () = &mut shutdown => Err(Close::going_away()),
                () = &mut ended => Err(Close::forbidden()),
            };
            match outcome {
                Ok(true) => {}
                Ok(false) => return None,
                Err(close) => return Some(close),
            }
        }
    }

    async fn ping(&self, pings: &mut Interval) {
        pings.tick().await;
        let _queue_full_is_traffic = self.outgoing.try_send(Message::Ping(axum::body::Bytes::new()));
    }

    fn check_alive(&self) -> Result<bool, Close> {
        if self.last_heard.elapsed() > SILENCE_MAX { Err(Close::dead()) } else { Ok(true) }
    }

    async fn receive(&mut self, frame: Message) -> Result<bool, Close> {
        self.last_heard = Instant::now();
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
            Step::Begin(id, request) => self.begin(id, *request),
            Step::Stop(id) => self.stop(&id),
            Step::Pong(payload) => self.send(&ServerMessage::Pong { payload }).await,
        }
        Ok(())
    }

    async fn init(&mut self, payload: Option<Value>) -> Result<(), Close> {
        let connection = self.api.connect(&self.headers, self.client_address, payload.unwrap_or_default()).await;
        let (connection, admission) = connection.map_err(|_| Close::forbidden())?;
        self.connection = Some(Arc::new(connection));
        self.admission = admission;
        self.with_state(SocketState::acknowledge);
        self.send(&ServerMessage::ConnectionAck).await;
        Ok(())
    }

    fn begin(&mut self, id: String, request: Params) {
        let Some(connection) = self.connection.clone() else { return };
        let operation = Operation {
            api: Arc::clone(&self.api),
            connection,
            id: id.clone(),
            request_id: headers::new_request_id(),
            state: Arc::clone(&self.state),
            outgoing: self.outgoing.clone(),
        };
        let task = self.operations.spawn(operation.run(request));
        self.running.insert(id, task.abort_handle());
    }

    fn stop(&mut self, id: &str) {
        if let Some(task) = self.running.remove(id) {
            task.abort();
        }
    }

    /// Ends what is open. No `complete` is sent when we close: to clients that would be the end of the subscription, while a closed
    /// socket means that they connect again and go on after their last cursor.
    async fn finish(&mut self, close: Option<Close>) {
        for (_, task) in self.running.drain() {
            task.abort();
        }
        self.operations.close();
        self.operations.wait().await;
        let Some(close) = close else { return };
        let frame = CloseFrame { code: close.code, reason: close.reason.into() };
        let _client_left = self.outgoing.send(Message::Close(Some(frame))).await;
    }

    async fn send(&self, message: &ServerMessage<'_>) {
        send(&self.outgoing, message).await;
    }

    fn with_state<T>(&self, act: impl FnOnce(&mut SocketState) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One operation of a socket, in a task of its own.
struct Operation {
    api: Arc<Api>,
    connection: Arc<Connection>,
    id: String,
    request_id: String,
    state: Shared,
    outgoing: mpsc::Sender<Message>,
}

impl Operation {
    async fn run(self, request: Params) {
        let mut responses = match self.begin(request).await {
            Ok(responses) => responses,
            Err(problem) => return self.refuse(&problem.to_response(&self.request_id).errors).await,
        };
        let next = NextMessage::of(&self.id);
        while let Some(outcome) = responses.next().await {
            match outcome {
                Outcome::Response(payload) => self.forward(next.with(&payload)).await,
                Outcome::Refused(errors) => return self.refuse(&errors).await,
            }
        }
        // Of a process that stops the clients learn by the socket's end: a completed subscription is not taken up again.
        if !self.api.shutdown().is_cancelled() && self.end() {
            send(&self.outgoing, &ServerMessage::Complete { id: &self.id }).await;
        }
    }

    async fn begin(&self, request: Params) -> Result<Responses, Problem> {
        let request = self.api.documents().resolve(request).await?;
        let call = self.api.call_on(&self.connection, &request, &self.request_id).await?;
        Responses::begin(&self.api, request, call)
    }

    async fn forward(&self, message: String) {
        let _client_left = self.outgoing.send(Message::Text(message.into())).await;
    }

    async fn refuse(&self, errors: &[async_graphql::ServerError]) {
        if self.end() {
            send(&self.outgoing, &ServerMessage::Error { id: &self.id, payload: errors }).await;
        }
    }

    fn end(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).end(&self.id)
    }
}

async fn send(outgoing: &mpsc::Sender<Message>, message: &ServerMessage<'_>) {
    match serde_json::to_string(message) {
        Ok(text) => {
            let _client_left = outgoing.send(Message::Text(text.into())).await;
        }
        Err(error) => tracing::error!(%error, "a message could not be written as JSON"),
    }
}

async fn write(mut sink: SplitSink<WebSocket, Message>, mut queue: mpsc::Receiver<Message>) {
    while let Some(message) = queue.recv().await {
        let closes = matches!(message, Message::Close(_));
        let sent = timeout(WRITE_WAIT, sink.send(message)).await;
        if closes || !matches!(sent, Ok(Ok(()))) {
            break;
        }
    }
    let _already_closed = timeout(WRITE_WAIT, sink.close()).await;
}
