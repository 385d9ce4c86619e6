//! The way from the public endpoint to the command side: in this process, or over a small internal HTTP API.

use millrace_command::{Answer, Command, CommandFailure, Commands, Request};
use reqwest::Client;
use reqwest::header::AUTHORIZATION;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// A command's whole time, waiting in queues included.
const COMMAND_WAIT_MAX: Duration = Duration::from_secs(15);
const CONNECT_WAIT_MAX: Duration = Duration::from_secs(2);

/// Sends commands.
#[derive(Clone)]
pub enum CommandPort {
    /// Handled in this process.
    Local(Arc<Commands>),
    /// Handled by a command role.
    Remote(Remote),
}

/// A command role somewhere else.
#[derive(Clone)]
pub struct Remote {
    client: Client,
    url: String,
    secret: Arc<str>,
}

/// A command and its circumstances, as they travel.
#[derive(Debug, Serialize, Deserialize)]
pub struct Envelope<C> {
    /// Who sends it, and under which id.
    pub request: Request,
    /// The command.
    pub input: C,
}

/// An answer as it travels.
pub type RemoteAnswer = Result<Value, RemoteFailure>;

/// A failure as it travels: its code alone; the cause stays in the log of the process that met it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteFailure {
    /// The stable code.
    pub code: String,
    /// For people.
    pub message: String,
}

impl CommandPort {
    /// A port to a command role. `secret` is what query and command roles know each other by.
    pub fn remote(url: &str, secret: Arc<str>) -> Result<Self, reqwest::Error> {
        let client = Client::builder().timeout(COMMAND_WAIT_MAX).connect_timeout(CONNECT_WAIT_MAX).build()?;
        Ok(Self::Remote(Remote { client, url: url.trim_end_matches('/').to_owned(), secret }))
    }

    /// Sends a command, and waits for its answer.
    pub async fn send<C: Command>(&self, request: Request, input: C) -> Result<Answer<C::Outcome>, CommandFailure> {
        match self {
            Self::Local(commands) => commands.execute(request, input).await,
            Self::Remote(remote) => remote.send(request, input).await,
        }
    }
}

impl Remote {
    async fn send<C: Command>(&self, request: Request, input: C) -> Result<Answer<C::Outcome>, CommandFailure> {
        let url = format!("{}/commands/{}", self.url, C::NAME);
        let authorization = format!("Bearer {}", self.secret);
        let sent = self.client.post(url).header(AUTHORIZATION, authorization).json(&Envelope { request, input }).send().await;
        let response = sent.and_then(reqwest::Response::error_for_status).map_err(CommandFailure::unreachable)?;
        let answer: Result<Answer<C::Outcome>, RemoteFailure> = response.json().await.map_err(CommandFailure::unreachable)?;
        answer.map_err(|failure| CommandFailure::from_remote(&failure.code, failure.message))
    }
}

/// Handles one command of the internal API.
pub async fn run<C: Command>(commands: &Commands, request: Request, input: Value) -> RemoteAnswer {
    let input: C = serde_json::from_value(input).map_err(|_| RemoteFailure::bad_input())?;
    match commands.execute(request, input).await {
        Ok(answer) => serde_json::to_value(answer).map_err(|_| RemoteFailure::internal()),
        Err(failure) => Err(RemoteFailure { code: failure.code().to_owned(), message: failure.to_string() }),
    }
}

impl RemoteFailure {
    fn bad_input() -> Self {
        Self { code: "BAD_USER_INPUT".into(), message: "the input does not fit the command".into() }
    }

    fn internal() -> Self {
        Self { code: "INTERNAL".into(), message: "internal error".into() }
    }
}
