//! Signing in by an OpenID provider, which the test runs itself.

mod bearer;
mod erased;
mod keys;
mod linked_again;
mod linking;
mod no_password;
mod refused;
mod sign_in;

use crate::harness::client::{Client, Person, id_of};
use crate::harness::openid::OpenIdProvider;
use crate::harness::stage::Stage;
use serde_json::{Value, json};
use uuid::Uuid;

const PROVIDERS: &str = "MILLRACE_OPENID__PROVIDERS";
/// A new key is asked for at once.
const AT_ONCE: (&str, &str) = ("MILLRACE_OPENID__KEYS_ASKED_S_MIN", "0");
const SHOWN: &str = "user { id } session { accessToken refreshToken }";

/// A stage whose processes take the tokens of these.
pub async fn stage_with(providers: &[&OpenIdProvider]) -> Stage {
    Stage::new().await.with(PROVIDERS, &OpenIdProvider::setting(providers))
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

fn error(payload: &Value) -> &str {
    payload["errors"][0]["__typename"].as_str().unwrap_or("none")
}
