//! Sockets: every close code, and every limit at its value and one beyond.

use crate::harness::client::Client;
use crate::harness::eventually;
use crate::harness::process::Process;
use crate::harness::socket::{Received, Socket};
use crate::harness::stage::Stage;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameHeader};
use tokio_tungstenite::tungstenite::{Error, Message};

const WATCH: &str = "subscription { postChanged(id: \"AgAAAAAAAAAAAAAAAAAAAAA\") { __typename } }";
/// Many more than may be sent in a while.
const FRAMES: usize = 100;
const PROTOCOL: (&str, &str) = ("sec-websocket-protocol", "graphql-transport-ws");

fn init() -> Value {
    json!({ "type": "connection_init" })
}

/// A message of so many bytes that is answered with a pong.
fn ping_of(bytes: usize) -> Value {
    let ping = |filling: usize| json!({ "type": "ping", "payload": { "x": "x".repeat(filling) } });
    ping(bytes - ping(0).to_string().len())
}

fn subscribe(id: &str) -> Value {
    json!({ "type": "subscribe", "id": id, "payload": { "query": WATCH } })
}

/// The code with which the server closes, past everything that it says before.
async fn closed(socket: &mut Socket, what: &str) -> u16 {
    loop {
        match socket.receive(what).await {
            Received::Message(_) => {}
            other => return other.code().unwrap_or_else(|| panic!("{what}: {other:?}")),
        }
    }
}

/// The code after these messages.
async fn after(url: &str, messages: &[Value]) -> u16 {
    let mut socket = Socket::connect(url).await.expect("a socket");
    for message in messages {
        socket.send(message.clone()).await.expect("an open socket");
    }
    closed(&mut socket, &format!("{messages:?}")).await
}

/// The status with which the upgrade is refused; none if it is not.
async fn refused(url: &str, headers: &[(&'static str, &str)]) -> Option<u16> {
    match Socket::connect_with(url, headers).await {
        Ok(_) => None,
        Err(Error::Http(response)) => Some(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn every_fault_has_its_close_code() {
    let stage = Stage::new().await;
    let limits = [("MILLRACE_HTTP__SOCKET_MESSAGE_BYTES_MAX", "2000")];
    let process = Process::serve("all", &stage.environment_with(&limits)).await;
    let url = process.graphql();
    // As long as an id may be: the reason that names it would not fit into a close frame.
    let long = "ü".repeat(64);
    let bad_token = json!({ "type": "connection_init", "payload": { "Authorization": "Bearer not.a.token" } });
    for (messages, code) in [
        (vec![json!({ "type": "start", "id": "1" })], 4400),
        (vec![init(), json!("ping")], 4400),
        (vec![subscribe("a")], 4401),
        (vec![bad_token], 4403),
        (vec![init(), subscribe("a"), subscribe("a")], 4409),
        (vec![init(), subscribe(&long), subscribe(&long)], 4409),
        (vec![init(), subscribe(&format!("{long}x"))], 4400),
        (vec![init(), init()], 4429),
        (vec![init(), ping_of(2_001)], 1009),
        (vec![init(), ping_of(20_000)], 1009),
    ] {
        assert_eq!(after(&url, &messages).await, code, "{messages:?}");
    }
    let mut without_subprotocol = Socket::connect_with(&url, &[]).await.expect("an upgrade");
    assert_eq!(closed(&mut without_subprotocol, "4406").await, 4406);
    let mut binary = Socket::open(&url, None).await;
    binary.send_frame(Message::binary(vec![0])).await.unwrap();
    assert_eq!(closed(&mut binary, "a binary frame").await, 4400);
    // The longest message that may be sent is taken.
    let mut longest = Socket::open(&url, None).await;
    longest.send(ping_of(2_000)).await.unwrap();
    assert!(matches!(longest.receive("a pong").await, Received::Message(message) if message["type"] == "pong"));
    process.stop().await;
}

#[tokio::test]
async fn who_says_nothing_is_closed_and_who_has_sent_connection_init_has_all_the_time_in_the_world() {
    let stage = Stage::new().await.with("MILLRACE_HTTP__SOCKET_INIT_MS_MAX", "300");
    let process = stage.serve("all").await;
    let url = process.graphql();
    let mut patient = eventually("it is sent in time", async || Socket::try_open(&url, None).await.ok()).await;
    assert_eq!(after(&url, &[]).await, 4408);
    patient.send(json!({ "type": "ping" })).await.unwrap();
    assert!(matches!(patient.receive("a pong").await, Received::Message(message) if message["type"] == "pong"));
    process.stop().await;
}

/// A message in frames: the first half of its bytes, and the rest.
async fn send_in_halves(socket: &mut Socket, message: &Value) {
    let mut first = message.to_string().into_bytes();
    let rest = first.split_off(first.len() / 2);
    for (payload, kind, is_final) in [(first, Data::Text, false), (rest, Data::Continue, true)] {
        let header = FrameHeader { is_final, opcode: OpCode::Data(kind), ..FrameHeader::default() };
        socket.send_frame(Message::Frame(Frame::from_payload(header, payload.into()))).await.expect("an open socket");
    }
}

#[tokio::test]
async fn a_message_is_as_long_as_all_its_frames_and_a_frame_as_it_says() {
    let stage = Stage::new().await;
    let limits = [("MILLRACE_HTTP__SOCKET_MESSAGE_BYTES_MAX", "2000")];
    let process = Process::serve("all", &stage.environment_with(&limits)).await;
    let mut socket = Socket::open(&process.graphql(), None).await;
    send_in_halves(&mut socket, &ping_of(2_000)).await;
    assert!(matches!(socket.receive("a pong").await, Received::Message(message) if message["type"] == "pong"));
    send_in_halves(&mut socket, &ping_of(2_001)).await;
    assert_eq!(closed(&mut socket, "a message in two frames").await, 1009);
    // Nothing of the frame has come yet but how long it is going to be: 64 MiB.
    let announced = [&[0x81, 0xff][..], &(64_u64 << 20).to_be_bytes(), &[0; 4]].concat();
    assert_eq!(closed_in_silence(&process, PROTOCOL.1, &announced).await, 1009);
    process.stop().await;
}

#[tokio::test]
async fn sockets_are_counted_by_process_address_and_viewer() {
    let stage = Stage::new().await;
    let limits = [
        ("MILLRACE_HTTP__TRUSTED_PROXIES", "127.0.0.0/8"),
        ("MILLRACE_HTTP__SOCKETS_PER_ADDRESS_MAX", "3"),
        ("MILLRACE_HTTP__SOCKETS_PER_VIEWER_MAX", "2"),
        ("MILLRACE_HTTP__SOCKETS_MAX", "5"),
    ];
    let process = Process::serve("all", &stage.environment_with(&limits)).await;
    let (url, client) = (process.graphql(), Client::new(&process.graphql()));
    let ada = client.sign_up("Ada").await;
    let token = ada.client.access_token.as_deref();
    let from = |address: &'static str| [PROTOCOL, ("x-forwarded-for", address)];
    let connect = async |address: &'static str| Socket::connect_with(&url, &from(address)).await;

    let first = Socket::open(&url, token).await;
    let _second = Socket::open(&url, token).await;
    let Err(third) = Socket::try_open(&url, token).await else { panic!("a third socket of a viewer") };
    assert_eq!(third.code(), Some(1013), "clients come back later: {third:?}");
    drop(first);
    let _again = eventually("a viewer's place is given back", async || Socket::try_open(&url, token).await.ok()).await;

    // The refused socket and the dropped one have places of the process until they are gone.
    let next = async || eventually("there is a place", async || connect("198.51.100.1").await.ok()).await;
    let one = next().await;
    let _more = (next().await, next().await);
    assert_eq!(refused(&url, &from("198.51.100.1")).await, Some(503), "five are open in all");
    drop(one);
    eventually("a place is given back", async || connect("198.51.100.1").await.ok()).await;
    process.stop().await;

    let process = Process::serve("all", &stage.environment_with(&limits[..2])).await;
    let url = process.graphql();
    let mut three = Vec::new();
    for _ in 0..3 {
        three.push(Socket::connect_with(&url, &from("198.51.100.1")).await.expect("within the limit"));
    }
    assert_eq!(refused(&url, &from("198.51.100.1")).await, Some(429), "a fourth of an address");
    assert_eq!(refused(&url, &from("198.51.100.2")).await, None, "another address");
    process.stop().await;
}

/// The code of the `error` that an operation comes to; none if something else comes of it first.
async fn error_of(socket: &mut Socket, id: &str) -> Option<Value> {
    loop {
        match socket.receive("what becomes of it").await {
            Received::Message(message) if message["id"] == id => {
                return (message["type"] == "error").then(|| message["payload"][0]["extensions"]["code"].clone());
            }
            Received::Message(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn operations_are_counted_by_socket_and_viewer_and_one_too_many_closes_nothing() {
    let stage = Stage::new().await;
    let limits = [
        ("MILLRACE_HTTP__OPERATIONS_PER_SOCKET_MAX", "2"),
        ("MILLRACE_HTTP__OPERATIONS_PER_VIEWER_MAX", "3"),
        ("MILLRACE_HTTP__OPERATIONS_PER_ADDRESS_MAX", "1"),
    ];
    let process = Process::serve("all", &stage.environment_with(&limits)).await;
    let (url, client) = (process.graphql(), Client::new(&process.graphql()));
    let ada = client.sign_up("Ada").await;
    let token = ada.client.access_token.as_deref();
    let (mut one, mut other) = (Socket::open(&url, token).await, Socket::open(&url, token).await);
    for (id, code) in [("a", None), ("b", None), ("c", Some(json!("LIMIT_EXCEEDED")))] {
        one.send(subscribe(id)).await.unwrap();
        assert_eq!(error_of(&mut one, id).await, code, "{id} on the first socket");
    }
    for (id, code) in [("a", None), ("b", Some(json!("LIMIT_EXCEEDED")))] {
        other.send(subscribe(id)).await.unwrap();
        assert_eq!(error_of(&mut other, id).await, code, "{id} on the second socket");
    }
    one.send(json!({ "type": "complete", "id": "a" })).await.unwrap();
    one.send(subscribe("d")).await.unwrap();
    assert_eq!(error_of(&mut one, "d").await, None, "there is a place again");
    let mut anonymous = Socket::open(&url, None).await;
    anonymous.send(subscribe("a")).await.unwrap();
    assert_eq!(error_of(&mut anonymous, "a").await, None, "nobody's operations are nobody else's");
    let mut neighbour = Socket::open(&url, None).await;
    neighbour.send(subscribe("a")).await.unwrap();
    assert_eq!(error_of(&mut neighbour, "a").await, Some(json!("LIMIT_EXCEEDED")), "but share their address' places");
    process.stop().await;
}

#[tokio::test]
async fn who_sends_too_fast_is_closed() {
    let stage = Stage::new().await;
    let limits =
        [("MILLRACE_HTTP__SOCKET_MESSAGES_PER_S_MAX", "1"), ("MILLRACE_HTTP__SOCKET_MESSAGES_BURST_MAX", "10")];
    let process = Process::serve("all", &stage.environment_with(&limits)).await;
    // `connection_init` is the first of ten.
    let mut socket = Socket::open(&process.graphql(), None).await;
    let ping = json!({ "type": "ping" });
    for _ in 0..9 {
        socket.send(ping.clone()).await.unwrap();
        assert!(matches!(socket.receive("a pong").await, Received::Message(message) if message["type"] == "pong"));
    }
    // More than a second's worth for each second that the others may have taken.
    let mut pongs = 0;
    let code = loop {
        let _closed = socket.send(ping.clone()).await;
        match socket.receive("a pong, or the end").await {
            Received::Message(_) => pongs += 1,
            other => break other.code(),
        }
    };
    assert_eq!(code, Some(1013), "clients come back later");
    println!("closed after {pongs} more");

    // Pings of the protocol below count as well.
    let mut pinging = Socket::open(&process.graphql(), None).await;
    for _ in 0..FRAMES {
        if pinging.send_frame(Message::Ping(Vec::new().into())).await.is_err() {
            break;
        }
    }
    assert_eq!(closed(&mut pinging, "the end").await, 1013);
    process.stop().await;
}

/// A short text in a frame, masked with zeros.
fn frame_of(message: &Value) -> Vec<u8> {
    frame(0x81, message.to_string().as_bytes())
}

/// The code with which the server closes a socket whose client sends these bytes and then nothing any more, not even pongs.
async fn closed_in_silence(process: &Process, protocol: &str, bytes: &[u8]) -> u16 {
    let address = process.public_address();
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let head = format!(
        "GET /graphql HTTP/1.1\r\nhost: {address}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: {protocol}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("an open connection");
    stream.write_all(bytes).await.expect("an open connection");
    let mut received = Vec::new();
    stream.read_to_end(&mut received).await.expect("the end");
    // The last frame: a close with a code and a reason.
    let close = received.iter().rposition(|byte| *byte == 0x88).expect("a close frame");
    u16::from_be_bytes([received[close + 2], received[close + 3]])
}

#[tokio::test]
async fn a_client_that_answers_no_ping_is_closed() {
    let stage = Stage::new().await;
    // A busy machine may answer a ping late.
    let limits = [("MILLRACE_HTTP__SOCKET_PING_MS", "100"), ("MILLRACE_HTTP__SOCKET_SILENCE_MS_MAX", "8000")];
    let process = Process::serve("all", &stage.environment_with(&limits)).await;
    let mut lively = Socket::open(&process.graphql(), None).await;
    let init = frame_of(&init());
    // Whoever answers pings was here before, and stays.
    let code = tokio::select! {
        code = closed_in_silence(&process, PROTOCOL.1, &init) => code,
        heard = lively.listen() => panic!("{heard:?}"),
    };
    assert_eq!(code, 1001);
    lively.send(json!({ "type": "ping" })).await.unwrap();
    assert!(matches!(lively.receive("a pong").await, Received::Message(message) if message["type"] == "pong"));
    assert_eq!(closed_in_silence(&process, "graphql-ws", &[]).await, 4406, "the older protocol of that name");
    process.stop().await;
}

/// A frame with these bytes, masked with zeros.
fn frame(first: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).expect("a short message");
    [&[first, 0x80 | length, 0, 0, 0, 0], bytes].concat()
}

#[tokio::test]
async fn a_text_that_is_no_utf8_has_a_code_of_its_own() {
    let stage = Stage::new().await;
    let process = stage.serve("all").await;
    let whole = frame(0x81, b"\xc3\x28");
    let over_two_frames = [frame(0x01, b"{\xe2\x82"), frame(0x80, b"\x28")].concat();
    let cut_off = [frame(0x01, b"{"), frame(0x80, b"\xe2\x82")].concat();
    for bytes in [whole, over_two_frames, cut_off] {
        let sent = [frame_of(&init()), bytes].concat();
        assert_eq!(closed_in_silence(&process, PROTOCOL.1, &sent).await, 1007, "{sent:?}");
    }
    let split = [frame(0x01, "{\"é".as_bytes().split_at(3).0), frame(0x80, b"\xa9\":1}")].concat();
    assert_eq!(closed_in_silence(&process, PROTOCOL.1, &split).await, 4400, "good UTF-8, and no message");
    process.stop().await;
}

#[tokio::test]
async fn who_offers_another_protocol_than_sockets_is_answered() {
    let stage = Stage::new().await;
    let process = stage.serve("all").await;
    let url = format!("{}?query=%7B__typename%7D", process.graphql());
    for offered in ["h2c", "TLS/1.0", "foo, bar/2"] {
        let request = reqwest::Client::new().get(&url).header("connection", "upgrade").header("upgrade", offered);
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200, "{offered}");
        assert_eq!(response.json::<Value>().await.expect("JSON")["data"]["__typename"], "Query");
    }
    process.stop().await;
}

#[tokio::test]
async fn only_pages_of_our_own_and_listed_origins_open_sockets() {
    let stage = Stage::new().await;
    let process = stage.serve("all").await;
    let url = process.graphql();
    let own = process.addresses["graphql"].clone();
    let from = async |origin: &str| refused(&url, &[PROTOCOL, ("origin", origin)]).await;
    assert_eq!(from(&own).await, None);
    for origin in ["https://evil.example", "null", "http://127.0.0.1", &format!("{own}.evil.example")] {
        assert_eq!(from(origin).await, Some(403), "{origin}");
    }
    let upgrade = reqwest::Client::new().get(&url).header("connection", "upgrade").header("upgrade", "websocket");
    let upgrade = upgrade.header("sec-websocket-version", "13").header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let refused = upgrade.header("origin", "https://evil.example").header("x-request-id", "mine").send().await;
    let told: Value = refused.expect("an answer").json().await.expect("JSON");
    let extensions = &told["errors"][0]["extensions"];
    assert_eq!((&extensions["code"], &extensions["requestId"]), (&json!("FORBIDDEN"), &json!("mine")), "{told:#}");
    process.stop().await;
}
