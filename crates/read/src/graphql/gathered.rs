//! What the answers of one request add up to: the token that the client takes along, and what `extensions.millrace` tells.

use crate::reader::{Debt, Source};
use async_graphql::{Name, Value, indexmap::IndexMap};
use millrace_events::{ConsistencyToken, History, Position, Required, Revision};
use std::collections::BTreeSet;

/// What one answer of a projection is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The log's life that it was folded from; none before the first event.
    pub history: Option<History>,
    /// The generation that answered.
    pub generation: u32,
    /// What the client has seen now.
    pub revision: Revision,
    /// How far the projection was behind the log; none if nobody told.
    pub lag_ms: Option<u64>,
    /// True if it is older than what was owed, or a document in it is parked.
    pub stale: bool,
    /// Where it came from; none for a list, which is never asked of the cache.
    pub source: Option<Source>,
}

/// The sum of a request's answers.
#[derive(Debug, Clone, Default)]
pub struct Gathered {
    debt: Debt,
    /// The lowest position that an answer was read at.
    position: Option<Position>,
    lag_ms: Option<u64>,
    stale: bool,
    pending: bool,
    sources: BTreeSet<&'static str>,
}

impl Gathered {
    /// Takes an answer of a projection in.
    pub fn take(&mut self, projection: &str, seen: &Seen) {
        let position = seen.revision.position;
        self.position = Some(self.position.map_or(position, |lowest| lowest.min(position)));
        self.lag_ms = self.lag_ms.max(seen.lag_ms);
        self.stale |= seen.stale;
        self.sources.extend(seen.source.map(word));
        self.debt.show(projection, seen.history, seen.generation, seen.revision);
    }

    /// The client is owed this as well, such as a command's token.
    pub fn owe(&mut self, token: &ConsistencyToken) {
        self.debt.owe(token);
    }

    /// An object of a payload could not be shown yet.
    pub fn note_pending(&mut self) {
        self.pending = true;
    }

    /// True if nothing in it is older than what was owed, and nothing is missing that will come.
    pub fn is_as_owed(&self) -> bool {
        !self.stale && !self.pending
    }

    /// What a projection must have reached for it.
    pub fn required(&self, projection: &str) -> Option<Required> {
        self.debt.of(projection)
    }

    /// What the client is owed.
    pub fn token(&self) -> Option<&ConsistencyToken> {
        self.debt.token()
    }

    /// The fields of `extensions.millrace`, but the request's id, which the transport knows.
    pub fn extension(&self) -> IndexMap<Name, Value> {
        let text = |text: Option<String>| text.map_or(Value::Null, Value::from);
        IndexMap::from_iter([
            (Name::new("token"), text(self.token().map(ToString::to_string))),
            (Name::new("position"), text(self.position.map(|position| position.to_string()))),
            (Name::new("lagMs"), self.lag_ms.map_or(Value::Null, Value::from)),
            (Name::new("stale"), self.stale.into()),
            (Name::new("pending"), self.pending.into()),
            (Name::new("cache"), self.cache().map_or(Value::Null, Value::from)),
        ])
    }

    /// `hit`, `miss` or `mixed`; nothing if no document was read by its key.
    fn cache(&self) -> Option<&'static str> {
        match self.sources.len() {
            0 | 1 => self.sources.first().copied(),
            _ => Some(MIXED),
        }
    }
}

const MIXED: &str = "mixed";

fn word(source: Source) -> &'static str {
    match source {
        Source::Cache => "hit",
        Source::Store => "miss",
        Source::Mixed => MIXED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn seen(position: u64, lag_ms: Option<u64>, source: Source) -> Seen {
        let revision = Revision { position: Position(position), n: 2 };
        Seen {
            history: Some(History(Uuid::nil())),
            generation: 1,
            revision,
            lag_ms,
            stale: false,
            source: Some(source),
        }
    }

    #[test]
    fn answers_add_up() {
        let mut gathered = Gathered::default();
        assert_eq!(gathered.extension()["token"], Value::Null);
        gathered.take("content", &seen(9, Some(3), Source::Cache));
        assert_eq!(gathered.extension()["cache"], "hit".into());
        gathered.take("people", &seen(7, None, Source::Store));
        gathered.owe(&ConsistencyToken::of_command(History(Uuid::nil()), Position(5)));
        assert!(gathered.is_as_owed());
        gathered.note_pending();
        assert!(!gathered.is_as_owed());
        let extension = gathered.extension();
        let token = format!("mr1~{}~*:5~content:1:9.2~people:1:7.2", History(Uuid::nil()));
        assert_eq!(extension["token"], token.into());
        assert_eq!((&extension["position"], &extension["lagMs"]), (&"7".into(), &3.into()));
        let told = (&extension["pending"], &extension["stale"], &extension["cache"]);
        assert_eq!(told, (&true.into(), &false.into(), &"mixed".into()));
    }
}
