//! Connecting to NATS.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::jetstream::context::ContextBuilder;
use async_nats::{ConnectOptions, Event, ServerAddr};
use tokio::sync::OnceCell;

use super::{Nats, NatsError};
use crate::core::WINDOW_EVENTS;
use crate::settings::NatsSettings;

/// How the connection is called in NATS' own lists.
const CONNECTION_NAME: &str = "millrace-relay";
/// How long NATS may take to answer, acks included.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// A server that answers none of two pings counts as gone.
const PING_INTERVAL: Duration = Duration::from_secs(5);
/// Waits between attempts to connect again: each twice as long, up to the longest.
const RECONNECT_MIN: Duration = Duration::from_millis(10);
const RECONNECT_MAX: Duration = Duration::from_secs(1);
/// Several windows, so that the acks of one that was dropped do not hold up the next.
const ACKS_IN_FLIGHT_MAX: usize = 4 * WINDOW_EVENTS as usize;

impl Nats {
    /// Connects; fails if no server answers.
    pub async fn connect(settings: NatsSettings) -> Result<Self, NatsError> {
        let has_reconnected = Arc::new(AtomicBool::new(false));
        let addresses = addresses(&settings.url)?;
        let options = options(&settings, &addresses, Arc::clone(&has_reconnected)).await?;
        let client = options.connect(addresses).await.map_err(NatsError::Connect)?;
        let context = ContextBuilder::new()
            .timeout(ANSWER_LIMIT)
            .ack_timeout(ANSWER_LIMIT)
            .max_ack_inflight(ACKS_IN_FLIGHT_MAX)
            .backpressure_on_inflight(true)
            .build(client.clone());
        Ok(Self { settings, client, context, bucket: OnceCell::new(), has_reconnected })
    }
}

async fn options(
    settings: &NatsSettings,
    addresses: &[ServerAddr],
    connected: Arc<AtomicBool>,
) -> Result<ConnectOptions, NatsError> {
    let options = match &settings.credentials_file {
        Some(file) => ConnectOptions::with_credentials_file(file).await.map_err(NatsError::Credentials)?,
        None => user_of(addresses),
    };
    Ok(options
        .name(CONNECTION_NAME)
        .connection_timeout(ANSWER_LIMIT)
        .request_timeout(Some(ANSWER_LIMIT))
        .ping_interval(PING_INTERVAL)
        .reconnect_delay_callback(reconnect_delay)
        .event_callback(move |event| {
            tracing::debug!(%event, "NATS");
            connected.fetch_or(matches!(event, Event::Connected), Ordering::Relaxed);
            std::future::ready(())
        }))
}

/// The user that stands in the first address. async-nats 0.51 reads it, and then connects as nobody.
fn user_of(addresses: &[ServerAddr]) -> ConnectOptions {
    let user = addresses.first().and_then(|address| Some((address.username()?, address.password()?)));
    user.map_or_else(ConnectOptions::new, |(name, password)| {
        ConnectOptions::with_user_and_password(name.to_owned(), password.to_owned())
    })
}

fn reconnect_delay(attempt: usize) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
    RECONNECT_MIN.saturating_mul(2_u32.saturating_pow(doublings)).min(RECONNECT_MAX)
}

fn addresses(url: &str) -> Result<Vec<ServerAddr>, NatsError> {
    url.split(',').map(|address| address.trim().parse()).collect::<Result<_, _>>().map_err(NatsError::Url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_a_limit() {
        let waits: Vec<u128> = [1, 2, 3, 50, usize::MAX].map(|attempt| reconnect_delay(attempt).as_millis()).into();
        assert_eq!(waits, [10, 20, 40, 1_000, 1_000]);
    }

    #[test]
    fn a_url_may_name_several_servers() {
        assert_eq!(addresses("nats://a:1, nats://user:secret@b:2").unwrap().len(), 2);
        assert!(matches!(addresses("nats://a:port"), Err(NatsError::Url(_))));
    }
}
