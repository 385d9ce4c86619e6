//! Tokens that do not count: one answer for all, and nothing of them in the log.

use super::{error, new_email, sign_in, stage_with, try_sign_in};
use crate::checker::log::Log;
use crate::harness::client::mutation;
use crate::harness::openid::{OpenIdProvider, SigningKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use time::OffsetDateTime;

/// So many from one address are looked at within a quarter of an hour.
const REFUSED_MAX: usize = 20;

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A good token with other claims, as somebody writes them who cannot sign.
fn altered(token: &str, claims: &Value) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    format!("{}.{}.{}", parts[0], part(claims), parts[2])
}

/// An HMAC whose secret is what everybody knows of the key.
fn signed_with_the_public_key(provider: &OpenIdProvider) -> String {
    let key = provider.key();
    let public = serde_json::to_value(key.public()).expect("JSON");
    let bytes = URL_SAFE_NO_PAD.decode(public["x"].as_str().expect("a key")).expect("base64");
    let header = Header { kid: Some(key.id), ..Header::new(Algorithm::HS256) };
    let claims = provider.claims("1", &new_email());
    jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(&bytes)).expect("a token")
}

fn bad_tokens(provider: &OpenIdProvider, other: &OpenIdProvider) -> Vec<(&'static str, String)> {
    let (now, good) = (OffsetDateTime::now_utc().unix_timestamp(), provider.token("1", &new_email()));
    let with = |changes: &[(&str, Value)]| {
        let mut claims = provider.claims("1", &new_email());
        changes.iter().for_each(|(name, value)| claims[*name] = value.clone());
        provider.key().sign(&claims)
    };
    let stranger = SigningKey::ed25519(&provider.key().id);
    let none = format!("{}.{}.", part(&json!({ "alg": "none" })), part(&provider.claims("1", &new_email())));
    vec![
        ("for another client", with(&[("aud", json!("another-client"))])),
        ("for several, given to another", with(&[("aud", json!(["millrace-web", "x"])), ("azp", json!("x"))])),
        ("for several, given to nobody", with(&[("aud", json!(["millrace-web", "x"]))])),
        ("of another issuer", with(&[("iss", json!("https://id.example"))])),
        ("of a provider that is not taken", other.token("1", &new_email())),
        ("expired", with(&[("exp", json!(now - 60))])),
        ("not yet", with(&[("nbf", json!(now + 300))])),
        ("of tomorrow", with(&[("iat", json!(now + 86_400))])),
        ("without a subject", with(&[("sub", json!(""))])),
        ("without a beginning", with(&[("iat", json!(null))])),
        ("without an end", with(&[("exp", json!(null))])),
        ("of a key with the same id", stranger.sign(&provider.claims("1", &new_email()))),
        ("of a key that nobody has", SigningKey::ed25519("unknown").sign(&provider.claims("1", &new_email()))),
        ("of another type of key", SigningKey::rsa("first").sign(&provider.claims("1", &new_email()))),
        ("with the public key as a secret", signed_with_the_public_key(provider)),
        ("unsigned", none),
        ("altered", altered(&good, &provider.claims("2", "victim@millrace.example"))),
        ("cut short", good[..good.len() - 4].to_owned()),
        ("nonsense", "nonsense".to_owned()),
        ("too long", "x".repeat(20_000)),
    ]
}

#[tokio::test]
async fn whatever_is_wrong_with_a_token_the_answer_is_the_same() {
    let (provider, other) = (OpenIdProvider::start().await, OpenIdProvider::start().await);
    let bad = bad_tokens(&provider, &other);
    let enough = (bad.len() + 1).to_string();
    let stage = stage_with(&[&provider]).await.with("MILLRACE_ATTEMPTS__ID_TOKENS_PER_ADDRESS_MAX", &enough);
    let (process, client) = stage.all().await;
    let log = Log::of(&stage).await;
    let before = log.head().await;
    let wanted = try_sign_in(&client, &bad[0].1).await["errors"].clone();
    assert_eq!(wanted[0]["__typename"], "InvalidIdToken");
    for (what, token) in &bad[1..] {
        let payload = try_sign_in(&client, token).await;
        assert_eq!((&payload["errors"], &payload["session"]), (&wanted, &Value::Null), "{what}");
    }
    assert_eq!(log.head().await, before);
    assert_eq!(other.fetches(), 0, "nobody is asked who is not taken");
    let email = new_email();
    sign_in(&client, &provider.token("1", &email), &email).await;
    process.stop().await;
}

#[tokio::test]
async fn a_nonce_that_the_client_names_must_be_in_the_token() {
    let provider = OpenIdProvider::start().await;
    let stage = stage_with(&[&provider]).await;
    let (process, client) = stage.all().await;
    let mut claims = provider.claims("1", &new_email());
    claims["nonce"] = json!("n-1");
    let token = provider.key().sign(&claims);
    let with = |nonce: &str| json!({ "idToken": token, "nonce": nonce });
    assert_eq!(error(&client.try_command("signInWithProvider", with("n-2"), "").await), "InvalidIdToken");
    assert_eq!(error(&client.try_command("signInWithProvider", with("n-1"), "").await), "none");
    process.stop().await;
}

#[tokio::test]
async fn whoever_brings_bad_tokens_again_and_again_must_wait() {
    let provider = OpenIdProvider::start().await;
    let stage = stage_with(&[&provider]).await;
    let (process, client) = stage.all().await;
    let good = provider.token("1", &new_email());
    for _ in 0..REFUSED_MAX {
        sign_in(&client, &good, "").await;
    }
    let mut claims = provider.claims("1", &new_email());
    claims["aud"] = json!("another-client");
    let bad = provider.key().sign(&claims);
    for _ in 0..REFUSED_MAX {
        assert_eq!(error(&try_sign_in(&client, &bad).await), "InvalidIdToken");
    }
    let query = mutation("signInWithProvider", "");
    let answer = client.send(&query, json!({ "input": { "idToken": good } }), &[]).await.expect("an answer");
    let extensions = &answer.body["errors"][0]["extensions"];
    assert_eq!((&extensions["code"], &extensions["limit"]), (&json!("RATE_LIMITED"), &json!("refused ID tokens")));
    process.stop().await;
}

#[tokio::test]
async fn no_token_is_written_into_the_log() {
    let provider = OpenIdProvider::start().await;
    let stage = stage_with(&[&provider]).await.with("MILLRACE_LOGS__FILTER", "debug");
    let (process, client) = stage.all().await;
    let email = new_email();
    let ada = sign_in(&client, &provider.token("subject-of-ada", &email), &email).await;
    let (good, bad) = (provider.token("subject-of-ada", &email), SigningKey::ed25519("first"));
    let bad = bad.sign(&provider.claims("subject-of-eve", &email));
    sign_in(&client, &good, &email).await;
    assert_eq!(error(&try_sign_in(&client, &bad).await), "InvalidIdToken");
    let link = json!({ "idToken": good, "password": "not a password of hers" });
    assert_eq!(error(&ada.client.try_command("linkProvider", link, "").await), "PasswordNotSet");
    // The refusal is told, with why.
    process.says(&["an ID token was refused"]).await;
    let said = process.log().join("\n");
    for secret in [&*good, &bad, "subject-of-ada", "subject-of-eve", &part(&provider.claims("x", &email))[..20]] {
        assert!(!said.contains(secret), "{secret}");
    }
    process.stop().await;
}
