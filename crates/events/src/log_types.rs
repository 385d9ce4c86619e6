//! Places in the log: history, position, revision.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One life of the log. A log that is restored to an older state goes on under a new, later history.
///
/// A UUID v7, so that of two histories the later one is the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct History(pub Uuid);

impl std::fmt::Display for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.simple().fmt(f)
    }
}

/// A place in the log: 1, 2, 3… without a gap; 0 is the place before the first event. It is also the sequence in JetStream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Position(pub u64);

impl Position {
    /// The place before the first event.
    pub const START: Self = Self(0);

    /// The place of the next event.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The place of the event before, if there is one.
    pub fn previous(self) -> Option<Self> {
        self.0.checked_sub(1).filter(|position| *position > 0).map(Self)
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// How far a projection has folded: the last event's position, and how many chunks of fan-out were committed since.
///
/// Ordered: (7, 0) < (7, 1) < (8, 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
pub struct Revision {
    /// The last event that is folded.
    #[serde(rename = "p")]
    pub position: Position,
    /// Chunks of fan-out committed after that event.
    pub n: u32,
}

impl Revision {
    /// The revision of a fold of events up to `position`.
    pub fn at(position: Position) -> Self {
        Self { position, n: 0 }
    }

    /// The revision after one chunk of fan-out.
    pub fn after_chunk(self) -> Self {
        Self { n: self.n + 1, ..self }
    }
}

impl std::fmt::Display for Revision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.position, self.n)
    }
}

impl std::str::FromStr for Revision {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (position, n) = text.split_once('.').unwrap_or((text, "0"));
        Ok(Self { position: Position(position.parse()?), n: n.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_lies_between_two_events() {
        let seven = Revision::at(Position(7));
        assert!(seven < seven.after_chunk() && seven.after_chunk() < Revision::at(Position(8)));
    }

    #[test]
    fn a_revision_reads_back() {
        let revision = Revision { position: Position(12), n: 3 };
        assert_eq!(revision.to_string().parse(), Ok(revision));
    }
}
