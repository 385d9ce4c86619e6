//! A graphql-transport-ws client: subscribes, receives, and can be cut off at any moment.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const RECEIVE_WAIT: Duration = Duration::from_secs(60);

/// An open, acknowledged socket.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// What comes out of a socket.
#[derive(Debug)]
pub enum Received {
    /// A message of the protocol.
    Message(Value),
    /// The server closed, with this code.
    Closed(u16),
    /// The connection broke.
    Lost,
}

impl Socket {
    /// Connects to `http://…/graphql`, and waits for the acknowledgement.
    pub async fn open(url: &str, access_token: Option<&str>) -> Self {
        Self::try_open(url, access_token).await.expect("an acknowledged socket")
    }

    /// The same; none if the server is away or refuses.
    pub async fn try_open(url: &str, access_token: Option<&str>) -> Option<Self> {
        let mut socket = Self::connect(url).await.ok()?;
        let payload = access_token.map_or(json!({}), |token| json!({ "Authorization": format!("Bearer {token}") }));
        socket.send(json!({ "type": "connection_init", "payload": payload })).await.ok()?;
        match socket.receive().await {
            Received::Message(message) if message["type"] == "connection_ack" => Some(socket),
            _ => None,
        }
    }

    /// Connects without a word.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        let mut request = url.replacen("http", "ws", 1).into_client_request()?;
        let headers = request.headers_mut();
        headers.insert("sec-websocket-protocol", "graphql-transport-ws".parse().expect("a header"));
        let (stream, _) = connect_async(request).await?;
        Ok(Self { stream })
    }

    /// Sends a message.
    pub async fn send(&mut self, message: Value) -> Result<(), Error> {
        self.stream.send(Message::text(message.to_string())).await
    }

    /// Begins an operation.
    pub async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        let payload = json!({ "query": query, "variables": variables });
        let _lost = self.send(json!({ "type": "subscribe", "id": id, "payload": payload })).await;
    }

    /// The next message; pings are answered on the way.
    pub async fn receive(&mut self) -> Received {
        loop {
            let frame = timeout(RECEIVE_WAIT, self.stream.next()).await.expect("a message in time");
            match frame {
                Some(Ok(Message::Text(text))) => return Received::Message(serde_json::from_str(&text).expect("JSON")),
                Some(Ok(Message::Close(frame))) => {
                    return Received::Closed(frame.map_or(1005, |frame| frame.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Received::Lost,
            }
        }
    }

    /// The payload of the next `next` message, which must come.
    pub async fn next(&mut self) -> Value {
        match self.receive().await {
            Received::Message(message) if message["type"] == "next" => message["payload"].clone(),
            other => panic!("no result but {other:?}"),
        }
    }
}
