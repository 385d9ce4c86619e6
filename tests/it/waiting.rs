//! A query that waits for a position is the same on a socket as over HTTP: it has a place of its viewer's, and ends with the same error.

use crate::harness::client::{Client, Person};
use crate::harness::process::Process;
use crate::harness::socket::{Received, Socket};
use crate::harness::stage::Stage;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const QUERY: &str = "{ posts(first: 1) { nodes { id } } }";
/// So many reads may wait at once, and so many of one viewer.
const WAITING_MAX: usize = 6;
const WAITING_PER_VIEWER_MAX: usize = 4;
/// Fewer than operations may be open on one.
const ON_EACH_SOCKET: usize = 24;

/// A token of a position that never comes.
async fn future(ada: &Person) -> String {
    let payload = ada.client.command("createPost", json!({ "title": "A", "body": "B" }), "").await;
    let token = payload["receipt"]["consistencyToken"].as_str().expect("a token");
    format!("{}:999999", token.rsplit_once(':').expect("a position").0)
}

/// Asks so often at once. The socket is answered only later.
async fn ask(process: &Process, access_token: Option<&str>, future: &str) -> Socket {
    let mut socket = Socket::open(&process.graphql(), access_token).await;
    for n in 0..ON_EACH_SOCKET {
        let extensions = json!({ "millrace": { "consistency": future } });
        let payload = json!({ "query": QUERY, "extensions": extensions });
        socket.send(json!({ "type": "subscribe", "id": n.to_string(), "payload": payload })).await.expect("sent");
    }
    socket
}

/// The codes of all answers, and how often each came. Who may not wait is told this limit.
async fn codes(sockets: Vec<Socket>, limit: &str, max: usize) -> BTreeMap<String, usize> {
    let mut codes = BTreeMap::new();
    for mut socket in sockets {
        for _ in 0..ON_EACH_SOCKET {
            let told = answer(&mut socket).await["errors"][0]["extensions"].clone();
            if told["code"] == "LIMIT_EXCEEDED" {
                assert_eq!((&told["limit"], &told["max"]), (&json!(limit), &json!(max)), "{told:#}");
            }
            *codes.entry(told["code"].as_str().expect("a code").to_owned()).or_default() += 1;
        }
    }
    codes
}

/// As many waited as may, and the others were refused.
fn assert_waited(codes: &BTreeMap<String, usize>, max: usize, asked: usize) {
    let count = |code: &str| codes.get(code).copied().unwrap_or_default();
    assert_eq!(count("CONSISTENCY_TIMEOUT") + count("LIMIT_EXCEEDED"), asked, "{codes:?}");
    assert!(count("CONSISTENCY_TIMEOUT") >= max && count("LIMIT_EXCEEDED") > 0, "{codes:?}");
}

async fn answer(socket: &mut Socket) -> Value {
    loop {
        match socket.receive("an answer").await {
            Received::Message(message) if message["type"] == "next" => return message["payload"].clone(),
            Received::Message(message) if message["type"] == "complete" => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn who_waits_on_sockets_takes_the_places_of_a_viewer_or_of_the_process_and_no_more() {
    let (all, viewers) = (WAITING_MAX.to_string(), WAITING_PER_VIEWER_MAX.to_string());
    let limits = [
        ("MILLRACE_HTTP__CONSISTENCY_WAIT_MS_MAX", "8000"),
        ("MILLRACE_HTTP__WAITING_READS_MAX", &all),
        ("MILLRACE_HTTP__WAITING_READS_PER_VIEWER_MAX", &viewers),
    ];
    let stage = Stage::new().await;
    let process = Process::serve("all", &stage.environment_with(&limits)).await;
    let client = Client::new(&process.graphql());
    let ada = client.sign_up("Ada").await;
    let future = future(&ada).await;
    let token = ada.client.access_token.as_deref();
    let sockets = vec![ask(&process, token, &future).await, ask(&process, token, &future).await];
    let of_viewer = codes(sockets, "waitingReadsPerViewer", WAITING_PER_VIEWER_MAX).await;
    assert_waited(&of_viewer, WAITING_PER_VIEWER_MAX, 2 * ON_EACH_SOCKET);
    let of_nobody = codes(vec![ask(&process, None, &future).await], "waitingReads", WAITING_MAX).await;
    assert_waited(&of_nobody, WAITING_MAX, ON_EACH_SOCKET);
    let over_http = ada.client.send(QUERY, json!({}), &[("millrace-consistency", &future)]).await.expect("an answer");
    assert_eq!(over_http.body["errors"][0]["extensions"]["code"], "CONSISTENCY_TIMEOUT", "{:#}", over_http.body);
    process.stop().await;
}
