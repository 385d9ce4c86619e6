//! The relay's part of `millrace log new-history`.

use millrace_events::fail_point::reach;
use millrace_log::Log;

use crate::error::RelayError;
use crate::jetstream::Nats;
use crate::ports::{LogSide, StreamSide};
use crate::settings::NatsSettings;

/// Makes the stream anew for the log's present history, without looking at the old one. Relays fill it.
///
/// To be called after [`Log::new_history`], which is given [`Nats::destroyed_keys`].
pub async fn recreate_for_new_history(log: &Log, settings: &NatsSettings) -> Result<(), RelayError> {
    let nats = Nats::connect(settings.clone()).await.map_err(|error| RelayError::Stream(error.into()))?;
    let head = LogSide::head(log).await.map_err(RelayError::Log)?;
    nats.delete().await.map_err(RelayError::Stream)?;
    reach("history.stream_deleted").await;
    nats.create(head.history).await.map_err(RelayError::Stream)?;
    reach("history.stream_made").await;
    Ok(())
}
