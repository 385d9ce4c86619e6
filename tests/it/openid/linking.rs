//! Linking: only by who has shown that the account is theirs, and never one identity to two.

use super::{error, link, new_email, sign_in, stage_with, try_sign_in};
use crate::checker::everything_holds;
use crate::harness::client::PASSWORD;
use crate::harness::eventually;
use crate::harness::openid::OpenIdProvider;
use serde_json::{Value, json};

const LINKED: &str = "Another way to sign in to your account";

#[tokio::test]
async fn an_account_is_not_taken_over_by_its_address_and_its_owner_links_it() {
    let provider = OpenIdProvider::start().await;
    let stage = stage_with(&[&provider]).await;
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    let token = provider.token("1", &ada.email.to_uppercase());
    let refused = try_sign_in(&client, &token).await;
    assert_eq!((error(&refused), &refused["session"]), ("AccountNotLinked", &Value::Null));

    let guess = json!({ "idToken": token, "password": "not a password of hers" });
    assert_eq!(error(&ada.client.try_command("linkProvider", guess, "").await), "InvalidCredentials");
    assert_eq!(error(&try_sign_in(&client, &token).await), "AccountNotLinked");
    let linked = ada.client.command("linkProvider", link(&token), "user { id version }").await;
    assert_eq!(linked["user"], json!({ "id": ada.id, "version": 2 }));
    assert_eq!(sign_in(&client, &token, &ada.email).await.id, ada.id);
    let again = ada.client.command("linkProvider", link(&token), "user { version }").await;
    assert_eq!(again["user"]["version"], 2, "it is linked already");
    eventually("a mail tells of it", || async {
        let mails: Value =
            reqwest::get(format!("{}/dev/mails.json", process.operations())).await.ok()?.json().await.ok()?;
        mails.as_array()?.iter().find(|mail| mail["to"] == ada.email && mail["subject"] == LINKED).map(|_| ())
    })
    .await;
    everything_holds(&stage).await;
    process.stop().await;
}

#[tokio::test]
async fn a_key_links_once_and_another_identity_is_another_input() {
    let provider = OpenIdProvider::start().await;
    let stage = stage_with(&[&provider]).await;
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    let with_key = |token: &str| json!({ "idToken": token, "password": PASSWORD, "idempotencyKey": "link" });
    let first = ada.client.command("linkProvider", with_key(&provider.token("1", &ada.email)), "").await;
    let mut later = provider.claims("1", &ada.email);
    later["jti"] = json!("another token");
    let again = ada.client.command("linkProvider", with_key(&provider.key().sign(&later)), "").await;
    assert_eq!((&first["receipt"]["replayed"], &again["receipt"]["replayed"]), (&json!(false), &json!(true)));
    let other = ada.client.try_command("linkProvider", with_key(&provider.token("2", &ada.email)), "").await;
    assert_eq!(error(&other), "IdempotencyKeyReused");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_identity_is_linked_to_one_account() {
    let provider = OpenIdProvider::start().await;
    let stage = stage_with(&[&provider]).await;
    let (process, client) = stage.all().await;
    let (ada, ben) = (client.sign_up("Ada").await, client.sign_up("Ben").await);
    let token = provider.token("1", &new_email());
    let (of_ada, of_ben) = tokio::join!(
        ada.client.try_command("linkProvider", link(&token), ""),
        ben.client.try_command("linkProvider", link(&token), "")
    );
    let mut told = [error(&of_ada), error(&of_ben)];
    told.sort_unstable();
    assert_eq!(told, ["IdentityTaken", "none"]);
    let (winner, loser) = if error(&of_ada) == "none" { (&ada, &ben) } else { (&ben, &ada) };
    assert_eq!(sign_in(&client, &token, "").await.id, winner.id);
    let second = winner.client.try_command("linkProvider", link(&provider.token("2", &new_email())), "").await;
    assert_eq!(error(&second), "ProviderAlreadyLinked");
    loser.client.command("linkProvider", link(&provider.token("2", &new_email())), "").await;
    everything_holds(&stage).await;
    process.stop().await;
}

#[tokio::test]
async fn who_unlinks_keeps_a_way_in() {
    let (one, other) = (OpenIdProvider::start().await, OpenIdProvider::start().await);
    let stage = stage_with(&[&one, &other]).await;
    let (process, client) = stage.all().await;
    let email = new_email();
    let unlink = |provider: &OpenIdProvider| json!({ "issuer": provider.issuer });
    let only = sign_in(&client, &one.token("1", &email), &email).await;
    assert_eq!(error(&only.client.try_command("unlinkProvider", unlink(&one), "").await), "OnlyWayIn");
    assert_eq!(sign_in(&client, &one.token("1", &email), &email).await.id, only.id);

    let ada = client.sign_up("Ada").await;
    for provider in [&one, &other] {
        ada.client.command("linkProvider", link(&provider.token("2", &ada.email)), "").await;
    }
    let unlinked = ada.client.command("unlinkProvider", unlink(&one), "user { version }").await;
    assert_eq!(unlinked["user"]["version"], 4);
    let again = ada.client.command("unlinkProvider", unlink(&one), "user { version }").await;
    assert_eq!(again["user"]["version"], 4, "it is not linked any more");
    assert_eq!(error(&try_sign_in(&client, &one.token("2", &ada.email)).await), "AccountNotLinked");
    assert_eq!(sign_in(&client, &other.token("2", &ada.email), &ada.email).await.id, ada.id);
    let conflict = json!({ "issuer": other.issuer, "expectedVersion": 1 });
    assert_eq!(error(&ada.client.try_command("unlinkProvider", conflict, "").await), "VersionConflict");
    everything_holds(&stage).await;
    process.stop().await;
}
