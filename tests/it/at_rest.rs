//! Sockets, event streams and subscriptions come and go by the hundreds: whichever way they end, what they took of a process is given back.

use crate::events::Events;
use crate::harness::client::{Client, Person, id_of};
use crate::harness::eventually;
use crate::harness::process::Process;
use crate::harness::socket::{Received, Socket};
use crate::harness::stage::Stage;
use crate::metrics::Metrics;
use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

const SOCKETS: usize = 200;
const PER_SOCKET: usize = 2;
const STREAMS: usize = 100;
const SUBSCRIPTIONS: usize = SOCKETS * PER_SOCKET + STREAMS;
const OPENING_AT_ONCE: usize = 32;
const WAVES: usize = 3;
/// Connections to the servers, and of those who ask for metrics, come and go by themselves: so many tasks, and so many files.
const BY_ITSELF_MAX: usize = 24;
/// Whatever a wave takes that is not given back shows after the others by more than this.
const MEMORY_GROWTH_MAX: u64 = 32 << 20;

const WATCH: &str = "subscription($id: ID!) { postChanged(id: $id) { __typename ... on LiveEvent { cursor } } }";

/// What a process has open, and what it takes for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Taken {
    sockets: usize,
    streams: usize,
    subscriptions: usize,
    listening: usize,
    tasks: usize,
    files: usize,
}

impl Taken {
    async fn by(process: &Process) -> Self {
        let metrics = Metrics::of(process).await;
        let of = |series: &str| metrics.sample(series).unwrap_or_default() as usize;
        Self {
            sockets: of("millrace_sockets_open"),
            streams: of("millrace_event_streams_open"),
            subscriptions: of("millrace_subscriptions_open"),
            listening: of("millrace_live_subscribers{projection=\"content\"}"),
            tasks: of("millrace_tasks"),
            files: process.open_files(),
        }
    }

    fn is_open(self) -> bool {
        let Self { sockets, streams, subscriptions, listening, .. } = self;
        (sockets, streams, subscriptions, listening) == (SOCKETS, STREAMS, SUBSCRIPTIONS, SUBSCRIPTIONS)
    }

    /// True if nothing is open, and no more is taken than before.
    fn is_back_at(self, before: Self) -> bool {
        let Self { sockets, streams, subscriptions, listening, tasks, files } = self;
        (sockets, streams, subscriptions, listening) == (0, 0, 0, 0)
            && tasks <= before.tasks + BY_ITSELF_MAX
            && files <= before.files + BY_ITSELF_MAX
    }
}

/// All that a wave has open.
struct Wave {
    sockets: Vec<Socket>,
    streams: Vec<Events>,
}

impl Wave {
    async fn open(url: &str, post: &Value) -> Self {
        let sockets = stream::iter(0..SOCKETS).map(|_| socket(url, post)).buffer_unordered(OPENING_AT_ONCE);
        let sockets = sockets.collect().await;
        // Connections of its own, which end with it.
        let client = Client::new(url);
        let streams = stream::iter(0..STREAMS).map(|_| events(&client, post)).buffer_unordered(OPENING_AT_ONCE);
        Self { sockets, streams: streams.collect().await }
    }

    /// Some say that they are done, some close, some are cut off.
    async fn leave(self) {
        for (number, mut socket) in self.sockets.into_iter().enumerate() {
            match number % 3 {
                0 => {
                    for id in 0..PER_SOCKET {
                        let complete = json!({ "type": "complete", "id": id.to_string() });
                        socket.send(complete).await.expect("an open socket");
                    }
                }
                1 => socket.send_frame(Message::Close(None)).await.expect("an open socket"),
                _ => {}
            }
        }
    }

    /// The server ends all subscriptions; sockets stay.
    async fn is_ended(&mut self) {
        for socket in &mut self.sockets {
            let mut ended = 0;
            while ended < PER_SOCKET {
                let Received::Message(message) = socket.receive("the end of the post").await else {
                    panic!("no socket")
                };
                match &message["payload"]["data"]["postChanged"]["__typename"] {
                    Value::String(event) => assert_eq!(event, "PostDeleted", "{message:#}"),
                    _ => assert_eq!(message["type"], "complete", "{message:#}"),
                }
                ended += usize::from(message["type"] == "complete");
            }
        }
        for mut events in std::mem::take(&mut self.streams) {
            let last = events.next("the end of the post").await.expect("an event");
            assert_eq!(last.payload()["data"]["postChanged"]["__typename"], "PostDeleted", "{last:?}");
            events.completes().await;
        }
    }
}

async fn socket(url: &str, post: &Value) -> Socket {
    let mut socket = Socket::open(url, None).await;
    for id in 0..PER_SOCKET {
        socket.subscribe(&id.to_string(), WATCH, post.clone()).await;
        let event = socket.event("postChanged", "the snapshot").await;
        assert_eq!(event["__typename"], "PostSnapshot", "{event:#}");
    }
    socket
}

async fn events(client: &Client, post: &Value) -> Events {
    let request = client.http.post(&client.url).json(&json!({ "query": WATCH, "variables": post }));
    let mut events = Events::open(request).await;
    events.next("the snapshot").await.expect("an event");
    events
}

async fn write(author: &Person) -> Value {
    let post = json!({ "title": "Watched", "body": "Words." });
    json!({ "id": id_of(&author.client.command("createPost", post, "post { id }").await) })
}

/// Waits until a process has taken so much.
async fn takes(process: &Process, what: &str, is_so: impl Fn(Taken) -> bool) -> Taken {
    eventually(what, || async {
        let taken = Taken::by(process).await;
        println!("{what}: {taken:?}");
        Some(taken).filter(|taken| is_so(*taken))
    })
    .await
}

#[tokio::test]
async fn what_is_closed_leaves_nothing_behind() {
    let stage = Stage::new().await;
    // A socket is not read while others are opened, and so answers no pings.
    let limits = [("MILLRACE_HTTP__SOCKET_SILENCE_MS_MAX", "600000")];
    let process = Process::serve("all", &stage.environment_with(&limits)).await;
    let (url, client) = (process.graphql(), Client::new(&process.graphql()));
    let ada = client.sign_up("Ada").await;
    let post = write(&ada).await;
    Wave::open(&url, &post).await.leave().await;
    let warm = takes(&process, "nothing is open", |taken| (taken.sockets, taken.streams, taken.listening) == (0, 0, 0));
    let (warm, memory) = (warm.await, process.memory());

    for wave in 0..WAVES {
        let open = Wave::open(&url, &post).await;
        let taken = takes(&process, "all are open", Taken::is_open).await;
        assert!(taken.tasks >= warm.tasks + SOCKETS && taken.files >= warm.files + SOCKETS, "{taken:?} over {warm:?}");
        open.leave().await;
        let left = takes(&process, "all is given back", |taken| taken.is_back_at(warm)).await;
        println!(
            "wave {wave}: {taken:?}, then {left:?}; memory {} MiB, before {} MiB",
            process.memory() >> 20,
            memory >> 20
        );
    }

    let mut open = Wave::open(&url, &post).await;
    ada.client.command("deletePost", json!({ "postId": post["id"] }), "").await;
    open.is_ended().await;
    let is_ended =
        |taken: Taken| (taken.sockets, taken.streams, taken.subscriptions, taken.listening) == (SOCKETS, 0, 0, 0);
    takes(&process, "the server has ended all subscriptions", is_ended).await;
    drop(open);
    takes(&process, "all is given back", |taken| taken.is_back_at(warm)).await;
    let grown = process.memory().saturating_sub(memory);
    assert!(grown < MEMORY_GROWTH_MAX, "{grown} bytes more than before");
    process.stop().await;
}
