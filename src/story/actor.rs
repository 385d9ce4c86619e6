//! Somebody in the story: a client of the public endpoint like any other, who signs in and sends operations.

use super::StoryError;
use crate::seed::Person;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const ANSWER_WAIT: Duration = Duration::from_secs(15);
/// A token this close to its end is replaced before it is used.
const RENEW_BEFORE_END: time::Duration = time::Duration::seconds(20);
const SIGN_IN: &str = "mutation($input: SignInInput!) { done: signIn(input: $input) {
    session { accessToken expiresAt } errors { code message }
} }";

/// Sends operations to one endpoint.
#[derive(Clone)]
pub struct Endpoint {
    http: reqwest::Client,
    url: String,
}

/// A person with an account.
pub struct Actor {
    endpoint: Endpoint,
    email: String,
    password: String,
    session: Option<Session>,
}

struct Session {
    access_token: String,
    expires_at: OffsetDateTime,
}

#[derive(Deserialize)]
struct Answer<T> {
    data: Option<T>,
    errors: Option<Vec<Message>>,
}

#[derive(Deserialize)]
struct Message {
    message: String,
}

/// A mutation's payload, under the name `done`.
#[derive(Deserialize)]
struct Done {
    done: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SessionText {
    access_token: String,
    expires_at: String,
}

impl Endpoint {
    /// The endpoint at this address.
    pub fn new(url: String) -> Result<Self, StoryError> {
        // What is on this machine is reached without a proxy.
        Ok(Self { http: reqwest::Client::builder().no_proxy().timeout(ANSWER_WAIT).build()?, url })
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        token: Option<&str>,
        query: &str,
        variables: Value,
    ) -> Result<T, StoryError> {
        let mut request = self.http.post(&self.url).header("accept", "application/json");
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let body = json!({ "query": query, "variables": variables });
        let answer: Answer<T> = request.json(&body).send().await?.json().await?;
        if let Some(error) = answer.errors.and_then(|errors| errors.into_iter().next()) {
            return Err(StoryError::Refused(error.message));
        }
        answer.data.ok_or(StoryError::Unexpected)
    }
}

impl Actor {
    /// A person at an endpoint, not signed in yet.
    pub fn new(endpoint: &Endpoint, person: &Person) -> Self {
        let (email, password) = (person.email.clone(), person.password.clone());
        Self { endpoint: endpoint.clone(), email, password, session: None }
    }

    /// Sends a query.
    pub async fn ask<T: DeserializeOwned>(&mut self, query: &str, variables: Value) -> Result<T, StoryError> {
        let token = self.token().await?;
        self.endpoint.ask(Some(&token), query, variables).await
    }

    /// Sends a mutation whose payload has the name `done`. The codes of its errors, if it was rejected.
    pub async fn command(&mut self, mutation: &str, input: Value) -> Result<Value, StoryError> {
        let payload: Done = self.ask(mutation, json!({ "input": input })).await?;
        accepted(payload.done)
    }

    async fn token(&mut self) -> Result<String, StoryError> {
        let now = OffsetDateTime::now_utc();
        match &self.session {
            Some(session) if now + RENEW_BEFORE_END < session.expires_at => Ok(session.access_token.clone()),
            _ => self.sign_in().await,
        }
    }

    /// Signs in anew. Answers the token.
    pub async fn sign_in(&mut self) -> Result<String, StoryError> {
        let input = json!({ "input": { "email": self.email, "password": self.password } });
        let payload: Done = self.endpoint.ask(None, SIGN_IN, input).await?;
        let session = accepted(payload.done)?["session"].take();
        let session: SessionText = serde_json::from_value(session)?;
        let expires_at = OffsetDateTime::parse(&session.expires_at, &Rfc3339).map_err(|_| StoryError::Unexpected)?;
        self.session = Some(Session { access_token: session.access_token.clone(), expires_at });
        Ok(session.access_token)
    }
}

fn accepted(payload: Value) -> Result<Value, StoryError> {
    match payload["errors"].as_array().and_then(|errors| errors.first()) {
        None => Ok(payload),
        Some(error) => Err(StoryError::Rejected(error["code"].as_str().unwrap_or_default().to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_with_errors_is_a_rejection_with_its_code() {
        let rejected = accepted(json!({ "errors": [{ "code": "OUT_OF_STOCK", "message": "none" }] }));
        assert!(matches!(rejected, Err(StoryError::Rejected(code)) if code == "OUT_OF_STOCK"));
        assert!(accepted(json!({ "errors": [], "order": { "id": "x" } })).is_ok());
    }
}
