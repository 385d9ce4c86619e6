//! PostgreSQL is put back to a copy from before an erasure: the new history erases again, and who is erased in the new history is
//! not found in what was left of the old one.

use super::search::search;
use crate::checker::{everything_holds, settled};
use crate::harness::client::{Client, PASSWORD};
use crate::harness::eventually;
use crate::harness::stage::Stage;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const SECRETS: [(&str, &str); 3] =
    [("name", "Thessalonike"), ("title", "Gallowglass clocks"), ("text", "Foliot balance")];

const LATER: [(&str, &str); 3] = [("name", "Zebulon"), ("title", "Tourbillon cages"), ("text", "Remontoire spring")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_erased_stays_so_when_postgresql_is_restored_from_before() {
    let stage = Stage::with_own_servers().await;
    let (process, client) = stage.all().await;
    let mina = client.sign_up(SECRETS[0].1).await;
    let post = json!({ "title": SECRETS[1].1, "body": SECRETS[2].1 });
    mina.client.command("createPost", post, "").await;
    let ben = client.sign_up(LATER[0].1).await;
    let post = json!({ "title": LATER[1].1, "body": LATER[2].1 });
    let payload = ben.client.command("createPost", post, "").await;
    settled(&stage).await;
    // Twice, so that it lies in the cache.
    for _ in 0..2 {
        is_read(&client, &payload["receipt"]["aggregateId"]).await;
    }
    let postgresql = stage.servers.as_ref().expect("servers of its own").postgresql();
    let copies = tempfile::tempdir().expect("a folder");
    let copy = copies.path().join("postgresql");
    postgresql.stop().await.expect("PostgreSQL stops");
    postgresql.copy_data_to(&copy).expect("a copy");
    postgresql.start().await.expect("PostgreSQL starts");
    process.stop().await;

    let (process, client) = stage.all().await;
    let farewell = Client { url: client.url.clone(), ..mina.client.clone() };
    farewell.command("eraseAccount", json!({ "password": PASSWORD }), "").await;
    settled(&stage).await;
    process.stop().await;
    postgresql.stop().await.expect("PostgreSQL stops");
    postgresql.put_data_back(&copy).expect("the older copy");
    postgresql.start().await.expect("PostgreSQL starts");
    let secrets = SECRETS.map(|(name, text)| (name, text.as_bytes()));
    assert_eq!(search(&stage, &secrets).await["PostgreSQL"].len(), SECRETS.len(), "the copy has it all");

    stage.run(&["log", "new-history"]).await;
    let (process, client) = stage.all().await;
    everything_holds(&stage).await;
    let left = search(&stage, &secrets).await;
    assert_eq!(left["PostgreSQL"], BTreeSet::new(), "{left:#?}");
    assert_eq!(
        (&left["JetStream"], &left["MongoDB"], &left["Redis"]),
        (&BTreeSet::new(), &BTreeSet::new(), &BTreeSet::new())
    );
    let said = stage.run(&["erasure", "verify", &mina.id]).await;
    assert!(!said.contains("LEFT"), "{said}");
    let sign_in = json!({ "email": mina.email, "password": PASSWORD });
    let refused = client.try_command("signIn", sign_in, "").await;
    assert_eq!(refused["errors"][0]["__typename"], "InvalidCredentials", "{refused:#}");

    let farewell = Client { url: client.url.clone(), ..ben.client.clone() };
    farewell.command("eraseAccount", json!({ "password": PASSWORD }), "").await;
    everything_holds(&stage).await;
    let secrets = LATER.map(|(name, text)| (name, text.as_bytes()));
    nothing_is_left(&stage, &secrets).await;
    let said = stage.run(&["erasure", "verify", &ben.id]).await;
    assert!(!said.contains("LEFT"), "{said}");
    process.stop().await;
}

async fn is_read(client: &Client, post: &Value) {
    let query = "query($id: ID!) { post(id: $id) { title body author { fullName } } }";
    let answer = client.ask(query, json!({ "id": post })).await;
    assert_eq!((&answer["post"]["title"], &answer["post"]["body"]), (&json!(LATER[1].1), &json!(LATER[2].1)));
}

/// The generation of the old history is emptied beside the work.
async fn nothing_is_left(stage: &Stage, secrets: &[(&str, &[u8])]) {
    eventually("nothing is left in any store", || async {
        search(stage, secrets).await.values().all(BTreeSet::is_empty).then_some(())
    })
    .await;
}
