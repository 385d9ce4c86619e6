//! An erasure takes the link with it, and an export tells of it before.

use super::{error, sign_in, stage_with, try_sign_in};
use crate::checker::{everything_holds, settled};
use crate::erasure::search::search;
use crate::harness::client::PASSWORD;
use crate::harness::openid::OpenIdProvider;
use millrace_events::identity::identity_digest;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const SUBJECT: &str = "subject-7e1f-of-the-quarrelstones";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_erased_is_nobody_to_the_provider_and_comes_back_as_somebody_new() {
    let provider = OpenIdProvider::start().await;
    let stage = stage_with(&[&provider]).await;
    let (process, client) = stage.all().await;
    let mina = client.sign_up("Mina").await;
    let link =
        json!({ "idToken": provider.token(SUBJECT, &mina.email), "password": PASSWORD, "idempotencyKey": "link" });
    mina.client.command("linkProvider", link, "").await;
    sign_in(&client, &provider.token(SUBJECT, &mina.email), &mina.email).await;
    settled(&stage).await;
    let digest = identity_digest(&provider.issuer, SUBJECT).to_string();
    let secrets = [("subject", SUBJECT.as_bytes()), ("digest", digest.as_bytes())];
    let found = search(&stage, &secrets).await;
    assert_eq!(found["PostgreSQL"], BTreeSet::from(["subject".to_owned()]));
    assert_eq!(found["MongoDB"], BTreeSet::from(["digest".to_owned()]));
    assert_eq!(found["JetStream"], BTreeSet::new(), "it is sealed there");

    let payload = mina.client.command("exportMyData", json!({ "password": PASSWORD }), "export { url }").await;
    let url = client.url.replace("/graphql", payload["export"]["url"].as_str().expect("a link"));
    let told: Value = reqwest::get(url).await.expect("an answer").json().await.expect("a document");
    let identity = &told["identities"][0];
    assert_eq!((&identity["issuer"], &identity["subject"]), (&json!(provider.issuer), &json!(SUBJECT)));
    assert!(identity["linkedAt"].is_string(), "{identity:#}");

    mina.client.command("eraseAccount", json!({ "password": PASSWORD }), "").await;
    everything_holds(&stage).await;
    let left = search(&stage, &secrets).await;
    assert!(left.values().all(BTreeSet::is_empty), "left over: {left:#?}");
    let said = stage.run(&["erasure", "verify", &mina.id]).await;
    assert!(said.contains("table identities: 1 rows deleted, 0 left") && !said.contains("LEFT"), "{said}");

    let back = try_sign_in(&client, &provider.token(SUBJECT, &mina.email)).await;
    assert_eq!(error(&back), "none", "{back:#}");
    assert_ne!(back["user"]["id"], json!(mina.id));
    everything_holds(&stage).await;
    process.stop().await;
}
