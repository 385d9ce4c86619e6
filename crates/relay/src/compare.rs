//! Reading the same stretch of both sides, the stream first, and judging it.

use millrace_events::{Envelope, EventId, Position, rule};
use millrace_log::LogHead;

use crate::error::RelayError;
use crate::judge::{Stretch, Verdict, judge_hole, judge_messages};
use crate::ports::{LogSide, StreamMessage, StreamSide, StreamState};

/// How many messages are compared at once.
pub const PAGE_MESSAGES: u32 = 500;

/// The stream's state, and the log's head as it was after it.
pub async fn look(log: &impl LogSide, stream: &impl StreamSide) -> Result<(Option<StreamState>, LogHead), RelayError> {
    if rule("stream_read_before_log") {
        let state = stream.state().await.map_err(RelayError::Stream)?;
        return Ok((state, log.head().await.map_err(RelayError::Log)?));
    }
    let head = log.head().await.map_err(RelayError::Log)?;
    Ok((stream.state().await.map_err(RelayError::Stream)?, head))
}

/// A stretch that was compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// What it says.
    pub verdict: Verdict,
    /// It covers all sequences up to here.
    pub until: Position,
    /// The log's event there, if it has one.
    pub last: Option<EventId>,
}

/// Compares the messages after a position, at most a page of them and none after `until`, which the stream is known to have reached.
pub async fn page(
    log: &impl LogSide,
    stream: &impl StreamSide,
    after: Position,
    until: Position,
) -> Result<Compared, RelayError> {
    let limit = u32::try_from(until.0.saturating_sub(after.0)).map_or(PAGE_MESSAGES, |left| left.min(PAGE_MESSAGES));
    if rule("stream_read_before_log") {
        let messages = messages(stream, after, until, limit).await?;
        let start = start_of_log(&messages, after);
        let events = log.read(start, limit).await.map_err(RelayError::Log)?;
        return judge(log, after, until, messages, events, None).await;
    }
    let head = log.head().await.map_err(RelayError::Log)?;
    let events = log.read(after, limit).await.map_err(RelayError::Log)?;
    let messages = messages(stream, after, until, limit).await?;
    judge(log, after, until, messages, events, Some(head)).await
}

/// Messages written since `until` was read are left for the next look.
async fn messages(
    stream: &impl StreamSide,
    after: Position,
    until: Position,
    limit: u32,
) -> Result<Vec<StreamMessage>, RelayError> {
    let mut messages = stream.read(after, limit).await.map_err(RelayError::Stream)?;
    messages.retain(|message| message.sequence <= until);
    Ok(messages)
}

/// A hole may be millions wide, so the log is read from where messages begin.
fn start_of_log(messages: &[StreamMessage], after: Position) -> Position {
    messages.first().map_or(after, |first| Position(first.sequence.0.saturating_sub(1)))
}

/// Both sides may answer fewer than asked, so the page ends where the shorter one does, unless that is the end of that side.
async fn judge(
    log: &impl LogSide,
    after: Position,
    until: Position,
    messages: Vec<StreamMessage>,
    events: Vec<Envelope>,
    head_before: Option<LogHead>,
) -> Result<Compared, RelayError> {
    let (Some(first_message), Some(last_message)) = (messages.first(), messages.last()) else {
        return Ok(Compared { verdict: judge_hole(after), until, last: None });
    };
    let Some(last_event) = events.last() else {
        let head = match head_before {
            Some(head) => head,
            None => log.head().await.map_err(RelayError::Log)?,
        };
        if head.position >= first_message.sequence {
            return Err(RelayError::LogDoesNotFollow(first_message.sequence));
        }
        let until = last_message.sequence;
        let above = Stretch { history: head.history, events: &[], head: Some(head.position) };
        return Ok(Compared { verdict: judge_messages(after, until, &messages, above), until, last: None });
    };
    let until = last_message.sequence.min(last_event.position);
    let covered = messages.partition_point(|message| message.sequence <= until);
    let stretch = Stretch { history: last_event.history, events: &events, head: None };
    let verdict = judge_messages(after, until, &messages[..covered], stretch);
    let last = events.iter().find(|event| event.position == until).map(|event| event.event_id);
    Ok(Compared { verdict, until, last })
}
