//! Publishing a window without waiting in between.

use std::future::IntoFuture;

use async_nats::HeaderMap;
use async_nats::header::{NATS_EXPECTED_LAST_SEQUENCE, NATS_MESSAGE_ID};
use async_nats::jetstream::Context;
use async_nats::jetstream::context::PublishErrorKind;
use futures_util::future::join_all;
use millrace_events::Position;

use super::NatsError;
use crate::ports::{Ack, Outgoing};
use crate::settings::NatsSettings;

/// The acks in order, up to the first refusal because the stream ends elsewhere or is gone. Any other failure is an error: then
/// nothing is known of the window.
pub(super) async fn publish(
    context: &Context,
    settings: &NatsSettings,
    window: &[Outgoing],
) -> Result<Vec<Ack>, NatsError> {
    let mut sent = Vec::with_capacity(window.len());
    for message in window {
        let subject = settings.subject_of(&message.name);
        let ack = context.publish_with_headers(subject, headers(message), message.payload.clone().into()).await;
        sent.push(ack.map_err(NatsError::Publish)?.into_future());
    }
    let mut acks = Vec::with_capacity(sent.len());
    // Awaited together, because the time limit of each begins when it is first awaited.
    for answer in join_all(sent).await {
        match answer {
            Ok(ack) => acks.push(Ack { sequence: Position(ack.sequence), duplicate: ack.duplicate }),
            Err(error) if is_refusal(error.kind()) => break,
            Err(error) => return Err(NatsError::Publish(error)),
        }
    }
    Ok(acks)
}

/// With two relays one of them is always second, so these are no errors.
fn is_refusal(kind: PublishErrorKind) -> bool {
    matches!(kind, PublishErrorKind::WrongLastSequence | PublishErrorKind::StreamNotFound)
}

fn headers(message: &Outgoing) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_MESSAGE_ID, message.event_id.to_string());
    if let Some(expected) = message.expected_last {
        headers.insert(NATS_EXPECTED_LAST_SEQUENCE, expected.to_string());
    }
    for (name, value) in &message.headers {
        headers.insert(*name, value.as_str());
    }
    headers
}
