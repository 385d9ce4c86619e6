//! The relay role: copies the log into JetStream.

use super::servers::{Wanted, look_for};
use super::{RoleError, Starting, log_that_may_come};
use crate::http::operations::Check;
use crate::settings::{self, PostgresSettings, Settings};
use millrace_events::fail_point::reach;
use millrace_events::{History, KeyState, Timestamp, UserId};
use millrace_log::Log;
use millrace_relay::jetstream::Nats;
use millrace_relay::ports::{InBucket, StreamSide, StreamState};
use millrace_relay::{NatsSettings, Relay, RelayStatus, recreate_for_new_history};
use std::collections::BTreeSet;
use time::OffsetDateTime;

/// What a relay may use.
#[derive(Debug, Clone, Copy)]
pub struct RelaySettings<'a> {
    /// The log.
    pub postgres: &'a PostgresSettings,
    /// The stream, which it writes.
    pub nats: &'a settings::NatsSettings,
}

/// Keys of settings that relays read.
pub const KEYS: &[&str] =
    &["http.", "logs.", "postgres.", "nats.url", "nats.credentials_file", "nats.prefix", "nats.replicas"];

impl<'a> RelaySettings<'a> {
    /// A relay's part of the settings.
    pub fn of(settings: &'a Settings) -> Self {
        Self { postgres: &settings.postgres, nats: &settings.nats }
    }
}

fn nats(settings: &settings::NatsSettings) -> NatsSettings {
    let user = settings.writer();
    let mut nats = NatsSettings::new(user.url.expose());
    nats.credentials_file = user.credentials.map(Into::into);
    nats.prefix.clone_from(&settings.prefix);
    nats.replicas = settings.replicas;
    nats
}

/// Starts a relay.
pub async fn start(starting: &mut Starting<'_>, settings: RelaySettings<'_>) -> Result<(), RoleError> {
    look_for(starting, [Wanted::postgres(settings.postgres), Wanted::nats(settings.nats.writer())]);
    let log = log_that_may_come(settings.postgres, "relay").await?;
    let relay = Relay::new(log, nats(settings.nats));
    let status = relay.status();
    starting
        .probes
        .push(std::sync::Arc::new(move || check(&status.borrow(), Timestamp::new(OffsetDateTime::now_utc()))));
    let shutdown = starting.shutdown.clone();
    starting.spawn("relay", relay.run(shutdown));
    Ok(())
}

/// Rounds follow each other within a second also while nothing happens; so long without one means that something never answers.
const ROUND_WAIT_MAX: time::Duration = time::Duration::minutes(1);
const HANGS: &str = "a round does not come to its end: PostgreSQL or NATS is silent";

fn check(status: &RelayStatus, now: Timestamp) -> Check {
    let failing = |side| format!("{side} does not do as asked: the relay's log tells what");
    let detail = match (&status.stopped, status.connected) {
        (Some(reason), _) => Some(format!("{reason}: the log went back, run `millrace log new-history`")),
        (None, false) => Some("NATS does not answer".to_owned()),
        (None, true) => status.failing.map(failing).or_else(|| hangs(status, now).then(|| HANGS.to_owned())),
    };
    Check { name: "relay".into(), ready: detail.is_none(), detail }
}

fn hangs(status: &RelayStatus, now: Timestamp) -> bool {
    status.last_round.is_some_and(|ended| now.moment() - ended.moment() > ROUND_WAIT_MAX)
}

/// What the stream's side holds: how far the stream goes, and whether the bucket marks this person's key as destroyed.
pub async fn copy_of_key(
    settings: RelaySettings<'_>,
    person: UserId,
) -> Result<(Option<StreamState>, bool), RoleError> {
    let failed = |source| RoleError::Start { part: "a look at NATS", source };
    Wanted::nats(settings.nats.writer()).require().await?;
    let stream = Nats::connect(nats(settings.nats)).await.map_err(|error| failed(error.into()))?;
    let state = stream.state().await.map_err(failed)?;
    let key = stream.key(person).await.map_err(failed)?;
    Ok((state, matches!(key, InBucket::Key { state: KeyState::Destroyed, .. })))
}

/// Begins a new history, and makes the stream anew from the log. Keys that the bucket marks as destroyed stay destroyed, and those of
/// people who are known as erased. Answers whose.
pub async fn new_history(
    log: &Log,
    settings: RelaySettings<'_>,
    erased: BTreeSet<UserId>,
) -> Result<(History, Vec<UserId>), RoleError> {
    Wanted::nats(settings.nats.writer()).require().await?;
    let settings = nats(settings.nats);
    let failed = |source| RoleError::Start { part: "a new history", source };
    let stream = Nats::connect(settings.clone()).await.map_err(|error| failed(error.into()))?;
    let destroyed = stream.destroyed_keys().await.map_err(|error| failed(error.into()))?;
    let destroyed: Vec<UserId> = destroyed.union(&erased).copied().collect();
    let history = log.new_history(&destroyed).await?;
    reach("history.begun").await;
    recreate_for_new_history(log, &settings).await.map_err(|error| failed(error.into()))?;
    Ok((history, destroyed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_says_what_keeps_the_relay() {
        let at = |s| Timestamp::new(OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(s));
        let working = RelayStatus { connected: true, last_round: Some(at(100)), ..RelayStatus::default() };
        let detail = |status: RelayStatus, now_s| check(&status, at(now_s)).detail.unwrap_or_default();
        assert_eq!(detail(working, 160), "");
        assert_eq!(detail(working, 161), HANGS);
        assert_eq!(detail(RelayStatus { last_round: None, ..working }, 161), "", "it has only just begun");
        let failing = RelayStatus { failing: Some("PostgreSQL"), ..working };
        assert!(detail(failing, 161).starts_with("PostgreSQL does not do as asked"));
        assert_eq!(detail(RelayStatus { connected: false, ..failing }, 161), "NATS does not answer");
    }
}
