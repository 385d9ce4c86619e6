//! Signing in by an OpenID provider, which the test runs itself.

mod bearer;
mod erased;
mod keys;
mod linked_again;
mod linking;
mod no_password;
mod refused;
mod sign_in;

use crate::harness::client::{Client, PASSWORD, Person, id_of, mutation};
use crate::harness::eventually;
use crate::harness::openid::OpenIdProvider;
use crate::harness::stage::Stage;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

const PROVIDERS: &str = "MILLRACE_OPENID__PROVIDERS";
/// A new key is asked for at once.
const AT_ONCE: (&str, &str) = ("MILLRACE_OPENID__KEYS_ASKED_S_MIN", "0");
const SHOWN: &str = "user { id } session { accessToken refreshToken }";
const OWN: &str = "{ viewer { user { id } roles } }";
/// What the setting is by default.
const CLOCK_LEEWAY_S: f64 = 10.0;

/// A stage whose processes take the tokens of these.
pub async fn stage_with(providers: &[&OpenIdProvider]) -> Stage {
    Stage::new().await.with(PROVIDERS, &OpenIdProvider::setting(providers))
}

/// A stage whose processes take them in place of our own, too.
async fn stage_that_takes(provider: &OpenIdProvider) -> Stage {
    stage_with(&[provider]).await.with("MILLRACE_OPENID__BEARER", "true")
}

fn new_email() -> String {
    format!("Ada-{}@millrace.example", Uuid::now_v7().simple())
}

async fn try_sign_in(client: &Client, token: &str) -> Value {
    client.try_command("signInWithProvider", json!({ "idToken": token }), SHOWN).await
}

/// Signs in; it must succeed.
async fn sign_in(client: &Client, token: &str, email: &str) -> Person {
    let payload = client.command("signInWithProvider", json!({ "idToken": token }), SHOWN).await;
    let text = |name: &str| payload["session"][name].as_str().expect("a token").to_owned();
    let client = Client { access_token: Some(text("accessToken")), ..client.clone() };
    Person { id: id_of(&payload), email: email.to_owned(), client, refresh_token: text("refreshToken") }
}

/// The input that links who the token is of.
fn link(token: &str) -> Value {
    json!({ "idToken": token, "password": PASSWORD })
}

fn error(payload: &Value) -> &str {
    payload["errors"][0]["__typename"].as_str().unwrap_or("none")
}

/// The client with this token in place of its own.
fn with(client: &Client, token: String) -> Client {
    Client { access_token: Some(token), ..client.clone() }
}

/// Whom queries take the client for; none if for nobody.
async fn seen(client: &Client) -> Option<String> {
    let body = client.send(OWN, json!({}), &[]).await.expect("an answer").body;
    if body.get("errors").is_some() {
        assert_eq!(body["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{body:#}");
        return None;
    }
    Some(body["data"]["viewer"]["user"]["id"].as_str().expect("a person").to_owned())
}

/// Queries may know of it a little later.
async fn becomes_nobody(client: &Client, what: &str) {
    eventually(what, || async { seen(client).await.is_none().then_some(()) }).await;
}

async fn may_post(client: &Client) {
    client.command("createPost", json!({ "title": "In time", "body": "Words." }), "").await;
}

async fn try_post(client: &Client) -> Value {
    let post = json!({ "input": { "title": "In time or not", "body": "Words." } });
    client.send(&mutation("createPost", ""), post, &[]).await.expect("an answer").body
}

/// Whether the client may post.
async fn posts(client: &Client) -> bool {
    try_post(client).await["data"]["createPost"]["receipt"]["accepted"] == true
}

async fn may_not_post(client: &Client) {
    let refused = try_post(client).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{refused:#}");
}

/// A token that was issued so many seconds from now, by the provider's clock.
fn issued_in(provider: &OpenIdProvider, subject: &str, seconds: f64) -> String {
    let mut claims = provider.claims(subject, "ada@millrace.example");
    claims["iat"] = json!(OffsetDateTime::now_utc().unix_timestamp_nanos() as f64 / 1e9 + seconds);
    provider.key().sign(&claims)
}

/// A token that can only have been issued after this moment, however far ahead of ours the provider's clock may be.
fn later(provider: &OpenIdProvider, subject: &str) -> String {
    issued_in(provider, subject, CLOCK_LEEWAY_S)
}
