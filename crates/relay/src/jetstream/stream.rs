//! The stream itself: its settings, its identity, its state.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{CreateStreamErrorKind, DeleteStreamErrorKind, GetStreamErrorKind};
use async_nats::jetstream::stream::{Config, DiscardPolicy, Info, RetentionPolicy, StorageType};
use millrace_events::{History, Position};
use uuid::Uuid;

use super::NatsError;
use crate::ports::{Origin, StreamIdentity, StreamState};
use crate::settings::NatsSettings;

/// The stream's identity in its metadata.
pub(super) const IDENTITY: &str = "millrace-identity";
/// The history that the stream copies, in its metadata.
const HISTORY: &str = "millrace-history";
/// Nothing leans on it; the shortest costs the least memory.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(10);

/// The state as the stream's leader has it.
pub(super) async fn state(context: &Context, settings: &NatsSettings) -> Result<Option<StreamState>, NatsError> {
    let Some(info) = info(context, &settings.stream()).await? else { return Ok(None) };
    if has_drifted(&info.config, settings) {
        put_right(context, settings, &info.config).await;
    }
    let (last, messages) = (Position(info.state.last_sequence), info.state.messages);
    Ok(Some(StreamState { origin: origin(&info.config.metadata), last, messages }))
}

/// A stream that somebody else has just made stays: the next look tells what it is.
pub(super) async fn create(context: &Context, settings: &NatsSettings, history: History) -> Result<(), NatsError> {
    let metadata = [(IDENTITY.to_owned(), Uuid::now_v7().to_string()), (HISTORY.to_owned(), history.0.to_string())];
    let config = Config {
        name: settings.stream(),
        num_replicas: settings.replicas,
        duplicate_window: DUPLICATE_WINDOW,
        metadata: metadata.into(),
        ..keep_everything(Config::default(), settings)
    };
    match context.create_stream(config).await {
        Ok(_) => Ok(()),
        Err(error) if is_taken(&error.kind()) => Ok(()),
        Err(error) => Err(NatsError::Create(error)),
    }
}

pub(super) async fn delete(context: &Context, settings: &NatsSettings) -> Result<(), NatsError> {
    match context.delete_stream(settings.stream()).await {
        Ok(_) => Ok(()),
        Err(error) => match error.kind() {
            DeleteStreamErrorKind::JetStream(refusal) if refusal.error_code() == ErrorCode::STREAM_NOT_FOUND => Ok(()),
            _ => Err(NatsError::Delete(error)),
        },
    }
}

/// A stream's description; none if there is no such stream.
pub(super) async fn info(context: &Context, name: &str) -> Result<Option<Info>, NatsError> {
    match context.get_stream(name).await {
        Ok(stream) => Ok(Some(stream.cached_info().clone())),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(refusal) if refusal.error_code() == ErrorCode::STREAM_NOT_FOUND => Ok(None),
            _ => Err(NatsError::State(error)),
        },
    }
}

pub(super) fn is_taken(kind: &CreateStreamErrorKind) -> bool {
    matches!(kind, CreateStreamErrorKind::JetStream(refusal) if refusal.error_code() == ErrorCode::STREAM_NAME_EXIST)
}

/// The identity in the metadata of stream or bucket.
pub(super) fn identity(metadata: &HashMap<String, String>) -> Option<StreamIdentity> {
    metadata.get(IDENTITY)?.parse().ok().map(StreamIdentity)
}

fn origin(metadata: &HashMap<String, String>) -> Option<Origin> {
    let history = History(metadata.get(HISTORY)?.parse().ok()?);
    Some(Origin { identity: identity(metadata)?, history })
}

/// No limits, nothing deleted or purged, and messages readable without a consumer.
fn keep_everything(config: Config, settings: &NatsSettings) -> Config {
    Config {
        subjects: vec![settings.subjects()],
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        storage: StorageType::File,
        max_messages: -1,
        max_bytes: -1,
        max_messages_per_subject: -1,
        max_message_size: -1,
        max_age: Duration::ZERO,
        deny_delete: true,
        deny_purge: true,
        allow_direct: true,
        ..config
    }
}

fn has_drifted(config: &Config, settings: &NatsSettings) -> bool {
    let limits = [config.max_messages, config.max_bytes, config.max_messages_per_subject];
    let is_limited = limits.iter().any(|limit| *limit > 0) || config.max_message_size > 0 || !config.max_age.is_zero();
    let protects = config.deny_delete && config.deny_purge && config.allow_direct;
    is_limited || !protects || config.subjects != [settings.subjects()]
}

/// Somebody changed the settings. If they cannot be put right, the comparison still finds what comes of it.
async fn put_right(context: &Context, settings: &NatsSettings, config: &Config) {
    match context.update_stream(keep_everything(config.clone(), settings)).await.map_err(NatsError::Update) {
        Ok(_) => tracing::warn!("somebody changed the settings of the stream: put right"),
        Err(error) => tracing::warn!(
            error = &error as &dyn std::error::Error,
            "somebody changed the settings of the stream, and they cannot be put right"
        ),
    }
}
