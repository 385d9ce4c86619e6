//! Tokens that were not made here, and claims that nobody signed.

use crate::harness::client::Client;
use crate::harness::eventually;
use crate::harness::process::Process;
use crate::harness::socket::{Received, Socket};
use crate::harness::stage::Stage;
use crate::metrics::Metrics;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

const WHO: &str = "{ viewer { user { id } roles } }";

fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(header), part(claims))
}

fn with_secret(header: &Header, claims: &Value, secret: &[u8]) -> String {
    jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(secret)).expect("a token")
}

/// The claims of a good token, so that nothing but the signature is wrong.
fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).expect("claims");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("JSON")
}

fn forgeries(token: &str, public_key: &str) -> Vec<(&'static str, String)> {
    let claims = claims(token);
    let (head, rest) = token.split_once('.').expect("a header");
    let (body, signature) = rest.split_once('.').expect("a signature");
    let other_body = URL_SAFE_NO_PAD.encode(json!({ "sub": "someone", "exp": i64::MAX }).to_string());
    let hs256 = Header::new(Algorithm::HS256);
    let kid = Header { kid: Some("../../../../dev/null".into()), ..hs256.clone() };
    vec![
        ("no algorithm", unsigned(&json!({ "alg": "none", "typ": "JWT" }), &claims)),
        ("no algorithm, in capitals", unsigned(&json!({ "alg": "NONE" }), &claims)),
        ("no signature", format!("{head}.{body}.")),
        ("the public key as a secret", with_secret(&hs256, &claims, public_key.as_bytes())),
        ("a key id that is a path", with_secret(&kid, &claims, b"")),
        ("other claims under the signature", format!("{head}.{other_body}.{signature}")),
        ("half a token", token[..token.len() / 2].to_owned()),
        ("a very long token", format!("{token}{}", "A".repeat(10_000))),
        ("an empty token", String::new()),
    ]
}

/// How many tokens were refused for these reasons.
async fn refused_tokens<const N: usize>(process: &Process, reasons: [&str; N]) -> [Option<f64>; N] {
    let metrics = Metrics::of(process).await;
    reasons.map(|reason| metrics.sample(&format!("millrace_bearer_refused_total{{reason=\"{reason}\"}}")))
}

#[tokio::test]
async fn no_forged_token_lets_anybody_in() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    let token = ada.client.access_token.clone().expect("a token");
    let public_key = std::fs::read_to_string(stage.variable("MILLRACE_AUTH__VERIFY_KEY_FILE")).expect("the key");
    assert_eq!(ada.client.ask(WHO, json!({})).await["viewer"]["user"]["id"], ada.id);
    assert_eq!(refused_tokens(&process, ["malformed", "invalid"]).await, [Some(0.0); 2]);
    let forgeries = forgeries(&token, &public_key);
    let refusals = 2 * forgeries.len();
    for (what, forged) in forgeries {
        let request = client.http.post(&client.url).json(&json!({ "query": WHO }));
        let answer = request.header("authorization", format!("Bearer {forged}")).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 401, "{what}");
        match Socket::try_open(&client.url, Some(&forged)).await {
            Err(Received::Closed(4403)) => {}
            Err(other) => panic!("{what}: {other:?}"),
            Ok(_) => panic!("{what}: a socket was let in"),
        }
    }
    let counted = refused_tokens(&process, ["malformed", "invalid"]).await.map(Option::unwrap);
    assert!(counted.iter().all(|refused| *refused > 0.0), "{counted:?}");
    assert_eq!(counted.iter().sum::<f64>(), refusals as f64, "each is counted once, over HTTP and on a socket");
    assert_eq!(refused_tokens(&process, ["expired", "not_yet", "unlinked", "ended"]).await, [Some(0.0); 4]);
    process.stop().await;
}

#[tokio::test]
async fn a_token_whose_sign_in_has_ended_is_counted_unless_it_is_taken() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await.client;
    let input = json!({ "idempotencyKey": "once" });
    ada.command("signOut", input.clone(), "").await;
    eventually("the token is refused", async || {
        let answer = ada.send(WHO, json!({}), &[]).await.expect("an answer").body;
        (answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED").then_some(())
    })
    .await;
    assert_eq!(refused_tokens(&process, ["ended"]).await, [Some(1.0)]);
    ada.command("signOut", input, "").await;
    assert_eq!(refused_tokens(&process, ["ended"]).await, [Some(1.0)], "sending it again gets the first answer");
    process.stop().await;
}

#[tokio::test]
async fn what_a_client_says_of_itself_does_not_count() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    let mut socket = Socket::connect(&client.url).await.expect("a socket");
    let claims =
        json!({ "user": { "id": ada.id, "role": "ADMIN" }, "roles": ["ADMIN"], "userId": ada.id, "viewer": ada.id });
    socket.send(json!({ "type": "connection_init", "payload": claims })).await.expect("sent");
    assert!(
        matches!(socket.receive("the acknowledgement").await, Received::Message(message) if message["type"] == "connection_ack")
    );
    socket.subscribe("1", WHO, json!({})).await;
    assert_eq!(socket.data("an answer").await["viewer"], Value::Null);
    let body = json!({ "query": WHO, "extensions": claims, "user": { "id": ada.id }, "roles": ["ADMIN"] });
    let headers = [("x-user-id", ada.id.as_str()), ("x-roles", "ADMIN"), ("x-forwarded-user", ada.id.as_str())];
    let mut request = Client::new(&client.url).http.post(&client.url).json(&body);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let answer: Value = request.send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!(answer["data"]["viewer"], Value::Null, "{answer:#}");
    process.stop().await;
}
