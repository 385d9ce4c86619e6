//! The operator: after an alarm, if the log really went back, begins a new history, also if its last witness is gone by then.

use millrace_events::{EventId, KeyState, UserId, rule};

use crate::scheduler::Kind;
use crate::sim::Sim;
use crate::world::World;
use crate::world::documents::Documents;

/// Below so many steps lies the time between an alarm and what is done about it.
const REACTION: u64 = 100;
/// How often the operator looks, in steps.
const LOOKS_EVERY: u64 = 40;

/// Starts the only one.
pub fn start(sim: &Sim) {
    sim.start(Kind::Outside, "operator".to_owned(), |sim, process| {
        let own = sim.clone();
        sim.spawn(process, async move {
            loop {
                own.nap(LOOKS_EVERY).await;
                // In the quiet phase also without an alarm: the beat may have had no time to tell.
                let (has_alarm, is_quiet) = own.with(|world| (world.alarm.is_some(), !world.faults.strike));
                if has_alarm || is_quiet {
                    own.nap(REACTION).await;
                    act(&own, has_alarm);
                }
            }
        });
    });
}

/// `millrace log new-history`. Relays and projectors do the rest.
fn act(sim: &Sim, has_alarm: bool) {
    sim.with(|world| {
        world.alarm = None;
        let has_gone_back = world.counts.went_back > world.counts.new_histories;
        if has_alarm && has_gone_back || world.log_went_back() {
            let destroyed = if rule("marks_survive_restore") { world.known_to_be_erased() } else { Vec::new() };
            let history = world.postgres.new_history(&destroyed);
            world.counts.new_histories += 1;
            world.tell(|_| format!("NEW HISTORY {history}"));
        }
    });
}

impl World {
    /// True if a copy knows another log than PostgreSQL has.
    pub fn log_went_back(&self) -> bool {
        self.documents_are_ahead() || self.stream_is_ahead()
    }

    /// Whose key has a mark in the bucket, or was folded to be destroyed.
    fn known_to_be_erased(&self) -> Vec<UserId> {
        let marked = self.nats.bucket.iter().flat_map(|bucket| &bucket.keys);
        let marked = marked.filter(|(_, (state, _))| *state == KeyState::Destroyed).map(|(user, _)| *user);
        let is_folded =
            |event: &EventId| self.stores.values().any(|documents| documents.current().folded.contains(event));
        let erased = self.oracle.erasures.iter().filter(|(event, _)| is_folded(event)).map(|(_, user)| *user);
        marked.chain(erased).collect()
    }

    fn documents_are_ahead(&self) -> bool {
        self.stores.values().map(Documents::current).any(|store| {
            let of_today = store.checkpoint.history.is_none_or(|own| own == self.postgres.history);
            of_today && !self.oracle.today().events.starts_with(&store.folded)
        })
    }

    fn stream_is_ahead(&self) -> bool {
        let Some(stream) = &self.nats.stream else { return false };
        let log = &self.oracle.today().events;
        stream.messages.iter().any(|(sequence, stored)| {
            let Some(envelope) = &stored.envelope else { return false };
            let Ok(index) = usize::try_from(sequence - 1) else { return false };
            envelope.history == self.postgres.history
                && envelope.position.0 == *sequence
                && log.get(index) != Some(&envelope.event_id)
        })
    }
}
