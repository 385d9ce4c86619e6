//! Live updates: one change on its way to ten thousand subscribers, and how fast sockets are opened. There is nothing bare to compare
//! with, so these are figures of this machine, beside the processor time that the server used for them.

use crate::error::BenchError;
use crate::http::{Connection, graphql};
use crate::measure::visible::{add_comment_body, is_accepted};
use crate::plan::{FAN_OUT_AT_ONCE, FAN_OUT_PER_SOCKET, FAN_OUT_SUBSCRIBERS, PATIENCE, Plan};
use crate::process::Process;
use crate::statistics::Samples;
use crate::table::{Row, Section};
use crate::tokens::Tokens;
use crate::world::ids;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use futures_util::{SinkExt, future};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const PROTOCOL: &str = "graphql-transport-ws";
const INIT: &str = r#"{"type":"connection_init"}"#;
const NEXT: &str = r#"{"type":"next","#;
/// The post that everybody watches, and whoever comments on it.
const POST: u32 = 0;
const AUTHOR: u32 = 0;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Opens sockets, then subscribes on all of them, then comments.
pub async fn run(all: &Process, tokens: &Tokens, plan: &Plan) -> Result<Section, BenchError> {
    let address = all.address("graphql")?.to_owned();
    let count = FAN_OUT_SUBSCRIBERS / FAN_OUT_PER_SOCKET;
    let (began, cpu) = (Instant::now(), all.cpu()?);
    let opening = stream::iter(0..count).map(|_| open(&address)).buffer_unordered(FAN_OUT_AT_ONCE);
    let sockets: Vec<Socket> = opening.try_collect().await?;
    let (opened, opening_cpu) = (began.elapsed(), all.cpu()? - cpu);
    // Each subscription begins with a snapshot of its own out of MongoDB, so they come one after the other.
    let subscribing = stream::iter(sockets).map(subscribe).buffer_unordered(FAN_OUT_AT_ONCE);
    let mut sockets: Vec<Socket> = subscribing.try_collect().await?;

    let mut connection = Connection::open(&address).await?;
    let (mut arrivals, mut lasts) = (Samples::default(), Samples::default());
    let cpu = all.cpu()?;
    for round in 0..plan.fan_out_rounds {
        let sent = Instant::now();
        let commenting = comment(&mut connection, tokens, round);
        let taking = future::try_join_all(sockets.iter_mut().map(|socket| take(socket, sent)));
        let (times, ()) = future::try_join(taking, commenting).await?;
        let times: Vec<Duration> = times.into_iter().flatten().collect();
        lasts.push_ms(times.iter().max().copied().unwrap_or_default());
        times.into_iter().for_each(|time| arrivals.push_ms(time));
    }
    let per_frame = (all.cpu()? - cpu).as_secs_f64() * 1e6 / arrivals.len() as f64;
    let figures = Figures { count, opened, opening_cpu, arrivals, lasts, per_frame };
    Ok(figures.section(plan))
}

struct Figures {
    count: usize,
    opened: Duration,
    opening_cpu: Duration,
    arrivals: Samples,
    lasts: Samples,
    per_frame: f64,
}

impl Figures {
    fn section(&self, plan: &Plan) -> Section {
        let row = |what: &str, ours: String| Row { what: what.into(), ours, ..Row::default() };
        let (p50, p99) = (self.arrivals.median(), self.arrivals.percentile(99.0));
        let opening_cpu = self.opening_cpu.as_secs_f64() * 1e6 / self.count as f64;
        let rows = vec![
            row("ms from addComment sent to a frame's arrival, p50 / p99", format!("{p50:.1} / {p99:.1}")),
            row("  to the last frame's arrival, p50", format!("{:.1}", self.lasts.median())),
            row("  µs of the server's CPU for each frame", format!("{:.1}", self.per_frame)),
            row("sockets opened in a second", format!("{:.0}", self.count as f64 / self.opened.as_secs_f64())),
            row("  µs of the server's CPU for each", format!("{opening_cpu:.0}")),
        ];
        let remarks = vec![
            format!(
                "{} changes, each to {FAN_OUT_SUBSCRIBERS} subscribers on {} sockets; one thread takes all frames, on the same cores",
                plan.fan_out_rounds, self.count
            ),
            format!("a socket is open when `connection_ack` is there; {FAN_OUT_AT_ONCE} are opened at once"),
        ];
        Section { title: "One change to ten thousand subscribers".into(), rows, remarks }
    }
}

fn failed(what: &'static str) -> impl FnOnce(tokio_tungstenite::tungstenite::Error) -> BenchError {
    move |error| BenchError::io(what)(std::io::Error::other(error))
}

async fn open(address: &str) -> Result<Socket, BenchError> {
    let url = format!("{}/graphql", address.replacen("http", "ws", 1));
    let mut request = url.into_client_request().map_err(failed("a socket's address"))?;
    request.headers_mut().insert("sec-websocket-protocol", axum::http::HeaderValue::from_static(PROTOCOL));
    let (mut socket, _) = connect_async(request).await.map_err(failed("opening a socket"))?;
    socket.send(Message::text(INIT)).await.map_err(failed("writing to a socket"))?;
    read(&mut socket).await?;
    Ok(socket)
}

/// Subscribes as often as is planned, and waits for the snapshots.
async fn subscribe(mut socket: Socket) -> Result<Socket, BenchError> {
    let post = ids::post(POST).to_global();
    for id in 0..FAN_OUT_PER_SOCKET {
        let text = format!(
            r#"{{"type":"subscribe","id":"{id}","payload":{{"query":"subscription {{ postChanged(id: \"{post}\") {{ ... on LiveEvent {{ cursor position }} ... on PostChanged {{ post {{ title commentCount author {{ fullName }} }} }} }} }}"}}}}"#
        );
        socket.send(Message::text(text)).await.map_err(failed("writing to a socket"))?;
    }
    for _ in 0..FAN_OUT_PER_SOCKET {
        next(&mut socket).await?;
    }
    Ok(socket)
}

/// How long after `since` each of a socket's frames of one change came.
async fn take(socket: &mut Socket, since: Instant) -> Result<Vec<Duration>, BenchError> {
    let mut times = Vec::with_capacity(FAN_OUT_PER_SOCKET);
    for _ in 0..FAN_OUT_PER_SOCKET {
        next(socket).await?;
        times.push(since.elapsed());
    }
    Ok(times)
}

/// An event. Whatever else is said means that the server does not do what is measured.
async fn next(socket: &mut Socket) -> Result<(), BenchError> {
    let text = read(socket).await?;
    if text.starts_with(NEXT) {
        return Ok(());
    }
    Err(BenchError::Answer { from: "a subscription".into(), status: 0, body: text })
}

async fn read(socket: &mut Socket) -> Result<String, BenchError> {
    loop {
        let frame = timeout(PATIENCE, socket.next()).await.map_err(|_| BenchError::TooSlow("a frame".into()))?;
        match frame.ok_or(BenchError::Missing("a frame of a socket"))?.map_err(failed("reading a socket"))? {
            Message::Text(text) => return Ok(text.as_str().to_owned()),
            Message::Close(frame) => {
                let body = format!("closed: {frame:?}");
                return Err(BenchError::Answer { from: "a socket".into(), status: 0, body });
            }
            _ => {}
        }
    }
}

async fn comment(connection: &mut Connection, tokens: &Tokens, round: usize) -> Result<(), BenchError> {
    let mut request = Vec::new();
    graphql(Some(tokens.of(AUTHOR)), &add_comment_body(POST, &format!("round {round}")), &mut request);
    let answer = connection.send(&request).await?;
    if is_accepted(answer.body) { Ok(()) } else { Err(answer.unexpected("addComment")) }
}
