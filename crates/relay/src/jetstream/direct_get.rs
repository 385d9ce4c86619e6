//! Reading stored messages in batches, without a consumer.
//!
//! The client has no call for it; the protocol is [ADR-31](https://github.com/nats-io/nats-architecture-and-design): a request
//! `{"seq":N,"batch":B}` on `$JS.API.DIRECT.GET.<stream>`, then messages with `Nats-Sequence`, then status 204.

use std::time::Duration;

use async_nats::header::{NATS_SEQUENCE, NATS_SUBJECT};
use async_nats::jetstream::Context;
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use async_nats::{Message, StatusCode};
use futures_util::StreamExt;
use millrace_events::Position;
use serde::Serialize;

use super::NatsError;
use crate::ports::StreamMessage;

/// How long the next message of a batch may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// The most bytes of one batch; a single larger message comes all the same.
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;
const END_OF_BATCH: u16 = 204;
const ANY_SUBJECT: &str = ">";

/// The messages after a position that are there. Any replica may answer, also one that lags, so that a hole at the beginning is only
/// believed if the leader confirms it; one further on ends the answer.
pub(super) async fn read(
    context: &Context,
    stream: &str,
    after: Position,
    limit: u32,
) -> Result<Vec<StreamMessage>, NatsError> {
    let batch = batch(context, stream, after, limit).await?;
    let mut messages: Vec<StreamMessage> = batch.into_iter().map(|stored| stored.message).collect();
    let without_hole = messages.iter().zip(after.0 + 1..).take_while(|(found, next)| found.sequence.0 == *next).count();
    if without_hole > 0 {
        messages.truncate(without_hole);
        return Ok(messages);
    }
    Ok(from_leader(context, stream, after.next()).await?.map_or(messages, |message| vec![message]))
}

/// The next messages after a position, wherever they are; empty only if there are none. Each replica has all that is left of a
/// beginning of the stream, so that what a lagging one lacks is at the end: an empty answer is only believed if the leader confirms it.
pub(super) async fn page(
    context: &Context,
    stream: &str,
    after: Position,
    limit: u32,
) -> Result<Vec<Stored>, NatsError> {
    let page = batch(context, stream, after, limit).await?;
    if page.is_empty() {
        return Ok(next_from_leader(context, stream, after).await?.into_iter().collect());
    }
    Ok(page)
}

/// A message with the subject that it was published to.
pub(super) struct Stored {
    pub(super) subject: String,
    pub(super) message: StreamMessage,
}

#[derive(Serialize)]
struct Request {
    seq: u64,
    batch: u32,
    max_bytes: usize,
}

/// One batch as it came.
async fn batch(context: &Context, stream: &str, after: Position, limit: u32) -> Result<Vec<Stored>, NatsError> {
    let client = context.client();
    let request = Request { seq: after.0 + 1, batch: limit, max_bytes: BATCH_BYTES_MAX };
    let request = serde_json::to_vec(&request).map_err(NatsError::EncodeRequest)?;
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.map_err(NatsError::Subscribe)?;
    let subject = format!("$JS.API.DIRECT.GET.{stream}");
    client.publish_with_reply(subject, inbox, request.into()).await.map_err(NatsError::Tell)?;
    let mut messages = Vec::new();
    loop {
        let answer = tokio::time::timeout(ANSWER_LIMIT, answers.next()).await.ok().flatten();
        match parse(answer.ok_or(NatsError::Silent(ANSWER_LIMIT))?)? {
            Some(message) => messages.push(message),
            None => return Ok(messages),
        }
    }
}

/// None at the end of the batch.
fn parse(answer: Message) -> Result<Option<Stored>, NatsError> {
    let header = |name| Some(answer.headers.as_ref()?.get_last(name)?.as_str());
    if let Some(sequence) = header(NATS_SEQUENCE) {
        let sequence = Position(sequence.parse().map_err(|_| NatsError::NoSequence)?);
        let subject = header(NATS_SUBJECT).unwrap_or_default().to_owned();
        let message = StreamMessage { sequence, payload: answer.payload.into() };
        return Ok(Some(Stored { subject, message }));
    }
    match answer.status {
        Some(StatusCode::NOT_FOUND) => Ok(None),
        Some(status) if status.as_u16() == END_OF_BATCH => Ok(None),
        Some(status) => {
            let description = answer.description.unwrap_or_default();
            Err(NatsError::Refused { status: status.as_u16(), description })
        }
        None => Err(NatsError::NoSequence),
    }
}

async fn from_leader(context: &Context, stream: &str, sequence: Position) -> Result<Option<StreamMessage>, NatsError> {
    let stream = context.get_stream_no_info(stream).await.map_err(NatsError::State)?;
    match stream.get_raw_message(sequence.0).await {
        Ok(message) => Ok(Some(StreamMessage { sequence, payload: message.payload.into() })),
        Err(error) if matches!(error.kind(), LastRawMessageErrorKind::NoMessageFound) => Ok(None),
        Err(error) => Err(NatsError::Leader(error)),
    }
}

async fn next_from_leader(context: &Context, stream: &str, after: Position) -> Result<Option<Stored>, NatsError> {
    let stream = context.get_stream_no_info(stream).await.map_err(NatsError::State)?;
    match stream.get_first_raw_message_by_subject(ANY_SUBJECT, after.next().0).await {
        Ok(found) => {
            let message = StreamMessage { sequence: Position(found.sequence), payload: found.payload.into() };
            Ok(Some(Stored { subject: found.subject.to_string(), message }))
        }
        Err(error) if matches!(error.kind(), LastRawMessageErrorKind::NoMessageFound) => Ok(None),
        Err(error) => Err(NatsError::Leader(error)),
    }
}
