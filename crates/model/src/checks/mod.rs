//! The invariants: what must hold at each commit, in each answer, and when all is quiet.

pub mod answers;
pub mod documents;
pub mod live;
pub mod log;
pub mod looks;
pub mod quiet;
pub mod stream;

use millrace_events::Envelope;
use millrace_read::store::Commit;

use crate::projection::{Name, Sheet};
use crate::world::names::{Thing, number_of};

/// An event, for a told schedule.
pub fn told(event: &Envelope) -> String {
    let number = number_of(event.event_id);
    let of = match Thing::of_id(event.aggregate.id) {
        Some(thing) => thing.to_string(),
        None => event.aggregate.id.to_string(),
    };
    format!("event {number} {} of {of}, version {}", event.name, event.aggregate.version)
}

/// A commit, for a told schedule.
pub fn told_commit(of: Name, commit: &Commit<Sheet>) -> String {
    let documents = commit.documents.iter().map(|(key, stored)| {
        let name = Thing::of_key(key).map_or_else(|| key.to_string(), |thing| thing.to_string());
        match stored {
            Some(stored) => format!("{name}={:?}/{:?}", stored.document.marks, stored.document.card),
            None => format!("{name} removed"),
        }
    });
    let documents: Vec<String> = documents.collect();
    let checkpoint = &commit.checkpoint;
    let (generation, revision, seq) = (checkpoint.generation, checkpoint.revision, checkpoint.seq);
    let open = checkpoint.open.len();
    format!("generation {generation} of {of} at {revision}, seq {seq}: {}; {open} fan-outs open", documents.join(", "))
}
