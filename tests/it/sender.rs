//! A client who does not give up: each command goes under one idempotency key to whichever address answers, until it is answered.

use crate::acknowledged::Acknowledged;
use crate::harness::client::{Client, Person, mutation};
use crate::harness::provider::Provider;
use crate::load::Dice;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

const TRY_AGAIN_AFTER: Duration = Duration::from_millis(30);
const TRIES_MAX: usize = 2_000;
/// A client that waits no longer asks another process: what it sent first may still take effect, under the same key.
const PATIENCE: Duration = Duration::from_secs(5);
/// Codes of top-level errors after which the same command is sent again.
const RETRYABLE: &[&str] = &["UNAVAILABLE", "TIMEOUT", "RATE_LIMITED", "CONSISTENCY_TIMEOUT"];

/// A person who sends each command until it is answered.
pub struct Sender {
    person: Person,
    urls: Vec<String>,
    dice: Dice,
    acknowledged: Option<Acknowledged>,
}

impl Sender {
    pub fn new(person: &Person, urls: &[String], seed: u64) -> Self {
        Self::with_patience(PATIENCE, person, urls, seed)
    }

    /// One who waits so long for an answer before asking again.
    pub fn with_patience(patience: Duration, person: &Person, urls: &[String], seed: u64) -> Self {
        let http = Client::with_patience("", patience).http;
        let client = Client { http, ..person.client.clone() };
        let person = Person { client, ..person.clone() };
        Self { person, urls: urls.to_vec(), dice: Dice::new(seed), acknowledged: None }
    }

    /// The same, whose answers are noted here.
    pub fn noted_by(self, acknowledged: &Acknowledged) -> Self {
        Self { acknowledged: Some(acknowledged.clone()), ..self }
    }

    /// Sends a command under one idempotency key until it is answered; it must be accepted.
    pub async fn insist(&mut self, name: &str, input: Value) -> Value {
        self.insist_on(name, "", input).await
    }

    /// The same, with fields of the payload.
    pub async fn insist_on(&mut self, name: &str, selection: &str, input: Value) -> Value {
        let payload = self.answered(name, selection, input).await;
        assert_eq!(payload["errors"], json!([]), "{name}: {payload:#}");
        payload
    }

    /// Sends a command under one idempotency key until it is answered; none if it was rejected, for one of these reasons.
    pub async fn try_to(&mut self, name: &str, input: Value, reasons: &[&str]) -> Option<Value> {
        let payload = self.answered(name, "", input).await;
        let Some(error) = payload["errors"].get(0) else { return Some(payload) };
        let reason = error["__typename"].as_str().expect("a type");
        assert!(reasons.contains(&reason), "{name}: {payload:#}");
        None
    }

    async fn answered(&mut self, name: &str, selection: &str, input: Value) -> Value {
        let payload = self.ask_until_answered(name, selection, &input).await;
        if let Some(acknowledged) = &self.acknowledged {
            acknowledged.note(&self.person, name, &input, &payload);
        }
        payload
    }

    async fn ask_until_answered(&mut self, name: &str, selection: &str, input: &Value) -> Value {
        let mut input = input.clone();
        input["idempotencyKey"] = json!(Uuid::now_v7().simple().to_string());
        let text = mutation(name, selection);
        for _ in 0..TRIES_MAX {
            self.person.client.url = self.a_url();
            if let Ok(answer) = self.person.client.send(&text, json!({ "input": input }), &[]).await {
                match answer.body["errors"][0]["extensions"]["code"].as_str() {
                    None => return answer.body["data"][name].clone(),
                    Some("UNAUTHENTICATED") => self.person.try_sign_in().await,
                    Some(code) => assert!(RETRYABLE.contains(&code), "{name}: {:#}", answer.body),
                }
            }
            tokio::time::sleep(TRY_AGAIN_AFTER).await;
        }
        panic!("{name} was never answered");
    }

    /// Has the provider tell that this top-up succeeded, until it is believed.
    pub async fn notify(&mut self, provider: &Provider, top_up: &str, minor: i64) {
        provider.insists(|| self.a_url(), top_up, minor).await;
    }

    /// A random number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.dice.below(end)
    }

    fn a_url(&mut self) -> String {
        self.urls[self.dice.below(self.urls.len())].clone()
    }
}
