//! A mutation while nobody folds: it is accepted, and says that its objects are not to be had yet.

use crate::harness::client::{Client, id_of, mutation};
use crate::harness::cluster::Cluster;
use crate::harness::eventually;
use crate::harness::stage::Stage;
use serde_json::{Value, json};

/// Mutations of each projection, with an object of their payload.
const CASES: [(&str, &str); 3] =
    [("createPost", "post { id title }"), ("updateProfile", "user { firstName }"), ("topUpWallet", "wallet { id }")];

fn input(name: &str) -> Value {
    match name {
        "createPost" => json!({ "title": "One", "body": "Words." }),
        "updateProfile" => json!({ "firstName": "Augusta" }),
        _ => json!({ "amount": { "amountMinor": "5", "currency": "EUR" } }),
    }
}

fn is_pending(body: &Value) -> bool {
    body["extensions"]["millrace"]["pending"] == true
}

#[tokio::test]
async fn what_is_not_folded_in_time_is_null_and_pending() {
    let stage = Stage::new().await.with("MILLRACE_HTTP__CONSISTENCY_WAIT_MS_MAX", "2000");
    let mut cluster = Cluster::start(&stage).await;
    let ada = Client::new(&cluster.urls()[0]).sign_up("Ada").await;
    let send = async |name: &str, selection: &str| {
        let answer = ada.client.send(&mutation(name, selection), json!({ "input": input(name) }), &[]).await;
        answer.expect("an answer").body
    };
    // With a projector there is nothing to wait for, unless all of the machine has to wait.
    let body = eventually("a post is folded in time", async || {
        let body = send("createPost", "post { id title }").await;
        (!is_pending(&body)).then_some(body)
    })
    .await;
    assert_eq!(body["data"]["createPost"]["post"]["title"], "One", "{body:#}");

    cluster.take_down("projector").await;
    let mut accepted = Vec::new();
    for (name, selection) in CASES {
        let body = send(name, selection).await;
        let (payload, object) = (&body["data"][name], selection.split(' ').next().expect("a field"));
        assert_eq!(body.get("errors"), None, "{body:#}");
        assert_eq!((&payload["receipt"]["accepted"], &payload["errors"]), (&json!(true), &json!([])), "{body:#}");
        assert!(payload.get(object) == Some(&Value::Null) && is_pending(&body), "{body:#}");
        accepted.push(payload.clone());
    }
    let nothing_asked_for = send("createPost", "").await;
    assert!(!is_pending(&nothing_asked_for), "no object was asked for: {nothing_asked_for:#}");

    cluster.bring_back("projector", &[]).await;
    for payload in &accepted {
        let id = &payload["receipt"]["commandId"];
        eventually("what was pending shows", || async {
            (ada.client.command_status(id).await["state"] == "VISIBLE").then_some(())
        })
        .await;
    }
    let post = "query($id: ID!) { post(id: $id) { title } }";
    let data = ada.client.ask(post, json!({ "id": id_of(&accepted[0]) })).await;
    assert_eq!(data["post"]["title"], "One");
    cluster.stop().await;
}
