//! What has happened on one socket, and what follows from its client's next message.

use super::{ClientMessage, Close, ID_BYTES_MAX, Turn};
use crate::documents::params::Params;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

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
    fn completing_twice_is_no_error() {
        let mut state = opened();
        let turn = begun(state.receive(&subscribe("a")));
        let complete = r#"{"type":"complete","id":"a"}"#;
        assert!(matches!(state.receive(complete), Ok(Step::Stop(id)) if id == "a"));
        assert!(matches!(state.receive(complete), Ok(Step::Nothing)));
        assert!(!state.end("a", &turn));
    }
}
