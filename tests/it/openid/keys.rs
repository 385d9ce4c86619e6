//! A provider's keys: fetched when they are needed, replaced when they change, and never asked for by the thousand.

use super::{AT_ONCE, PROVIDERS, error, new_email, sign_in, stage_with, try_sign_in};
use crate::harness::client::{Client, mutation};
use crate::harness::openid::{CLIENT_ID, OpenIdProvider, SigningKey};
use crate::harness::stage::Stage;
use serde_json::{Value, json};

/// Each of these counts as a sign-in that failed, of which an address has 20.
const FORGED: usize = 15;
const ALWAYS_OLD: (&str, &str) = ("MILLRACE_OPENID__KEYS_FRESH_S", "0");

/// The top-level error of a sign-in that has no answer.
async fn failure(client: &Client, token: &str) -> Value {
    let query = mutation("signInWithProvider", "");
    let answer = client.send(&query, json!({ "input": { "idToken": token } }), &[]).await.expect("an answer");
    answer.body["errors"][0]["extensions"].clone()
}

#[tokio::test]
async fn a_new_key_is_taken_and_the_old_one_no_longer() {
    let provider = OpenIdProvider::start().await;
    let (name, value) = AT_ONCE;
    let stage = stage_with(&[&provider]).await.with(name, value);
    let (process, client) = stage.all().await;
    let (email, old) = (new_email(), provider.token("1", "ada@millrace.example"));
    let ada = sign_in(&client, &old, &email).await;
    provider.rotate(SigningKey::ed25519("second"));
    assert_eq!(sign_in(&client, &provider.token("1", &email), &email).await.id, ada.id);
    assert_eq!(error(&try_sign_in(&client, &old).await), "InvalidIdToken");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_of_made_up_keys_are_no_flood_upon_the_provider() {
    let provider = OpenIdProvider::start().await;
    let stage = stage_with(&[&provider]).await.with("MILLRACE_OPENID__KEYS_ASKED_S_MIN", "3600");
    let (process, client) = stage.all().await;
    let (email, claims) = (new_email(), provider.claims("1", "ada@millrace.example"));
    sign_in(&client, &provider.token("1", &email), &email).await;
    let forged: Vec<String> = (0..FORGED).map(|n| SigningKey::ed25519(&format!("made up {n}")).sign(&claims)).collect();
    let all = futures_util::future::join_all(forged.iter().map(|token| try_sign_in(&client, token))).await;
    assert!(all.iter().all(|payload| error(payload) == "InvalidIdToken"));
    assert_eq!(provider.fetches(), 1);
    sign_in(&client, &provider.token("1", &email), &email).await;
    process.stop().await;
}

#[tokio::test]
async fn known_keys_are_used_while_the_provider_is_away_and_without_any_nobody_is_refused() {
    let provider = OpenIdProvider::start().await;
    let ((name, value), (other, old)) = (AT_ONCE, ALWAYS_OLD);
    let stage = stage_with(&[&provider]).await.with(name, value).with(other, old);
    let (process, client) = stage.all().await;
    let (email, token) = (new_email(), provider.token("1", "ada@millrace.example"));
    provider.is_away(true);
    let told = failure(&client, &token).await;
    assert_eq!((&told["code"], &told["retryable"]), (&json!("UNAVAILABLE"), &json!(true)), "{told:#}");
    process.says(&["no keys of an OpenID provider", provider.issuer.as_str()]).await;
    provider.is_away(false);
    sign_in(&client, &token, &email).await;
    provider.is_away(true);
    sign_in(&client, &token, &email).await;
    assert_eq!(
        error(&try_sign_in(&client, &SigningKey::ed25519("new").sign(&provider.claims("1", &email))).await),
        "InvalidIdToken"
    );
    process.stop().await;
}

#[tokio::test]
async fn a_document_that_is_another_issuers_is_not_believed() {
    let provider = OpenIdProvider::start().await;
    let (name, value) = AT_ONCE;
    let stage = stage_with(&[&provider]).await.with(name, value);
    let (process, client) = stage.all().await;
    provider.claims_to_be("https://id.example");
    let told = failure(&client, &provider.token("1", &new_email())).await;
    assert_eq!((&told["code"], provider.fetches()), (&json!("UNAVAILABLE"), 0));
    provider.claims_to_be(&provider.issuer);
    sign_in(&client, &provider.token("1", &new_email()), "").await;
    process.stop().await;
}

#[tokio::test]
async fn keys_can_be_at_an_address_that_is_set() {
    let provider = OpenIdProvider::start().await;
    provider.claims_to_be("https://id.example");
    let keys = format!("{}/keys", provider.issuer);
    let setting = json!([{ "issuer": provider.issuer, "audience": [CLIENT_ID], "jwks_url": keys }]).to_string();
    let stage = Stage::new().await.with(PROVIDERS, &setting);
    let (process, client) = stage.all().await;
    sign_in(&client, &provider.token("1", &new_email()), "").await;
    process.stop().await;
}

#[tokio::test]
async fn what_is_not_set_is_not_taken_and_what_is_weak_cannot_be_set() {
    let provider = OpenIdProvider::start().await;
    let with = |algorithms: Value| {
        json!([{ "issuer": provider.issuer, "audience": [CLIENT_ID], "algorithms": algorithms }]).to_string()
    };
    let stage = Stage::new().await;
    for weak in ["HS256", "none"] {
        let stage = Stage::new().await.with(PROVIDERS, &with(json!([weak])));
        let output = stage.try_run(&["settings"]).await;
        assert!(!output.status.success());
        assert!(String::from_utf8_lossy(&output.stderr).contains(weak), "{output:?}");
    }
    let stage = stage.with(PROVIDERS, &with(json!(["RS256"])));
    let (process, client) = stage.all().await;
    assert_eq!(error(&try_sign_in(&client, &provider.token("1", &new_email())).await), "InvalidIdToken");
    assert_eq!(provider.fetches(), 0, "nobody needs keys to see that");
    process.stop().await;
}
