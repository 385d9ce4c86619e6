//! A GraphQL client as a frontend has one: sends operations, keeps its access token and what it was shown.

use super::eventually;
use serde_json::{Value, json};
use std::time::Duration;

/// How long a client waits for an answer. Longer than the server's own limit for a request.
const ANSWER_WAIT: Duration = Duration::from_secs(30);

/// A client of one endpoint.
#[derive(Clone)]
pub struct Client {
    pub http: reqwest::Client,
    pub url: String,
    pub access_token: Option<String>,
}

/// A full answer.
pub struct Answer {
    pub body: Value,
}

/// A person with an account who is signed in.
#[derive(Clone)]
pub struct Person {
    pub id: String,
    pub email: String,
    pub client: Client,
    pub refresh_token: String,
}

pub const PASSWORD: &str = "correct horse battery";

impl Client {
    pub fn new(url: &str) -> Self {
        Self::with_patience(url, ANSWER_WAIT)
    }

    /// A client that gives a request up after this long.
    pub fn with_patience(url: &str, patience: Duration) -> Self {
        let http = reqwest::Client::builder().timeout(patience).build().expect("a client");
        Self { http, url: url.to_owned(), access_token: None }
    }

    /// An operation as it is sent, but for headers that say more than who asks.
    pub fn request(&self, query: &str, variables: &Value) -> reqwest::RequestBuilder {
        let request = self.http.post(&self.url).json(&json!({ "query": query, "variables": variables }));
        match &self.access_token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends an operation with these headers.
    pub async fn send(
        &self,
        query: &str,
        variables: Value,
        headers: &[(&str, &str)],
    ) -> Result<Answer, reqwest::Error> {
        let mut request = self.request(query, &variables).header("accept", "application/graphql-response+json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await?;
        Ok(Answer { body: response.json().await? })
    }

    /// Sends an operation that must have no top-level error; answers `data`.
    pub async fn ask(&self, query: &str, variables: Value) -> Value {
        self.ask_with(query, variables, &[]).await
    }

    /// The same with headers.
    pub async fn ask_with(&self, query: &str, variables: Value, headers: &[(&str, &str)]) -> Value {
        let answer = self.send(query, variables, headers).await.expect("an answer");
        assert!(answer.body.get("errors").is_none(), "{query}\n{:#}", answer.body);
        answer.body["data"].clone()
    }

    /// Sends a mutation whose only field is `name`; it must be accepted. Answers the payload.
    pub async fn command(&self, name: &str, input: Value, selection: &str) -> Value {
        let payload = self.try_command(name, input, selection).await;
        assert_eq!(payload["errors"], json!([]), "{name}: {payload:#}");
        payload
    }

    /// Sends a mutation that may be rejected. Answers the payload, `errors` with all that they can carry.
    pub async fn try_command(&self, name: &str, input: Value, selection: &str) -> Value {
        let data = self.ask(&mutation(name, selection), json!({ "input": input })).await;
        data[name].clone()
    }

    /// What became of a command; null if nothing is known of it.
    pub async fn command_status(&self, command_id: &Value) -> Value {
        let query = "query($id: ID!) { commandStatus(id: $id) { id state } }";
        self.ask(query, json!({ "id": command_id })).await["commandStatus"].clone()
    }

    /// Waits until a command that may have taken effect shows to have.
    pub async fn takes_effect(&self, command_id: &Value) {
        eventually("it has taken effect", async || {
            (self.command_status(command_id).await["id"] == *command_id).then_some(())
        })
        .await;
    }

    /// A new account, signed in.
    pub async fn sign_up(&self, name: &str) -> Person {
        let email = format!("{}-{}@millrace.example", name.to_lowercase(), uuid::Uuid::now_v7().simple());
        let input = json!({ "firstName": name, "lastName": "Test", "email": email, "password": PASSWORD });
        let payload = self.command("signUp", input, "user { id } session { accessToken refreshToken }").await;
        let mut client = self.clone();
        client.access_token = payload["session"]["accessToken"].as_str().map(str::to_owned);
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        Person {
            id: text(&payload["receipt"]["aggregateId"]),
            email,
            client,
            refresh_token: text(&payload["session"]["refreshToken"]),
        }
    }
}

impl Person {
    /// Signs in anew, as one must every five minutes; an account that was deactivated comes back by it. If nobody answers, the old
    /// token stays.
    pub async fn try_sign_in(&mut self) {
        let anonymous = Client { access_token: None, ..self.client.clone() };
        let input = json!({ "email": self.email, "password": PASSWORD, "reactivate": true });
        let text = mutation("signIn", "session { accessToken }");
        let Ok(answer) = anonymous.send(&text, json!({ "input": input }), &[]).await else { return };
        if let Some(token) = answer.body["data"]["signIn"]["session"]["accessToken"].as_str() {
            self.client.access_token = Some(token.to_owned());
        }
    }
}

/// The text of a mutation with one field. The input's type is the field's name with a capital, as GRAPHQL conventions have it.
pub fn mutation(name: &str, selection: &str) -> String {
    let input_type = format!("{}{}Input", name[..1].to_uppercase(), &name[1..]);
    format!(
        "mutation($input: {input_type}!) {{ {name}(input: $input) {{
            receipt {{ commandId accepted replayed aggregateId version acceptedAt consistencyToken }}
            errors {{ __typename code message path retryable }}
            {selection}
        }} }}"
    )
}

/// The id of the aggregate that a payload's receipt tells about.
pub fn id_of(payload: &Value) -> String {
    payload["receipt"]["aggregateId"].as_str().expect("an id").to_owned()
}

/// The consistency token of a payload's receipt.
pub fn token(payload: &Value) -> String {
    payload["receipt"]["consistencyToken"].as_str().expect("a token").to_owned()
}
