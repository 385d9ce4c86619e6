//! The payment provider: whoever holds the secret that its notices are signed with.

use super::stage::Stage;
use millrace_command::wallet::{SIGNATURE_HEADER, WebhookSecret};
use millrace_command::{PaymentNotice, PaymentResult};
use millrace_events::{Currency, Money, Timestamp, TopUpId};
use std::time::Duration;
use time::OffsetDateTime;

/// How long a provider waits for an answer before it sends the notice again, to another process if there is one.
const ANSWER_WAIT: Duration = Duration::from_secs(30);
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(30);
const TRIES_MAX: usize = 2_000;

/// Calls the webhook.
#[derive(Clone)]
pub struct Provider {
    http: reqwest::Client,
    secret: WebhookSecret,
}

impl Provider {
    /// The provider that this stage believes.
    pub fn of(stage: &Stage) -> Self {
        let file = stage.variable("MILLRACE_PAYMENTS__WEBHOOK_SECRET_FILE");
        let secret = std::fs::read_to_string(file).expect("a secret");
        let secret = WebhookSecret::new(secret.trim().as_bytes()).expect("long enough");
        Self { http: reqwest::Client::builder().timeout(ANSWER_WAIT).build().expect("a client"), secret }
    }

    /// Tells that a top-up of so many cents has succeeded; answers the status.
    pub async fn succeeds(&self, graphql: &str, top_up: &str, minor: i64) -> Result<u16, reqwest::Error> {
        self.tells(graphql, top_up, PaymentResult::Succeeded, &format!("evt-{top_up}"), minor).await
    }

    /// Tells that a top-up of so many cents has succeeded, each time at the next address, until it is believed.
    pub async fn insists(&self, mut graphql: impl FnMut() -> String, top_up: &str, minor: i64) {
        for _ in 0..TRIES_MAX {
            match self.succeeds(&graphql(), top_up, minor).await {
                Ok(204) => return,
                Ok(status) => assert!(status >= 500, "the notice was answered {status}"),
                Err(_) => {}
            }
            tokio::time::sleep(TRY_AGAIN_AFTER).await;
        }
        panic!("the notice was never taken");
    }

    /// Tells what became of a top-up, in an event with this id; answers the status.
    pub async fn tells(
        &self,
        graphql: &str,
        top_up: &str,
        result: PaymentResult,
        event_id: &str,
        minor: i64,
    ) -> Result<u16, reqwest::Error> {
        let body = notice(top_up, result, event_id, (minor, "EUR"));
        self.call_signed(graphql, body, OffsetDateTime::now_utc()).await
    }

    /// Calls the webhook with a body that is signed at this moment; answers the status.
    pub async fn call_signed(
        &self,
        graphql: &str,
        body: Vec<u8>,
        signed_at: OffsetDateTime,
    ) -> Result<u16, reqwest::Error> {
        let signature = self.secret.sign(Timestamp::new(signed_at), &body);
        self.call(graphql, body, &signature).await
    }

    /// Calls the webhook beside this GraphQL endpoint; answers the status.
    pub async fn call(&self, graphql: &str, body: Vec<u8>, signature: &str) -> Result<u16, reqwest::Error> {
        let url = graphql.replace("/graphql", "/webhooks/payments");
        let request = self.http.post(url).header(SIGNATURE_HEADER, signature).body(body);
        Ok(request.send().await?.status().as_u16())
    }
}

/// What a provider says of a top-up of so much of a currency.
pub fn notice(top_up: &str, result: PaymentResult, event_id: &str, (minor, currency): (i64, &str)) -> Vec<u8> {
    let notice = PaymentNotice {
        event_id: event_id.into(),
        top_up_id: TopUpId::from_global(top_up).expect("an id"),
        result,
        amount: Money::new(minor, Currency::parse(currency).expect("a currency")),
    };
    serde_json::to_vec(&notice).expect("JSON")
}
