//! The messages of graphql-transport-ws, and the state of one socket: pure, so that every sequence of frames can be tried as data.
//!
//! Protocol: <https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>.

use crate::documents::params::Params;
use axum::extract::ws::Utf8Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The subprotocol's name.
pub const SUBPROTOCOL: &str = "graphql-transport-ws";
/// The longest id of an operation. Clients count, or take UUIDs; what is open is kept with its id.
const ID_BYTES_MAX: usize = 128;
/// The longest reason: a control frame holds 125 bytes, and two are the code's.
const REASON_BYTES_MAX: usize = 123;

/// A message from the client.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// The first message; may carry `Authorization` and extensions.
    ConnectionInit {
        /// Headers and extensions, as an object.
        #[serde(default)]
        payload: Option<Map<String, Value>>,
    },
    /// Begins an operation.
    Subscribe {
        /// Chosen by the client, unique among those that are open.
        id: String,
        /// The operation.
        payload: Map<String, Value>,
    },
    /// Ends an operation.
    Complete {
        /// Which one.
        id: String,
    },
    /// Asks for a pong.
    Ping {
        /// Anything.
        #[serde(default)]
        payload: Option<Map<String, Value>>,
    },
    /// Answers a ping.
    Pong {
        /// Anything.
        #[serde(default)]
        #[serde(rename = "payload")]
        _payload: Option<Map<String, Value>>,
    },
}

/// A message to the client.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage<'a> {
    /// The connection is accepted.
    ConnectionAck,
    /// The operation could not begin; nothing follows.
    Error {
        /// Which operation.
        id: &'a str,
        /// Why.
        payload: &'a [async_graphql::ServerError],
    },
    /// The operation is over.
    Complete {
        /// Which operation.
        id: &'a str,
    },
    /// Asks for a pong.
    Ping,
    /// Answers a ping.
    Pong {
        /// What the ping carried.
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<Map<String, Value>>,
    },
}

impl ServerMessage<'_> {
    /// As the text of a frame.
    pub fn to_frame(&self) -> Option<Utf8Bytes> {
        let text = serde_json::to_string(self);
        text.inspect_err(|error| tracing::error!(%error, "a message could not be written as JSON")).ok().map(Into::into)
    }
}

/// The message `next` of one operation, whose payload is JSON already: many sockets get the same one.
#[derive(Debug)]
pub struct NextMessage {
    beginning: String,
}

impl NextMessage {
    /// Of this operation.
    pub fn of(id: &str) -> Self {
        Self { beginning: format!(r#"{{"type":"next","id":{},"payload":"#, Value::from(id)) }
    }

    /// How long it is with this payload.
    pub fn bytes(&self, payload: &str) -> usize {
        self.beginning.len() + payload.len() + 1
    }

    /// With this payload.
    pub fn with(&self, payload: &str) -> String {
        let mut message = String::with_capacity(self.bytes(payload));
        message.push_str(&self.beginning);
        message.push_str(payload);
        message.push('}');
        message
    }
}

/// Why the server closes a socket: code and reason as the protocol names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    /// The close code.
    pub code: u16,
    /// The reason.
    pub reason: String,
}

impl Close {
    fn new(code: u16, reason: impl Into<String>) -> Self {
        let mut reason = reason.into();
        reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
        Self { code, reason }
    }

    /// A frame that is no message of the protocol.
    pub fn malformed() -> Self {
        Self::new(4400, "Invalid message")
    }

    /// An operation before `connection_init` was acknowledged.
    pub fn unauthorized() -> Self {
        Self::new(4401, "Unauthorized")
    }

    /// `connection_init` was refused, or whoever was let in has signed out since, or has other roles.
    pub fn forbidden() -> Self {
        Self::new(4403, "Forbidden")
    }

    /// No `connection_init` in time.
    pub fn init_timeout() -> Self {
        Self::new(4408, "Connection initialisation timeout")
    }

    /// An operation id that is already open.
    pub fn duplicate(id: &str) -> Self {
        Self::new(4409, format!("Subscriber for {id} already exists"))
    }

    /// A second `connection_init`.
    pub fn second_init() -> Self {
        Self::new(4429, "Too many initialisation requests")
    }

    /// More sockets of this viewer than there may be. A code after which clients come back: after 4429 they never do.
    pub fn too_many_sockets() -> Self {
        Self::new(1013, "Too many sockets")
    }

    /// The client sends faster than it may. A code after which clients come back.
    pub fn too_many_messages() -> Self {
        Self::new(1013, "Too many messages")
    }

    /// The client speaks no subprotocol of ours.
    pub fn wrong_subprotocol() -> Self {
        Self::new(4406, "Subprotocol not acceptable")
    }

    /// A message that is longer than the limit.
    pub fn too_long() -> Self {
        Self::new(1009, "Message too big")
    }

    /// Frames that break the WebSocket protocol itself.
    pub fn broken() -> Self {
        Self::new(1002, "Protocol error")
    }

    /// Who it is could not be found out now. A code after which clients come back.
    pub fn try_again_later() -> Self {
        Self::new(1013, "Try again later")
    }

    /// The server is shutting down; the last event's cursor is where to go on.
    pub fn going_away() -> Self {
        Self::new(1001, "Going away")
    }

    /// The client does not answer pings. A code after which clients come back: a laptop that slept is no error.
    pub fn dead() -> Self {
        Self::new(1001, "Ping timeout")
    }
}

/// One use of an id. A client may use an id again before the operation that had it knows of its end, and before what that said is sent:
/// so whatever an operation does it does in the name of its turn. Clones are the same turn.
#[derive(Debug, Clone, Default)]
pub struct Turn(Arc<AtomicBool>);

impl Turn {
    /// True if the client has ended the operation: it wants nothing more of it, not even what waits to be sent.
    pub fn is_withdrawn(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    fn withdraw(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// True as long as the operation, or a message of it, is somewhere.
    fn has_messages(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

/// What the socket has to do about a client's message.
#[derive(Debug)]
pub enum Step {
    /// Nothing.
    Nothing,
    /// Verify the payload, then [`SocketState::acknowledge`].
    Init(Option<Map<String, Value>>),
    /// Begin the operation: its id, its turn, and what is asked.
    Begin(String, Turn, Box<Params>),
    /// Refuse the operation: as many as a socket may have are open.
    Refuse(String),
    /// Stop the operation.
    Stop(String),
    /// Answer a ping.
    Pong(Option<Map<String, Value>>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    New,
    Verifying,
    Open,
}

/// What has happened on one socket so far.
#[derive(Debug)]
pub struct SocketState {
    phase: Phase,
    open: BTreeMap<String, Turn>,
    /// Those that the server has ended, of which something may still wait to be sent: no more than what waits.
    ended: BTreeMap<String, Turn>,
    operations_max: usize,
}

impl SocketState {
    /// A socket on which nothing has happened.
    pub fn new(operations_max: usize) -> Self {
        Self { phase: Phase::New, open: BTreeMap::new(), ended: BTreeMap::new(), operations_max }
    }

    /// True until `connection_init` has come.
    pub fn awaits_init(&self) -> bool {
        self.phase == Phase::New
    }

    /// Takes a text frame.
    pub fn receive(&mut self, text: &str) -> Result<Step, Close> {
        let message = serde_json::from_str(text).map_err(|_| Close::malformed())?;
        match message {
            ClientMessage::ConnectionInit { payload } => self.init(payload),
            ClientMessage::Subscribe { id, payload } => self.subscribe(id, payload),
            ClientMessage::Complete { id } if !is_id(&id) => Err(Close::malformed()),
            ClientMessage::Complete { id } => Ok(self.complete(id)),
            ClientMessage::Ping { payload } => Ok(Step::Pong(payload)),
            ClientMessage::Pong { .. } => Ok(Step::Nothing),
        }
    }

    /// `connection_init` was accepted.
    pub fn acknowledge(&mut self) {
        self.phase = Phase::Open;
    }

    /// The server ended an operation. False if the client had ended it before, whatever has its id now: then nothing is sent.
    pub fn end(&mut self, id: &str, turn: &Turn) -> bool {
        if !self.open.get(id).is_some_and(|open| open.is(turn)) {
            return false;
        }
        self.open.remove(id);
        self.ended.retain(|_, ended| ended.has_messages());
        self.ended.insert(id.to_owned(), turn.clone());
        true
    }

    /// True while the operation is open.
    pub fn is_open(&self, id: &str) -> bool {
        self.open.contains_key(id)
    }

    fn init(&mut self, payload: Option<Map<String, Value>>) -> Result<Step, Close> {
        if self.phase != Phase::New {
            return Err(Close::second_init());
        }
        self.phase = Phase::Verifying;
        Ok(Step::Init(payload))
    }

    fn subscribe(&mut self, id: String, payload: Map<String, Value>) -> Result<Step, Close> {
        let request = request(payload).filter(|_| is_id(&id)).ok_or_else(Close::malformed)?;
        if self.phase != Phase::Open {
            return Err(Close::unauthorized());
        }
        if self.open.contains_key(&id) {
            return Err(Close::duplicate(&id));
        }
        if self.open.len() >= self.operations_max {
            return Ok(Step::Refuse(id));
        }
        let turn = Turn::default();
        self.open.insert(id.clone(), turn.clone());
        Ok(Step::Begin(id, turn, Box::new(request)))
    }

    /// The client ends an operation, or one that has just ended by itself, which it does not know yet.
    fn complete(&mut self, id: String) -> Step {
        if let Some(ended) = self.ended.remove(&id) {
            ended.withdraw();
        }
        let Some(turn) = self.open.remove(&id) else { return Step::Nothing };
        turn.withdraw();
        Step::Stop(id)
    }
}

fn is_id(text: &str) -> bool {
    (1..=ID_BYTES_MAX).contains(&text.len())
}

/// The payload as a request; none if it is none. A text that is no GraphQL is one: what it is, its own error tells.
fn request(payload: Map<String, Value>) -> Option<Params> {
    let params: Params = serde_json::from_value(Value::Object(payload)).ok()?;
    params.names_a_document().then_some(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INIT: &str = r#"{"type":"connection_init"}"#;

    fn subscribe(id: &str) -> String {
        format!(r#"{{"type":"subscribe","id":"{id}","payload":{{"query":"{{viewer{{id}}}}"}}}}"#)
    }

    fn opened() -> SocketState {
        let mut state = SocketState::new(2);
        assert!(matches!(state.receive(INIT), Ok(Step::Init(None))));
        state.acknowledge();
        state
    }

    fn code(result: Result<Step, Close>) -> u16 {
        result.unwrap_err().code
    }

    fn begun(result: Result<Step, Close>) -> Turn {
        match result {
            Ok(Step::Begin(_, turn, _)) => turn,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_operation_before_the_acknowledgement_is_unauthorized() {
        let mut state = SocketState::new(2);
        assert_eq!(code(state.receive(&subscribe("a"))), 4401);
        let mut verifying = SocketState::new(2);
        verifying.receive(INIT).unwrap();
        assert_eq!(code(verifying.receive(&subscribe("a"))), 4401);
    }

    #[test]
    fn a_second_init_is_one_too_many() {
        assert_eq!(code(opened().receive(INIT)), 4429);
    }

    #[test]
    fn an_id_can_be_used_again_only_after_its_end() {
        let mut state = opened();
        let turn = begun(state.receive(&subscribe("a")));
        assert_eq!(code(state.receive(&subscribe("a"))), 4409);
        assert!(state.end("a", &turn));
        assert!(matches!(state.receive(&subscribe("a")), Ok(Step::Begin(..))));
    }

    #[test]
    fn an_end_that_comes_too_late_ends_no_successor_of_the_same_id() {
        let mut state = opened();
        let first = begun(state.receive(&subscribe("a")));
        state.receive(r#"{"type":"complete","id":"a"}"#).unwrap();
        let second = begun(state.receive(&subscribe("a")));
        assert!(!state.end("a", &first));
        assert!(state.is_open("a"));
        assert!(state.end("a", &second) && !state.is_open("a"));
    }

    #[test]
    fn what_an_operation_said_is_wanted_until_its_client_ends_it() {
        let (mut state, complete) = (opened(), r#"{"type":"complete","id":"a"}"#);
        let first = begun(state.receive(&subscribe("a")));
        state.receive(complete).unwrap();
        let second = begun(state.receive(&subscribe("a")));
        assert!(first.is_withdrawn() && !second.is_withdrawn());
        assert!(state.end("a", &second));
        assert!(!second.is_withdrawn(), "its last words are still to be sent");
        state.receive(complete).unwrap();
        assert!(second.is_withdrawn(), "the client ended it before it heard of the end");
    }

    #[test]
    fn of_what_has_ended_and_was_sent_nothing_is_kept() {
        let mut state = opened();
        for number in 0..100 {
            let id = number.to_string();
            let turn = begun(state.receive(&subscribe(&id)));
            assert!(state.end(&id, &turn));
        }
        assert!(state.ended.len() <= 1, "{}", state.ended.len());
    }

    #[test]
    fn operations_are_capped() {
        let mut state = opened();
        state.receive(&subscribe("a")).unwrap();
        state.receive(&subscribe("b")).unwrap();
        assert!(matches!(state.receive(&subscribe("c")), Ok(Step::Refuse(id)) if id == "c"));
        assert!(!state.is_open("c"));
        assert_eq!(code(state.receive(&subscribe("b"))), 4409, "those that are open stay so");
    }

    #[test]
    fn what_is_no_message_closes_the_socket() {
        for junk in [
            "",
            "{}",
            "[]",
            r#"{"type":"start","id":"1"}"#,
            r#"{"type":"subscribe","id":"1"}"#,
            r#"{"type":"subscribe","id":"1","payload":{}}"#,
            r#"{"type":"subscribe","id":"","payload":{"query":"{viewer{roles}}"}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":1}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":[]}}"#,
            r#"{"type":"complete"}"#,
            r#"{"type":"complete","id":""}"#,
            r#"{"type":"ping","payload":1}"#,
        ] {
            assert_eq!(code(opened().receive(junk)), 4400, "{junk}");
        }
    }

    #[test]
    fn an_id_has_a_length() {
        let mut state = opened();
        let longest = "x".repeat(ID_BYTES_MAX);
        assert!(matches!(state.receive(&subscribe(&longest)), Ok(Step::Begin(..))));
        assert_eq!(code(state.receive(&subscribe(&format!("{longest}x")))), 4400);
        assert_eq!(code(state.receive(&format!(r#"{{"type":"complete","id":"{longest}x"}}"#))), 4400);
    }

    #[test]
    fn a_reason_fits_into_a_close_frame() {
        for id in ["x".repeat(ID_BYTES_MAX), "ü".repeat(ID_BYTES_MAX / 2), "🂡".repeat(ID_BYTES_MAX / 4)] {
            let reason = Close::duplicate(&id).reason;
            assert!((REASON_BYTES_MAX - 3..=REASON_BYTES_MAX).contains(&reason.len()), "{reason}");
        }
        assert_eq!(Close::duplicate("a").reason, "Subscriber for a already exists");
    }

    #[test]
    fn a_next_message_carries_its_payload_as_it_is() {
        let (next, payload) = (NextMessage::of("a\"b"), r#"{"data":1}"#);
        let message = next.with(payload);
        assert_eq!(message.len(), next.bytes(payload));
        let message: Value = serde_json::from_str(&message).unwrap();
        assert_eq!(message, serde_json::json!({ "type": "next", "id": "a\"b", "payload": { "data": 1 } }));
    }

    #[test]
    fn completing_twice_is_no_error() {
        let mut state = opened();
        let turn = begun(state.receive(&subscribe("a")));
        let complete = r#"{"type":"complete","id":"a"}"#;
        assert!(matches!(state.receive(complete), Ok(Step::Stop(id)) if id == "a"));
        assert!(matches!(state.receive(complete), Ok(Step::Nothing)));
        assert!(!state.end("a", &turn));
    }
}
