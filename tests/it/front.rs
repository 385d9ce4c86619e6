//! The front door: slow clients, those who guess passwords, and how it is closed.

use crate::checker::books;
use crate::harness::client::{Client, PASSWORD, Person, mutation};
use crate::harness::cluster::free_address;
use crate::harness::eventually;
use crate::harness::process::Process;
use crate::harness::socket::{Received, Socket};
use crate::harness::stage::Stage;
use millrace::documents::trusted::sha256;
use sea_orm::Database;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn connect(process: &Process) -> TcpStream {
    TcpStream::connect(process.public_address()).await.expect("a connection")
}

/// Everything that comes until the server closes.
async fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    let _reset = stream.read_to_string(&mut text).await;
    text
}

#[tokio::test]
async fn slow_heads_and_bodies_are_given_up() {
    let stage = Stage::new().await;
    let limits = [("MILLRACE_HTTP__HEAD_MS_MAX", "100"), ("MILLRACE_HTTP__BODY_MS_MAX", "100")];
    let process = Process::serve("all", &stage.environment_with(&limits)).await;

    let mut slow_head = connect(&process).await;
    slow_head.write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\n").await.unwrap();
    assert_eq!(rest(slow_head).await, "", "closed without an answer");

    let mut slow_body = connect(&process).await;
    let head = "POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    slow_body.write_all(head.as_bytes()).await.unwrap();
    let answer = rest(slow_body).await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("\"TIMEOUT\""), "{answer}");

    // A socket sends no heads any more.
    let mut socket = Socket::open(&process.graphql(), None).await;
    for _ in 0..5 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        socket.send(json!({ "type": "ping" })).await.unwrap();
        assert!(matches!(socket.receive("a pong").await, Received::Message(message) if message["type"] == "pong"));
    }
    process.stop().await;
}

/// So many requests are answered with far more than lies between a server and a client who takes nothing: their buffers have 4 MiB.
const UNREAD: usize = 24;
/// Four bytes each, as many as a post may have.
const LETTERS: usize = 20_000;
/// So often a query asks for it.
const COPIES: usize = 10;

/// A query whose answer has most of a megabyte.
async fn long_query(stage: &Stage) -> Value {
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    let input = json!({ "title": "A", "body": "🂡".repeat(LETTERS) });
    let id = ada.client.command("createPost", input, "post { id }").await["post"]["id"].clone();
    process.stop().await;
    let again: String = (0..COPIES).map(|n| format!("a{n}: post(id: {id}) {{ body }} ")).collect();
    json!({ "query": format!("{{ {again} }}") })
}

#[tokio::test]
async fn who_takes_nothing_of_its_answers_gives_its_place_back() {
    let stage = Stage::new().await;
    let query = long_query(&stage).await;
    let limits = [
        ("MILLRACE_HTTP__WRITE_MS_MAX", "300"),
        ("MILLRACE_HTTP__CONNECTIONS_MAX", "1"),
        ("MILLRACE_HTTP__SOCKETS_MAX", "1"),
        // Nothing else gives the connection's place back while this test waits. A socket's is given back after silence: what its client does
        // not take keeps it from answering pings.
        ("MILLRACE_HTTP__IDLE_MS_MAX", "600000"),
        ("MILLRACE_HTTP__SOCKET_PING_MS", "1000"),
        ("MILLRACE_HTTP__SOCKET_SILENCE_MS_MAX", "8000"),
    ];
    let process = Process::serve("all", &stage.environment_with(&limits)).await;

    let mut slow = connect(&process).await;
    let body = query.to_string();
    let head = "POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ";
    let requests = format!("{head}{}\r\n\r\n{body}", body.len()).repeat(UNREAD);
    slow.write_all(requests.as_bytes()).await.unwrap();
    let mut begin = [0; 12];
    slow.read_exact(&mut begin).await.unwrap();
    assert_eq!(&begin, b"HTTP/1.1 200");

    let mut socket = eventually("the connection's place is given back", async || {
        Socket::try_open(&process.graphql(), None).await.ok()
    })
    .await;
    let mut taken = Vec::new();
    let _reset = slow.read_to_end(&mut taken).await;
    assert!(taken.len() < UNREAD * COPIES * LETTERS * 4, "it was cut off");

    for n in 0..UNREAD {
        let payload = json!({ "type": "subscribe", "id": n.to_string(), "payload": query });
        socket.send(payload).await.unwrap();
    }
    eventually("the socket's place is given back", async || Socket::try_open(&process.graphql(), None).await.ok())
        .await;
    process.stop().await;
}

/// Whoever sent it has hung up, so nothing but the drain waits for the command.
#[tokio::test]
async fn at_shutdown_a_command_that_nobody_waits_for_any_more_comes_to_its_end() {
    const STALL: (&str, &str) = ("MILLRACE_FAIL_POINTS", "command.handled(createPost)=stall:7000");
    const UNDER_WAY: &str = "SELECT count(*) AS n FROM pg_stat_activity
        WHERE datname = current_database() AND state = 'idle in transaction' AND state_change < clock_timestamp() - interval '0.5 s'";
    let stage = Stage::new().await;
    let process = Process::serve("all", &stage.environment_with(&[STALL])).await;
    let ada = Client::new(&process.graphql()).sign_up("Ada").await;
    let database = Database::connect(stage.variable("MILLRACE_POSTGRES__URL")).await.expect("PostgreSQL");
    let caller =
        tokio::spawn(async move { ada.client.command("createPost", json!({ "title": "A", "body": "B" }), "").await });
    eventually("the command is under way", async || (books::number(&database, UNDER_WAY).await > 0).then_some(()))
        .await;
    caller.abort();
    process.stop().await;
    assert_eq!(books::number(&database, "SELECT count(*) AS n FROM log WHERE name = 'post.created'").await, 1);
}

#[tokio::test]
async fn at_shutdown_requests_are_answered_sockets_are_told_and_operators_see_it() {
    // The request is under way for so long, and must not be cut off meanwhile.
    let stage = Stage::new().await.with("MILLRACE_HTTP__CONSISTENCY_WAIT_MS_MAX", "10000");
    let stage = stage.with("MILLRACE_HTTP__DRAIN_MS_MAX", "30000");
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    let payload = ada.client.command("createPost", json!({ "title": "A", "body": "B" }), "").await;
    let token = payload["receipt"]["consistencyToken"].as_str().expect("a token");
    let future = format!("{}:999999", token.rsplit_once(':').expect("a position").0);
    let mut socket = Socket::open(&process.graphql(), None).await;
    let post = json!({ "id": payload["receipt"]["aggregateId"] });
    socket.subscribe("1", "subscription($id: ID!) { postChanged(id: $id) { __typename } }", post).await;
    assert!(matches!(socket.receive("a snapshot").await, Received::Message(message) if message["type"] == "next"));

    // It waits for a position that never comes, and so is under way when the process is told to stop; that it has come shows by its text,
    // which is kept for its hash.
    let query = "{ posts(first: 1) { nodes { id } } }";
    let extensions = json!({ "persistedQuery": { "version": 1, "sha256Hash": sha256(query) } });
    let body = json!({ "query": query, "extensions": extensions });
    let waiting = reqwest::Client::new().post(&client.url).header("millrace-consistency", &future).json(&body).send();
    let waiting = tokio::spawn(waiting);
    let operations = process.operations().to_owned();
    eventually("the request has come", async || {
        let text = reqwest::get(format!("{operations}/metrics")).await.ok()?.text().await.ok()?;
        text.contains("millrace_documents_total{what=\"kept\"} 1").then_some(())
    })
    .await;
    let told = async || {
        let response = reqwest::get(format!("{operations}/readyz")).await.ok()?;
        let text = response.text().await.ok()?;
        text.contains("shutting down").then_some(())
    };
    let url = process.graphql();
    let (_, (), closed, refused) = tokio::join!(
        process.stop(),
        eventually("operators are told that it shuts down", told),
        async {
            loop {
                match socket.receive("the end").await {
                    Received::Closed(code) => return code,
                    Received::Message(message) if message["type"] == "next" => {}
                    other => panic!("{other:?}: a subscription that is completed is not taken up again"),
                }
            }
        },
        eventually("no more connections are taken", async || reqwest::get(&url).await.err().map(|_| ())),
    );
    assert_eq!((closed, refused), (1001, ()));
    let answer: Value = waiting.await.unwrap().expect("an answer").json().await.expect("JSON");
    assert_eq!(answer["errors"][0]["extensions"]["code"], "CONSISTENCY_TIMEOUT", "{answer:#}");
}

/// Signs in from an address; answers the code of the refusal, none if it was accepted.
async fn sign_in(client: &Client, email: &str, password: &str, from: &str) -> Option<Value> {
    let input = json!({ "input": { "email": email, "password": password } });
    let answer = client.send(&mutation("signIn", ""), input, &[("x-forwarded-for", from)]).await.expect("an answer");
    if let Some(error) = answer.body["errors"].get(0) {
        let extensions = &error["extensions"];
        let seconds = extensions["retryAfter"].as_u64().expect("when to come back");
        assert!((1..=15 * 60).contains(&seconds) && extensions["limit"] == "failed sign-ins", "{extensions:#}");
        return Some(extensions["code"].clone());
    }
    answer.body["data"]["signIn"]["errors"].get(0).map(|error| error["code"].clone())
}

async fn wrong(client: &Client, email: &str, from: &str) -> Option<Value> {
    sign_in(client, email, "not the password", from).await
}

/// The password was looked at, and is wrong.
fn compared() -> Option<Value> {
    Some(json!("INVALID_CREDENTIALS"))
}

fn rate_limited() -> Option<Value> {
    Some(json!("RATE_LIMITED"))
}

#[tokio::test]
async fn guessing_passwords_is_bounded_and_locks_nobody_out() {
    let stage = Stage::new().await;
    let command = free_address();
    let command_url = format!("http://{command}");
    let more = [
        ("MILLRACE_COMMAND__LISTEN", command.as_str()),
        ("MILLRACE_COMMAND__URL", &command_url),
        ("MILLRACE_HTTP__TRUSTED_PROXIES", "127.0.0.0/8"),
        ("MILLRACE_ATTEMPTS__SIGN_INS_PER_ACCOUNT_AND_ADDRESS_MAX", "2"),
        ("MILLRACE_ATTEMPTS__SIGN_INS_PER_ADDRESS_MAX", "3"),
        ("MILLRACE_ATTEMPTS__SIGN_INS_PER_ACCOUNT_MAX", "4"),
        ("MILLRACE_ATTEMPTS__SIGN_INS_MAX", "9"),
    ];
    let environment = stage.environment_with(&more);
    let (relay, projector) = (stage.serve("relay").await, stage.serve("projector").await);
    let (command, query) = (Process::serve("command", &environment).await, Process::serve("query", &environment).await);
    let client = Client::new(&query.graphql());
    let Person { email, .. } = client.sign_up("Ada").await;
    assert_eq!(sign_in(&client, &email, PASSWORD, "198.51.100.1").await, None);

    for _ in 0..2 {
        assert_eq!(wrong(&client, &email, "198.51.100.2").await, compared());
    }
    let from_there = sign_in(&client, &email, PASSWORD, "198.51.100.2").await;
    assert_eq!(from_there, rate_limited(), "per account and address");
    assert_eq!(sign_in(&client, &email, PASSWORD, "198.51.100.3").await, None);

    for n in 0..3 {
        assert_eq!(wrong(&client, &format!("{n}@example.org"), "198.51.100.4").await, compared());
    }
    assert_eq!(wrong(&client, "3@example.org", "198.51.100.4").await, rate_limited(), "per address");
    assert_eq!(wrong(&client, "3@example.org", "1.1.1.1, 198.51.100.4").await, rate_limited(), "whatever it invents");

    for stranger in 1..=2 {
        assert_eq!(wrong(&client, &email, &format!("203.0.113.{stranger}")).await, compared());
    }
    assert_eq!(wrong(&client, &email, "203.0.113.3").await, rate_limited(), "per account, from ever new addresses");
    assert_eq!(sign_in(&client, &email, PASSWORD, "203.0.113.4").await, rate_limited());
    for n in 1..=2 {
        assert_eq!(wrong(&client, &format!("{n}@example.org"), &format!("192.0.2.{n}")).await, compared());
    }
    assert_eq!(wrong(&client, "3@example.org", "192.0.2.3").await, rate_limited(), "the tenth in all");
    let at_home = sign_in(&client, &email, PASSWORD, "198.51.100.1").await;
    assert_eq!(at_home, None, "the owner gets in where they did before");
    for process in [query, command, projector, relay] {
        process.stop().await;
    }
}

#[tokio::test]
async fn a_client_cannot_choose_its_address() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    for n in 0..5 {
        assert_eq!(wrong(&client, &ada.email, &format!("198.51.100.{n}")).await, compared());
    }
    assert_eq!(wrong(&client, &ada.email, "198.51.100.9").await, rate_limited());
    process.stop().await;
}
