//! An event as a message: how it is written, and how one that lies in the stream is recognised.

use millrace_events::{Envelope, Position, rule};

use crate::ports::{Outgoing, StreamMessage};

/// The predecessor's event id, so that a reader can follow the chain without reading the payload.
pub const PREDECESSOR_HEADER: &str = "Millrace-Predecessor";
/// The trace that the command's request belonged to (W3C trace context).
pub const TRACE_HEADER: &str = "traceparent";
/// The version of CloudEvents that the `ce-` headers follow.
const CLOUD_EVENTS_VERSION: &str = "1.0";
/// What CloudEvents calls the source: the log of this history.
const SOURCE_PREFIX: &str = "millrace/log/";

/// The message for an event: it is refused unless the stream ends just before its position.
pub fn outgoing(envelope: &Envelope) -> Result<Outgoing, serde_json::Error> {
    Ok(Outgoing {
        position: envelope.position,
        expected_last: rule("expected_sequence").then(|| Position(envelope.position.0.saturating_sub(1))),
        event_id: envelope.event_id,
        name: envelope.name.clone(),
        headers: headers(envelope),
        payload: serde_json::to_vec(envelope)?,
    })
}

fn headers(envelope: &Envelope) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("ce-specversion", CLOUD_EVENTS_VERSION.to_owned()),
        ("ce-id", envelope.event_id.to_string()),
        ("ce-source", format!("{SOURCE_PREFIX}{}", envelope.history)),
        ("ce-type", envelope.name.clone()),
        ("ce-time", envelope.at.to_string()),
        ("content-type", "application/json".to_owned()),
    ];
    headers.extend(envelope.predecessor.map(|id| (PREDECESSOR_HEADER, id.to_string())));
    // Whatever stands there in the log is passed on: it was looked at before it came there.
    headers.extend(envelope.trace.clone().map(|trace| (TRACE_HEADER, trace)));
    headers
}

/// The envelope in a message, if it is one and lies at its own position; whatever else lies there is a stranger's.
pub fn well_formed(message: &StreamMessage) -> Option<Envelope> {
    let envelope: Envelope = serde_json::from_slice(&message.payload).ok()?;
    (envelope.position == message.sequence).then_some(envelope)
}

/// True if the message is this event. Compared as values, because another version of this program may write other bytes.
pub fn is_copy_of(message: &StreamMessage, event: &Envelope) -> bool {
    let same_bytes = serde_json::to_vec(event).is_ok_and(|bytes| bytes == message.payload);
    message.sequence == event.position && (same_bytes || well_formed(message).as_ref() == Some(event))
}
