//! The log as PostgreSQL has it, opened with the persons' keys.

use crate::harness::stage::Stage;
use millrace_events::{Envelope, KeyState, Position, Recorded, UserId, seal};
use millrace_log::PostgresSettings;
use std::collections::HashMap;

const PAGE: u32 = 1_000;

/// A connection to the log.
pub struct Log(millrace_log::Log);

impl Log {
    pub async fn of(stage: &Stage) -> Self {
        let settings = PostgresSettings::new(stage.variable("MILLRACE_POSTGRES__URL"));
        Self(millrace_log::Log::connect(&settings).await.expect("PostgreSQL"))
    }

    /// The last position.
    pub async fn head(&self) -> u64 {
        self.0.head().await.expect("a head").position.0
    }

    /// All events as they are published.
    pub async fn envelopes(&self) -> Vec<Envelope> {
        let mut all: Vec<Envelope> = Vec::new();
        loop {
            let after = all.last().map_or(Position::START, |envelope| envelope.position);
            let page = self.0.read(after, PAGE).await.expect("a page");
            if page.is_empty() {
                break;
            }
            all.extend(page);
        }
        assert!(
            (1..).zip(&all).all(|(position, envelope)| envelope.position == Position(position)),
            "positions have a gap"
        );
        all
    }

    /// All events as a fold sees them.
    pub async fn recorded(&self) -> Vec<Recorded> {
        let keys = self.keys().await;
        let open = |mut envelope: Envelope| {
            let event_id = envelope.event_id;
            seal::open(&mut envelope.payload, event_id, &|of| keys.get(&of).cloned()).expect("it opens");
            envelope.decode().expect("an event of the catalogue")
        };
        self.envelopes().await.into_iter().map(open).collect()
    }

    async fn keys(&self) -> HashMap<UserId, KeyState> {
        let (mut keys, mut serial) = (HashMap::new(), 0);
        loop {
            let page = self.0.keys_after(serial, PAGE).await.expect("keys");
            let Some(last) = page.last() else { return keys };
            serial = last.serial;
            keys.extend(page.into_iter().map(|row| (row.user_id, row.state)));
        }
    }
}
