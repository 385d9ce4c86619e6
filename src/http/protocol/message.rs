//! The messages of both sides.

use axum::extract::ws::Utf8Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_next_message_carries_its_payload_as_it_is() {
        let (next, payload) = (NextMessage::of("a\"b"), r#"{"data":1}"#);
        let message = next.with(payload);
        assert_eq!(message.len(), next.bytes(payload));
        let message: Value = serde_json::from_str(&message).unwrap();
        assert_eq!(message, serde_json::json!({ "type": "next", "id": "a\"b", "payload": { "data": 1 } }));
    }
}
