//! The way from the public endpoint to the command side: in this process, or over a small internal HTTP API.

use axum::body::{Body, Bytes};
use futures_util::stream;
use millrace_command::wallet::{NoticeError, SIGNATURE_HEADER, TopUpEnded};
use millrace_command::{
    Answer, Command, CommandFailure, Commands, Export, ExportRefusal, FailureCode, FailureReport, NoticeOutcome,
    Request,
};
use millrace_events::Timestamp;
use reqwest::{Client, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;

/// A command's whole time, waiting in queues included.
const COMMAND_WAIT_MAX: Duration = Duration::from_secs(15);
const CONNECT_WAIT_MAX: Duration = Duration::from_secs(2);

/// Sends commands.
#[derive(Clone)]
pub enum CommandPort {
    /// Handled in this process.
    Local(Commands),
    /// Handled by a command role.
    Remote(Remote),
}

/// A command role somewhere else.
#[derive(Clone)]
pub struct Remote {
    client: Client,
    url: String,
    secret: Arc<str>,
    export_wait_max: Duration,
}

/// A command and its circumstances, as they travel.
#[derive(Debug, Serialize, Deserialize)]
pub struct Envelope<C> {
    /// Who sends it, and under which id.
    pub request: Request,
    /// The command.
    pub input: C,
}

/// The wish for an export, as it travels.
#[derive(Serialize, Deserialize)]
pub struct WantedExport {
    /// The last part of the link.
    pub token: String,
}

/// An answer as it travels. Of a failure only its report does; the cause stays in the log of the process that met it.
pub type RemoteAnswer = Result<Value, FailureReport>;

impl CommandPort {
    /// A port to a command role. `secret` is what query and command roles know each other by; `export_max` is how long the command role
    /// may write an export.
    pub fn remote(url: &str, secret: Arc<str>, export_max: Duration) -> Result<Self, reqwest::Error> {
        let client = Client::builder().timeout(COMMAND_WAIT_MAX).connect_timeout(CONNECT_WAIT_MAX).build()?;
        let (url, export_wait_max) = (url.trim_end_matches('/').to_owned(), export_max + COMMAND_WAIT_MAX);
        Ok(Self::Remote(Remote { client, url, secret, export_wait_max }))
    }

    /// Sends a command, and waits for its answer.
    pub async fn send<C: Command>(&self, request: Request, input: C) -> Result<Answer<C::Outcome>, CommandFailure> {
        match self {
            Self::Local(commands) => commands.execute(request, input).await,
            Self::Remote(remote) => remote.send(request, input).await,
        }
    }

    /// Passes a payment provider's notice on, as it came.
    pub async fn notice(&self, signature: &str, body: Bytes) -> NoticeAnswer {
        match self {
            Self::Local(commands) => take_notice(commands, signature, &body).await,
            Self::Remote(remote) => remote.notice(signature, body).await,
        }
    }

    /// The document that a link to an export leads to; `token` is the link's last part.
    pub async fn export(&self, token: String) -> Result<Body, ExportRefusal> {
        match self {
            Self::Local(commands) => commands.export(&token).await.map(document),
            Self::Remote(remote) => remote.export(token).await,
        }
    }
}

/// The body of a document that comes piece by piece. One that is cut short breaks the connection, so nobody takes a part for the whole.
pub fn document(export: Export) -> Body {
    Body::from_stream(stream::unfold(export, async |mut export| Some((export.next().await?, export))))
}

/// What a payment provider is told about its notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NoticeAnswer {
    /// It took effect, now or before.
    Taken,
    /// It is not rightly signed, or too old.
    NotBelieved,
    /// It cannot be read.
    Malformed,
    /// It contradicts what is known.
    Rejected,
    /// No notices are taken here.
    Off,
    /// It must be sent again.
    Later,
}

/// Deals with a notice in this process.
pub async fn take_notice(commands: &Commands, signature: &str, body: &[u8]) -> NoticeAnswer {
    match commands.take_notice(signature, body, Timestamp::new(OffsetDateTime::now_utc())).await {
        NoticeOutcome::Off => NoticeAnswer::Off,
        NoticeOutcome::NotBelieved(NoticeError::MalformedNotice | NoticeError::MalformedSignature) => {
            NoticeAnswer::Malformed
        }
        NoticeOutcome::NotBelieved(error) => {
            tracing::warn!(%error, "a payment notice was not believed");
            NoticeAnswer::NotBelieved
        }
        NoticeOutcome::Answered(answer) => dealt_with(*answer),
    }
}

fn dealt_with(answer: Result<Answer<TopUpEnded>, CommandFailure>) -> NoticeAnswer {
    match answer {
        Ok(Answer::Accepted { .. }) => NoticeAnswer::Taken,
        Ok(Answer::Rejected { errors, .. }) => {
            tracing::error!(?errors, "a payment notice contradicts what is known");
            NoticeAnswer::Rejected
        }
        Err(failure) => {
            tracing::warn!(%failure, "a payment notice could not be dealt with yet");
            NoticeAnswer::Later
        }
    }
}

impl Remote {
    async fn notice(&self, signature: &str, body: Bytes) -> NoticeAnswer {
        let url = format!("{}/payment-notices", self.url);
        let request = self.client.post(url).bearer_auth(&self.secret).header(SIGNATURE_HEADER, signature).body(body);
        let answer = async { request.send().await?.error_for_status()?.json().await };
        answer.await.unwrap_or_else(|error: reqwest::Error| {
            tracing::error!(error = &error as &dyn std::error::Error, "the command role did not answer");
            NoticeAnswer::Later
        })
    }

    async fn export(&self, token: String) -> Result<Body, ExportRefusal> {
        let asked = self.client.post(format!("{}/exports", self.url)).bearer_auth(&self.secret);
        let sent = asked.timeout(self.export_wait_max).json(&WantedExport { token }).send().await;
        match sent {
            Ok(answer) if answer.status() == StatusCode::UNPROCESSABLE_ENTITY => {
                Err(answer.json().await.unwrap_or_else(|error| unanswered(&error)))
            }
            Ok(answer) => answer.error_for_status().map(passed_on).map_err(|error| unanswered(&error)),
            Err(error) => Err(unanswered(&error)),
        }
    }

    async fn send<C: Command>(&self, request: Request, input: C) -> Result<Answer<C::Outcome>, CommandFailure> {
        let answer = self.post::<C>(request, input).await.map_err(|error| {
            tracing::error!(
                command = C::NAME,
                error = &error as &dyn std::error::Error,
                "the command role did not answer"
            );
            CommandFailure::reported(unknown(&error))
        });
        answer?.map_err(CommandFailure::reported)
    }

    async fn post<C: Command>(
        &self,
        request: Request,
        input: C,
    ) -> Result<Result<Answer<C::Outcome>, FailureReport>, reqwest::Error> {
        let url = format!("{}/commands/{}", self.url, C::NAME);
        let sent = self.client.post(url).bearer_auth(&self.secret).json(&Envelope { request, input }).send().await?;
        sent.error_for_status()?.json().await
    }
}

/// The body as it comes. An error of the command role's breaks it here too.
fn passed_on(answer: reqwest::Response) -> Body {
    Body::from_stream(stream::unfold(Some(answer), async |answer| {
        let mut answer = answer?;
        match answer.chunk().await {
            Ok(chunk) => Some((Ok(chunk?), Some(answer))),
            Err(error) => Some((Err(error), None)),
        }
    }))
}

/// What is told of a command whose answer did not come. Only if the command role was not reached, or turned it away, nothing came of it.
fn unknown(error: &reqwest::Error) -> FailureReport {
    if error.status() == Some(StatusCode::PAYLOAD_TOO_LARGE) {
        let limit = Some("bytes of a command".to_owned());
        return FailureReport { limit, ..FailureReport::of(FailureCode::LimitExceeded) };
    }
    if error.is_connect() || error.status().is_some_and(|status| status.is_client_error()) {
        return FailureReport::of(FailureCode::Unavailable);
    }
    FailureReport::open(if error.is_timeout() { FailureCode::Timeout } else { FailureCode::Unavailable })
}

fn unanswered(error: &reqwest::Error) -> ExportRefusal {
    tracing::error!(error = error as &dyn std::error::Error, "the command role did not answer");
    ExportRefusal::Failed(FailureReport::of(FailureCode::Unavailable))
}

/// Handles one command of the internal API. One whose answer cannot be written was handled all the same.
pub async fn run<C: Command>(commands: &Commands, request: Request, input: Value) -> RemoteAnswer {
    let input: C = serde_json::from_value(input).map_err(|_| FailureReport::of(FailureCode::Internal))?;
    let answer = commands.execute(request, input).await.map_err(|failure| failure.report().clone())?;
    serde_json::to_value(answer).map_err(|_| FailureReport::open(FailureCode::Internal))
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_command::SignOut;
    use millrace_events::Viewer;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    const LITTLE_PATIENCE: Duration = Duration::from_millis(200);
    const PATIENCE: Duration = Duration::from_secs(60);
    const NOBODY: &str = "http://127.0.0.1:9";

    async fn somebody() -> (TcpListener, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        (listener, url)
    }

    /// Takes one request, answers this and hangs up.
    async fn answer_one(listener: TcpListener, answer: &str) {
        let (mut connection, _) = listener.accept().await.unwrap();
        let bytes = connection.read(&mut [0; 4_096]).await.unwrap();
        assert!(bytes > 0);
        connection.write_all(answer.as_bytes()).await.unwrap();
    }

    /// What is told of a command that is sent there.
    async fn sent_to(url: &str, patience: Duration) -> FailureReport {
        let client = Client::builder().no_proxy().timeout(patience).build().unwrap();
        let remote = Remote { client, url: url.to_owned(), secret: "secret".into(), export_wait_max: PATIENCE };
        let answer = remote.send(Request::new(Viewer::Anonymous), SignOut::default()).await;
        answer.unwrap_err().report().clone()
    }

    #[tokio::test]
    async fn a_command_whose_answer_takes_too_long_may_still_take_effect() {
        let (_listener, url) = somebody().await;
        assert_eq!(sent_to(&url, LITTLE_PATIENCE).await, FailureReport::open(FailureCode::Timeout));
    }

    #[tokio::test]
    async fn a_command_role_that_hangs_up_may_have_taken_the_command() {
        let (listener, url) = somebody().await;
        let (report, ()) = tokio::join!(sent_to(&url, PATIENCE), answer_one(listener, ""));
        assert_eq!(report, FailureReport::open(FailureCode::Unavailable));
    }

    /// However often it is sent.
    #[tokio::test]
    async fn a_command_that_is_too_long_for_the_command_role_is_not_to_be_sent_again() {
        const TOO_LONG: &str = "HTTP/1.1 413 Payload Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        let (listener, url) = somebody().await;
        let (report, ()) = tokio::join!(sent_to(&url, PATIENCE), answer_one(listener, TOO_LONG));
        assert_eq!((report.code, report.retryable), (FailureCode::LimitExceeded, false));
    }

    #[tokio::test]
    async fn nothing_came_of_a_command_that_reached_nobody() {
        assert_eq!(sent_to(NOBODY, PATIENCE).await, FailureReport::of(FailureCode::Unavailable));
    }
}
