//! Random sequences of frames on a socket, against an oracle that knows the protocol's close codes and nothing of our code.
//!
//! Ten thousand sequences go through the pure state, some hundreds over real sockets to a real process.

use crate::harness::client::Client;
use crate::harness::socket::{Received, Socket};
use crate::harness::stage::Stage;
use crate::load::Dice;
use futures_util::StreamExt;
use futures_util::stream;
use millrace::http::protocol::{SocketState, Step, Turn};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tokio_tungstenite::tungstenite::Message;

const SEQUENCES: u64 = 20_000;
const FRAMES_MAX: usize = 24;
const REAL_SEQUENCES: u64 = 400;
const REAL_AT_ONCE: usize = 8;
const OPERATIONS_MAX: usize = 3;
const IDS: &[&str] = &["a", "b", "c", "d", "e"];
/// Stays open as long as nobody ends it: there is no such post, but there may be one.
const WATCH: &str = "subscription { postChanged(id: \"AgAAAAAAAAAAAAAAAAAAAAA\") { __typename } }";

/// What a client may do.
#[derive(Debug, Clone, PartialEq)]
enum Frame {
    /// `connection_init`; a good one has no token or a good one.
    Init {
        is_good: bool,
    },
    /// `subscribe` with an operation that stays open.
    Subscribe(&'static str),
    /// `complete`.
    Complete(&'static str),
    Ping,
    Pong,
    /// A text that is no message.
    Junk(String),
    Binary,
    /// Not the client's: the server ends an operation. Only where no server does.
    Ended(&'static str),
    /// Not the client's either: an operation that had this id before ends now, too late.
    EndedLate(&'static str),
}

/// What has to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Nothing,
    /// The operation begins.
    Begins,
    /// The operation is refused with `error`, and the socket stays.
    Refused,
    /// The socket is closed.
    Closed(u16),
}

/// The protocol, as its text has it: who has said what so far.
#[derive(Debug, Default)]
struct Oracle {
    has_sent_init: bool,
    open: BTreeSet<&'static str>,
    /// Ids whose last operation was not ended by the client: what it says is wanted.
    wanted: BTreeSet<&'static str>,
}

impl Oracle {
    fn due(&mut self, frame: &Frame) -> Due {
        match frame {
            Frame::Junk(_) | Frame::Binary => Due::Closed(4400),
            Frame::Init { .. } if self.has_sent_init => Due::Closed(4429),
            Frame::Init { is_good: false } => Due::Closed(4403),
            Frame::Init { is_good: true } => {
                self.has_sent_init = true;
                Due::Nothing
            }
            Frame::Subscribe(_) if !self.has_sent_init => Due::Closed(4401),
            Frame::Subscribe(id) if self.open.contains(id) => Due::Closed(4409),
            Frame::Subscribe(_) if self.open.len() == OPERATIONS_MAX => Due::Refused,
            Frame::Subscribe(id) => {
                self.open.insert(id);
                self.wanted.insert(id);
                Due::Begins
            }
            Frame::Complete(id) => {
                self.open.remove(id);
                self.wanted.remove(id);
                Due::Nothing
            }
            Frame::Ended(id) => {
                self.open.remove(id);
                Due::Nothing
            }
            Frame::Ping | Frame::Pong | Frame::EndedLate(_) => Due::Nothing,
        }
    }
}

impl Frame {
    /// Mostly what a client would do, so that sequences are long.
    fn any(dice: &mut Dice) -> Self {
        let id = IDS[dice.below(IDS.len())];
        match dice.below(40) {
            0 => Self::Init { is_good: dice.below(4) > 0 },
            1 => Self::Binary,
            2 => Self::Junk(junk(dice)),
            3..18 => Self::Subscribe(id),
            18..32 => Self::Complete(id),
            32..34 => Self::Ended(id),
            34 => Self::EndedLate(id),
            35..38 => Self::Ping,
            _ => Self::Pong,
        }
    }

    fn sequence(seed: u64) -> Vec<Self> {
        let mut dice = Dice::new(seed);
        let first = match dice.below(12) {
            0 => None,
            begins => Some(Self::Init { is_good: begins > 1 }),
        };
        let length = 1 + dice.below(FRAMES_MAX);
        first.into_iter().chain((0..length).map(|_| Self::any(&mut dice))).collect()
    }

    fn text(&self) -> String {
        let message = match self {
            Self::Junk(text) => return text.clone(),
            Self::Init { is_good: true } => {
                json!({ "type": "connection_init", "payload": { "user": { "role": "ADMIN" } } })
            }
            Self::Init { is_good: false } => {
                json!({ "type": "connection_init", "payload": { "Authorization": "Bearer not.a.token" } })
            }
            Self::Subscribe(id) => json!({ "type": "subscribe", "id": id, "payload": { "query": WATCH } }),
            Self::Complete(id) => json!({ "id": id, "type": "complete", "beside": 1 }),
            Self::Ping => json!({ "type": "ping", "payload": { "n": 1 } }),
            Self::Pong => json!({ "type": "pong", "payload": null }),
            Self::Binary | Self::Ended(_) | Self::EndedLate(_) => Value::Null,
        };
        message.to_string()
    }

    fn message(&self) -> Message {
        match self {
            Self::Binary => Message::binary(vec![1, 2, 3]),
            frame => Message::text(frame.text()),
        }
    }
}

/// A message of the protocol with one thing wrong in it, or no JSON at all.
fn junk(dice: &mut Dice) -> String {
    let whole = json!({ "type": "subscribe", "id": "a", "payload": { "query": WATCH } });
    let wrong = [
        ("/type", json!("start")),
        ("/type", json!("next")),
        ("/type", json!("connection_ack")),
        ("/type", json!(null)),
        ("/id", json!(1)),
        ("/id", json!("")),
        ("/id", json!(null)),
        ("/id", json!("x".repeat(129))),
        ("/payload", json!(null)),
        ("/payload", json!("text")),
        ("/payload", json!({})),
        ("/payload", json!({ "query": 1 })),
        ("/payload", json!({ "query": WATCH, "variables": "text" })),
        ("/payload", json!({ "query": WATCH, "operationName": 1 })),
        ("/payload", json!({ "query": WATCH, "extensions": [] })),
    ];
    let text = whole.to_string();
    match dice.below(4) {
        0 => text[..dice.below(text.len())].to_owned(),
        1 => ["[]", "null", "1", "\"ping\"", "{}", "{\"type\":{}}", "\u{0}", "ping"][dice.below(8)].to_owned(),
        _ => {
            let (place, value) = &wrong[dice.below(wrong.len())];
            let mut message = whole;
            *message.pointer_mut(place).expect("a place") = value.clone();
            message.to_string()
        }
    }
}

/// All operations that began under an id, in their order.
type Turns = BTreeMap<String, Vec<Turn>>;

/// What the state does with a frame, in the oracle's words.
fn taken(state: &mut SocketState, turns: &mut Turns, frame: &Frame) -> Due {
    let turns_of = |id: &str| turns.get(id).map(|turns| turns.as_slice()).unwrap_or_default();
    if let Frame::Ended(id) = frame {
        if let Some(turn) = turns_of(id).last() {
            state.end(id, turn);
        }
        return Due::Nothing;
    }
    if let Frame::EndedLate(id) = frame {
        let earlier = turns_of(id).split_last().map(|(_, earlier)| earlier).unwrap_or_default();
        assert!(!earlier.iter().any(|turn| state.end(id, turn)), "an end that came too late was taken");
        return Due::Nothing;
    }
    if *frame == Frame::Binary {
        // Whoever reads the socket refuses it: the state is handed texts only.
        return Due::Closed(4400);
    }
    match state.receive(&frame.text()) {
        Err(close) => Due::Closed(close.code),
        Ok(Step::Begin(id, turn, _)) => {
            turns.entry(id).or_default().push(turn);
            Due::Begins
        }
        Ok(Step::Refuse(_)) => Due::Refused,
        Ok(Step::Init(_)) if *frame == (Frame::Init { is_good: false }) => Due::Closed(4403),
        Ok(Step::Init(_)) => {
            state.acknowledge();
            Due::Nothing
        }
        Ok(Step::Nothing | Step::Stop(_) | Step::Pong(_)) => Due::Nothing,
    }
}

/// What an operation says is sent exactly as long as its client has not ended it, whatever has its id by then.
fn says_what_is_wanted(turns: &Turns, oracle: &Oracle, id: &str) -> bool {
    let Some((last, _)) = turns.get(id).and_then(|turns| turns.split_last()) else { return true };
    last.is_withdrawn() != oracle.wanted.contains(id)
}

#[test]
fn whatever_a_client_sends_the_state_does_what_the_protocol_says() {
    let mut closed = std::collections::BTreeMap::<u16, usize>::new();
    for seed in 0..SEQUENCES {
        let (mut oracle, mut state) = (Oracle::default(), SocketState::new(OPERATIONS_MAX));
        let (mut turns, sequence) = (Turns::new(), Frame::sequence(seed));
        for (place, frame) in sequence.iter().enumerate() {
            let due = oracle.due(frame);
            assert_eq!(taken(&mut state, &mut turns, frame), due, "seed {seed}, frame {place} of {sequence:#?}");
            for id in IDS {
                assert_eq!(state.is_open(id), oracle.open.contains(id), "{id}: seed {seed}, frame {place}");
                assert!(says_what_is_wanted(&turns, &oracle, id), "{id}: seed {seed}, frame {place} of {sequence:#?}");
            }
            if let Due::Closed(code) = due {
                *closed.entry(code).or_default() += 1;
                break;
            }
        }
    }
    println!("{SEQUENCES} sequences; closed with {closed:?}");
    for code in [4400, 4401, 4403, 4409, 4429] {
        assert!(closed[&code] > 100, "{code} is hardly met: {closed:?}");
    }
}

#[tokio::test]
async fn a_real_socket_is_closed_with_the_same_codes() {
    let stage = Stage::new().await.with("MILLRACE_HTTP__OPERATIONS_PER_SOCKET_MAX", &OPERATIONS_MAX.to_string());
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    ada.client.command("createPost", json!({ "title": "A", "body": "B" }), "post { id }").await;
    let url = process.graphql();
    let codes = stream::iter(0..REAL_SEQUENCES).map(|seed| tokio::spawn(play(url.clone(), seed)));
    let codes: Vec<Option<u16>> = codes.buffer_unordered(REAL_AT_ONCE).map(|played| played.unwrap()).collect().await;
    for code in [4400, 4401, 4403, 4409, 4429] {
        assert!(codes.contains(&Some(code)), "{code} was never met");
    }
    let open = codes.iter().filter(|code| code.is_none()).count();
    println!("{REAL_SEQUENCES} sequences over real sockets, {open} of them stay open to the end");
    // It has come to no harm.
    assert_eq!(Client::new(&url).ask("{ viewer { roles } }", json!({})).await, json!({ "viewer": null }));
    process.stop().await;
}

/// Sends a sequence up to the frame that should close the socket; answers the code.
async fn play(url: String, seed: u64) -> Option<u16> {
    let mut socket = Socket::connect(&url).await.expect("a socket");
    let (mut oracle, mut due) = (Oracle::default(), Due::Nothing);
    let frames =
        Frame::sequence(seed).into_iter().filter(|frame| !matches!(frame, Frame::Ended(_) | Frame::EndedLate(_)));
    for frame in frames {
        due = oracle.due(&frame);
        socket.send_frame(frame.message()).await.expect("a socket that is open");
        if matches!(due, Due::Closed(_)) {
            break;
        }
    }
    let Due::Closed(code) = due else {
        is_open(&mut socket, seed).await;
        return None;
    };
    loop {
        match socket.receive("the close").await {
            Received::Message(_) => {}
            other => break assert_eq!(other.code(), Some(code), "seed {seed}: {:#?}", Frame::sequence(seed)),
        }
    }
    Some(code)
}

async fn is_open(socket: &mut Socket, seed: u64) {
    socket.send(json!({ "type": "ping", "payload": { "last": seed } })).await.expect("a socket that is open");
    loop {
        match socket.receive("the last pong").await {
            Received::Message(message) if message["payload"]["last"] == seed => return,
            Received::Message(_) => {}
            other => panic!("seed {seed}: {other:?}: {:#?}", Frame::sequence(seed)),
        }
    }
}
