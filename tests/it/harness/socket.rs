//! A graphql-transport-ws client: subscribes, receives, and can be cut off at any moment.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const RECEIVE_WAIT: Duration = Duration::from_secs(120);
/// The server pings every 15 s.
const SILENCE_MAX: Duration = Duration::from_secs(20);

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

    /// The same; what came instead if the server is away or refuses.
    pub async fn try_open(url: &str, access_token: Option<&str>) -> Result<Self, Received> {
        let mut socket = Self::connect(url).await.map_err(|_| Received::Lost)?;
        let payload = access_token.map_or(json!({}), |token| json!({ "Authorization": format!("Bearer {token}") }));
        let init = socket.send(json!({ "type": "connection_init", "payload": payload })).await;
        init.map_err(|_| Received::Lost)?;
        match socket.receive("the acknowledgement").await {
            Received::Message(message) if message["type"] == "connection_ack" => Ok(socket),
            other => Err(other),
        }
    }

    /// Connects without a word.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        Self::connect_with(url, &[("sec-websocket-protocol", "graphql-transport-ws")]).await
    }

    /// The same with these headers, and no subprotocol but what they name.
    pub async fn connect_with(url: &str, more: &[(&'static str, &str)]) -> Result<Self, Error> {
        let mut request = url.replacen("http", "ws", 1).into_client_request()?;
        let headers = request.headers_mut();
        for (name, value) in more {
            headers.insert(*name, value.parse().expect("a header"));
        }
        let (stream, _) = connect_async(request).await?;
        Ok(Self { stream })
    }

    /// Sends a message.
    pub async fn send(&mut self, message: Value) -> Result<(), Error> {
        self.stream.send(Message::text(message.to_string())).await
    }

    /// Sends any frame.
    pub async fn send_frame(&mut self, frame: Message) -> Result<(), Error> {
        self.stream.send(frame).await
    }

    /// Begins an operation.
    pub async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        let payload = json!({ "query": query, "variables": variables });
        let _lost = self.send(json!({ "type": "subscribe", "id": id, "payload": payload })).await;
    }

    /// The next message. Pings are answered on the way, and are no reason to wait longer.
    pub async fn receive(&mut self, what: &str) -> Received {
        let received = timeout(RECEIVE_WAIT, self.receive_any()).await;
        received.unwrap_or_else(|_| panic!("nothing came within {RECEIVE_WAIT:?}, waiting for {what}"))
    }

    async fn receive_any(&mut self) -> Received {
        loop {
            if let Some(received) = read(self.stream.next().await) {
                return received;
            }
        }
    }

    /// The next message, whenever it comes; lost if not even a ping comes from the server.
    pub async fn listen(&mut self) -> Received {
        loop {
            let frame = timeout(SILENCE_MAX, self.stream.next()).await.unwrap_or(None);
            if let Some(received) = read(frame) {
                return received;
            }
        }
    }

    /// The next result's field of data, which must come without an error.
    pub async fn event(&mut self, field: &str, what: &str) -> Value {
        self.data(what).await[field].clone()
    }

    /// The next result's data, which must come without an error.
    pub async fn data(&mut self, what: &str) -> Value {
        match self.receive(what).await {
            Received::Message(message) if message["type"] == "next" => {
                let payload = &message["payload"];
                assert!(payload.get("errors").is_none(), "waiting for {what}: {payload:#}");
                payload["data"].clone()
            }
            other => panic!("waiting for {what}: {other:?}"),
        }
    }
}

impl Received {
    /// The code that the server closed with.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Closed(code) => Some(*code),
            Self::Message(_) | Self::Lost => None,
        }
    }
}

/// What a frame is to a client; nothing of pings.
fn read(frame: Option<Result<Message, Error>>) -> Option<Received> {
    match frame {
        Some(Ok(Message::Text(text))) => Some(Received::Message(serde_json::from_str(&text).expect("JSON"))),
        Some(Ok(Message::Close(frame))) => Some(Received::Closed(frame.map_or(1005, |frame| frame.code.into()))),
        Some(Ok(_)) => None,
        Some(Err(_)) | None => Some(Received::Lost),
    }
}
