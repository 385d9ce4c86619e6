//! A query that waits for a position is the same on a socket as over HTTP: it has a place of its viewer's, and ends with the same error.

use crate::harness::client::Person;
use crate::harness::process::Process;
use crate::harness::socket::{Received, Socket};
use crate::harness::stage::Stage;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const QUERY: &str = "{ posts(first: 1) { nodes { id } } }";
/// So many reads of one viewer may wait at once (`WAITING_PER_VIEWER_MAX`), and fewer operations may be open on one socket.
const WAITING_MAX: usize = 32;
const ON_EACH_SOCKET: usize = 24;

/// A token of a position that never comes.
async fn future(ada: &Person) -> String {
    let payload = ada.client.command("createPost", json!({ "title": "A", "body": "B" }), "").await;
    let token = payload["receipt"]["consistencyToken"].as_str().expect("a token");
    format!("{}:999999", token.rsplit_once(':').expect("a position").0)
}

/// Asks so often at once. The socket is answered only later.
async fn ask(process: &Process, ada: &Person, future: &str) -> Socket {
    let mut socket = Socket::open(&process.graphql(), ada.client.access_token.as_deref()).await;
    for n in 0..ON_EACH_SOCKET {
        let extensions = json!({ "millrace": { "consistency": future } });
        let payload = json!({ "query": QUERY, "extensions": extensions });
        socket.send(json!({ "type": "subscribe", "id": n.to_string(), "payload": payload })).await.expect("sent");
    }
    socket
}

/// The codes of all answers, and how often each came.
async fn codes(sockets: Vec<Socket>) -> BTreeMap<String, usize> {
    let mut codes = BTreeMap::new();
    for mut socket in sockets {
        for _ in 0..ON_EACH_SOCKET {
            let code = answer(&mut socket).await["errors"][0]["extensions"]["code"].clone();
            *codes.entry(code.as_str().expect("a code").to_owned()).or_default() += 1;
        }
    }
    codes
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
async fn who_waits_on_sockets_takes_the_places_of_a_viewer_and_no_more() {
    let stage = Stage::new().await.with("MILLRACE_HTTP__CONSISTENCY_WAIT_MS_MAX", "8000");
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    let future = future(&ada).await;
    let sockets = vec![ask(&process, &ada, &future).await, ask(&process, &ada, &future).await];
    let codes = codes(sockets).await;
    let count = |code: &str| codes.get(code).copied().unwrap_or_default();
    assert_eq!(count("CONSISTENCY_TIMEOUT") + count("LIMIT_EXCEEDED"), 2 * ON_EACH_SOCKET, "{codes:?}");
    assert!(count("CONSISTENCY_TIMEOUT") >= WAITING_MAX && count("LIMIT_EXCEEDED") > 0, "{codes:?}");
    let over_http = ada.client.send(QUERY, json!({}), &[("millrace-consistency", &future)]).await.expect("an answer");
    assert_eq!(over_http.body["errors"][0]["extensions"]["code"], "CONSISTENCY_TIMEOUT", "{:#}", over_http.body);
    process.stop().await;
}
