//! A relay that runs: rounds, as soon as the log grows and at the latest at every poll, until it is told to end.

use std::time::{Duration, Instant};

use millrace_events::Timestamp;
use millrace_log::{Log, Wakeups};
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::beat::Beat;
use crate::core::Core;
use crate::error::RelayError;
use crate::figures;
use crate::jetstream::{Nats, NatsError};
use crate::judge::WentBack;
use crate::round::{Happened, Round};
use crate::schedule::{Pauses, Schedule};
use crate::settings::NatsSettings;
use crate::status::RelayStatus;

/// How long a round that has begun may go on after the relay was told to end.
const DRAIN_LIMIT: Duration = Duration::from_secs(5);

/// Copies the log into the stream. Any number of them may run at once.
#[derive(Debug)]
pub struct Relay {
    log: Log,
    settings: NatsSettings,
    status: watch::Sender<RelayStatus>,
}

impl Relay {
    /// A relay that is not running yet.
    pub fn new(log: Log, settings: NatsSettings) -> Self {
        Self { log, settings, status: watch::Sender::new(RelayStatus::default()) }
    }

    /// How it is doing, now and later.
    pub fn status(&self) -> watch::Receiver<RelayStatus> {
        self.status.subscribe()
    }

    /// Runs until `shutdown`, whatever fails meanwhile.
    pub async fn run(self, shutdown: CancellationToken) {
        figures::describe();
        let Some(nats) = shutdown.run_until_cancelled(self.connect()).await else { return };
        let mut running = Running::new(self, nats);
        while !shutdown.is_cancelled() {
            let Some(pause) = drained(&shutdown, running.round()).await else { return };
            shutdown.run_until_cancelled(running.wait(pause)).await;
        }
    }

    async fn connect(&self) -> Nats {
        let mut pauses = Pauses::new(seed());
        loop {
            match Nats::connect(self.settings.clone()).await {
                Ok(nats) => return nats,
                Err(error) => say_no_connection(&error),
            }
            tokio::time::sleep(pauses.pause()).await;
        }
    }
}

/// None if the work was not done within the limit after the end was asked for.
async fn drained<T>(shutdown: &CancellationToken, work: impl Future<Output = T>) -> Option<T> {
    let too_late = async {
        shutdown.cancelled().await;
        tokio::time::sleep(DRAIN_LIMIT).await;
    };
    tokio::select! {
        done = work => Some(done),
        () = too_late => None,
    }
}

/// What comes after a round.
#[derive(Debug, Clone, Copy)]
enum Pause {
    /// The next round at once.
    None,
    /// Until the log grows or the poll is due.
    UntilGrown,
    /// Exactly so long, whatever happens.
    For(Duration),
}

struct Running {
    relay: Relay,
    core: Core<Log, Nats>,
    wakeups: Wakeups,
    schedule: Schedule,
    pauses: Pauses,
    was_odd: bool,
}

impl Running {
    fn new(relay: Relay, nats: Nats) -> Self {
        // Listening begins before the first look at the log, so that nothing is missed in between.
        let wakeups = relay.log.listen();
        let core = Core::new(relay.log.clone(), nats);
        let pauses = Pauses::new(seed());
        Self { relay, core, wakeups, schedule: Schedule::default(), pauses, was_odd: false }
    }

    async fn round(&mut self) -> Pause {
        let mut duties = self.schedule.duties(Instant::now());
        duties.look |= self.core.stream().has_reconnected();
        let outcome = self.core.round(duties).await;
        figures::record(&self.core, &outcome);
        self.tell_status(&outcome);
        if outcome.is_ok() && self.schedule.is_beat_due(Instant::now()) {
            self.beat().await;
        }
        self.pause_after(&outcome)
    }

    /// A second odd answer in a row may be one that no look explains, such as a full disk: no reason to ask at full speed.
    fn pause_after(&mut self, outcome: &Result<Round, RelayError>) -> Pause {
        let is_odd = matches!(outcome, Ok(Round { happened: Happened::OddAnswer, .. }));
        let was_odd = std::mem::replace(&mut self.was_odd, is_odd);
        match outcome {
            Ok(_) if is_odd && was_odd => Pause::For(self.pauses.pause()),
            Ok(_) if is_odd => Pause::None,
            Ok(round) => {
                self.pauses.reset();
                self.pause_after_sound(round)
            }
            Err(error) => {
                let pause = self.pauses.pause();
                let error = error as &dyn std::error::Error;
                tracing::warn!(error, pause_ms = pause.as_millis(), "a round of the relay failed");
                Pause::For(pause)
            }
        }
    }

    fn pause_after_sound(&mut self, round: &Round) -> Pause {
        match round.happened {
            Happened::Published { .. } => self.schedule.rest(Instant::now()).map_or(Pause::None, Pause::For),
            _ if round.again => Pause::None,
            _ => Pause::UntilGrown,
        }
    }

    async fn wait(&self, pause: Pause) {
        match pause {
            Pause::None => {}
            Pause::UntilGrown => self.wakeups.wait(self.schedule.until_poll(Instant::now())).await,
            Pause::For(time) => tokio::time::sleep(time).await,
        }
    }

    fn tell_status(&self, outcome: &Result<Round, RelayError>) {
        let before = *self.relay.status.borrow();
        let (mut stopped, mut last_round) = (before.stopped, before.last_round);
        if let Ok(round) = outcome {
            say(round.happened, before.stopped);
            stopped = if let Happened::Stopped(why) = round.happened { Some(why) } else { None };
            last_round = Some(now());
        }
        let failing = outcome.as_ref().err().map(RelayError::side);
        let connected = self.core.stream().is_connected();
        let (head, last, compared) = (self.core.head(), self.core.last(), self.core.compared());
        self.relay.status.send_replace(RelayStatus { connected, last_round, head, last, compared, failing, stopped });
    }

    /// Also while stopped: a reader that is ahead of the log learns it from the beat.
    async fn beat(&self) {
        let Some(head) = self.core.head() else { return };
        let beat = Beat::new(head, self.core.last(), now());
        let Ok(text) = serde_json::to_vec(&beat) else { return };
        match self.core.stream().tell(self.relay.settings.beat(), text).await {
            Ok(()) => figures::beat(),
            Err(error) => tracing::debug!(error = &error as &dyn std::error::Error, "a beat was lost"),
        }
    }
}

fn say(happened: Happened, stopped_before: Option<WentBack>) {
    match happened {
        Happened::Idle | Happened::OddAnswer => {}
        Happened::Published { events } => tracing::debug!(events, "published"),
        Happened::Created => tracing::info!("there was no stream: made one"),
        Happened::Verifying(damage) => tracing::debug!(%damage, "the stream seems to be damaged: comparing all of it"),
        Happened::FoundSound => tracing::info!("the stream seemed to be damaged, but is sound"),
        Happened::Recreated(why) => tracing::warn!(?why, "the stream was damaged: made anew, filling it"),
        Happened::Stopped(why) if stopped_before == Some(why) => {}
        Happened::Stopped(why) => tracing::error!(
            %why,
            "the log went back: nothing is published until `millrace log new-history` was run"
        ),
    }
}

fn say_no_connection(error: &NatsError) {
    tracing::warn!(error = error as &dyn std::error::Error, "no connection to NATS yet");
}

fn now() -> Timestamp {
    Timestamp::new(OffsetDateTime::now_utc())
}

fn seed() -> u64 {
    Uuid::now_v7().as_u64_pair().1
}
