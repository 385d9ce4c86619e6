//! The command process dies between each two steps of an erasure: whoever asks again gets the same answer, and it has happened once.

use super::search::search;
use crate::checker::everything_holds;
use crate::checker::log::Log;
use crate::harness::client::{Client, PASSWORD, Person, mutation};
use crate::harness::cluster::Cluster;
use crate::harness::eventually;
use crate::harness::stage::Stage;
use millrace_events::{Event, UserId};
use serde_json::{Value, json};
use std::cell::Cell;
use std::collections::BTreeSet;

const SECRETS: [(&str, &str); 3] =
    [("name", "Thessalonike"), ("title", "Gallowglass clocks"), ("text", "Foliot balance")];
const STEPS: [&str; 4] = ["command.handled", "command.before_commit", "command.committed", "command.sequenced"];

async fn mina(client: &Client) -> Person {
    let mina = client.sign_up(SECRETS[0].1).await;
    let post = json!({ "title": SECRETS[1].1, "body": SECRETS[2].1, "publish": true });
    mina.client.command("createPost", post, "").await;
    mina
}

/// Asks to be erased until that is answered. Answers the payload, and how often it took.
async fn insist(person: &Person) -> (Value, usize) {
    let text = mutation("eraseAccount", "erasedUserId erasureReceiptId");
    let variables = json!({ "input": { "password": PASSWORD, "idempotencyKey": "farewell" } });
    let tries = Cell::new(0);
    let payload = eventually("the erasure is answered", || async {
        tries.set(tries.get() + 1);
        let answer = person.client.send(&text, variables.clone(), &[]).await.ok()?;
        answer.body.get("errors").is_none().then(|| answer.body["data"]["eraseAccount"].clone())
    });
    let payload = payload.await;
    assert_eq!(payload["errors"], json!([]), "{payload:#}");
    (payload, tries.get())
}

/// Everybody who was erased, as often as the log says so.
async fn erased(stage: &Stage) -> Vec<UserId> {
    let recorded = Log::of(stage).await.recorded().await.into_iter();
    let erased = recorded.filter_map(|recorded| match recorded.event {
        Event::UserErased(e) => Some(e.user_id),
        _ => None,
    });
    erased.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_that_dies_half_way_happens_once() {
    let stage = Stage::new().await;
    let mut cluster = Cluster::start(&stage).await;
    let client = Client::new(&cluster.urls()[0]);
    let mut people = Vec::new();
    for step in STEPS {
        let mina = mina(&client).await;
        let (command, point) = (cluster.index_of("command"), format!("{step}(eraseAccount)"));
        // Away first, so that no other process than the one that dies there is asked.
        cluster.take_down("command").await;
        let (struck, (payload, tries)) = tokio::join!(cluster.strike(command, &point, 1), insist(&mina));
        assert!(struck && tries > 1, "{point}: {tries} tries");
        let (again, _) = insist(&mina).await;
        assert_eq!(again["receipt"]["replayed"], true, "{point}: {again:#}");
        assert_eq!(again["receipt"]["commandId"], payload["receipt"]["commandId"], "{point}");
        assert_eq!(again["erasureReceiptId"], payload["erasureReceiptId"], "{point}");
        people.push(UserId::from_global(&mina.id).expect("an id"));
    }
    assert_eq!(erased(&stage).await, people, "each once");
    everything_holds(&stage).await;
    let left = search(&stage, &SECRETS.map(|(name, text)| (name, text.as_bytes()))).await;
    assert!(left.values().all(BTreeSet::is_empty), "left over: {left:#?}");
    cluster.stop().await;
}
