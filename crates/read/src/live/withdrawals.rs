//! What was taken away from those who read: documents that were removed or hidden, and what an erased person left. What was made of
//! documents before may still show it.

use super::follow::Life;
use crate::projection::{Audience, Change, ERASURE};
use millrace_events::{ConsistencyToken, EventKind, Position, Revision};
use std::sync::Arc;
use tokio::sync::watch;

/// How far one must have read to be sure of showing nothing that was taken away; of all projections of a process.
#[derive(Debug, Clone, Default)]
pub struct Withdrawals(watch::Sender<Withdrawn>);

/// What was heard of until now.
#[derive(Debug, Clone, Default)]
pub struct Withdrawn {
    /// What has been read must have reached this; none if nothing was taken away yet.
    pub token: Option<Arc<ConsistencyToken>>,
    /// How many documents lost something because a person was erased.
    pub erased: u64,
}

impl Withdrawals {
    /// What anything that is shown from now on must have reached.
    pub fn token(&self) -> Option<Arc<ConsistencyToken>> {
        self.0.borrow().token.clone()
    }

    /// Tells of what is taken away from now on.
    pub fn watch(&self) -> watch::Receiver<Withdrawn> {
        self.0.subscribe()
    }

    /// Takes in changes. To be called before anybody is told of them.
    pub(super) fn note(&self, projection: &'static str, life: Life, changes: &[Change]) {
        let newest = changes.iter().rev().find(|change| takes_away(change));
        let Some(revision) = newest.map(|change| change.revision) else { return };
        let erased = changes.iter().filter(|change| is_erasure(change)).count() as u64;
        self.add(projection, life, revision, erased);
    }

    /// Changes were passed over: anything may have been taken away.
    pub(super) fn note_unseen(&self, projection: &'static str, life: Life, until: Revision) {
        self.add(projection, life, until, 1);
    }

    fn add(&self, projection: &'static str, life: Life, revision: Revision, erased: u64) {
        let Some(history) = life.history else { return };
        let mut token = ConsistencyToken::of_command(history, Position::START);
        token.projections.insert(projection.to_owned(), (life.generation, revision));
        self.0.send_modify(|withdrawn| {
            withdrawn.erased += erased;
            if let Some(before) = &withdrawn.token {
                token.merge(before);
            }
            withdrawn.token = Some(Arc::new(token));
        });
    }
}

fn takes_away(change: &Change) -> bool {
    let (before, after) = (change.audience_before, change.audience_after);
    let is_narrowed = before != after && before != Audience::Nobody && after != Audience::Everyone;
    is_narrowed || is_erasure(change)
}

fn is_erasure(change: &Change) -> bool {
    change.event == EventKind::UserErased.name() || change.event == ERASURE
}
