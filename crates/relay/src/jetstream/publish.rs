//! Publishing a window without waiting in between.

use std::future::IntoFuture;

use async_nats::HeaderMap;
use async_nats::header::{NATS_EXPECTED_LAST_SEQUENCE, NATS_MESSAGE_ID};
use async_nats::jetstream::Context;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use futures_util::future::join_all;
use millrace_events::Position;

use crate::ports::{Ack, Outgoing};
use crate::settings::NatsSettings;

/// The acks in order, up to the first that did not come or was a refusal. After that one nothing of the window is believed.
pub(super) async fn publish(context: &Context, settings: &NatsSettings, window: &[Outgoing]) -> Vec<Ack> {
    let mut sent = Vec::with_capacity(window.len());
    let mut failure = None;
    for message in window {
        let subject = settings.subject_of(&message.name);
        match context.publish_with_headers(subject, headers(message), message.payload.clone().into()).await {
            Ok(ack) => sent.push(ack.into_future()),
            Err(error) => {
                failure = Some(error);
                break;
            }
        }
    }
    // Awaited together, because the time limit of each begins when it is first awaited.
    let mut acks = Vec::with_capacity(sent.len());
    for answer in join_all(sent).await {
        match answer {
            Ok(ack) => acks.push(Ack { sequence: Position(ack.sequence), duplicate: ack.duplicate }),
            Err(error) => {
                failure = Some(error);
                break;
            }
        }
    }
    if let Some(error) = failure {
        say(&error, window, acks.len());
    }
    acks
}

/// With two relays one of them is always second, so a wrong last sequence is nothing to tell.
fn say(error: &PublishError, window: &[Outgoing], acks: usize) {
    let first = window.first().map(|message| message.position.0);
    if error.kind() == PublishErrorKind::WrongLastSequence {
        tracing::debug!(first, acks, events = window.len(), "the stream ends elsewhere");
        return;
    }
    let error = error as &dyn std::error::Error;
    tracing::warn!(error, first, acks, events = window.len(), "a window was published in part, or without answer");
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
