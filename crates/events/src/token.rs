//! Consistency tokens: what a client has seen or caused, so that no later answer shows less.
//!
//! A token opens nothing, so it is readable and needs no signature:
//! `mr1~<history>~*:120` (a command's: every projection must have folded position 120) or
//! `mr1~<history>~content:1:120.0~people:1:118.0` (an answer's: generation and revision per projection).

use crate::{History, Position, Revision};
use std::collections::BTreeMap;
use std::str::FromStr;
use uuid::Uuid;

/// The most bytes that a token may have.
pub const TOKEN_BYTES_MAX: usize = 512;
const PREFIX: &str = "mr1";
const EVERY_PROJECTION: &str = "*";

/// What a client is owed: a position everywhere, and a revision for each projection that it has read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsistencyToken {
    /// The life of the log that the positions belong to.
    pub history: History,
    /// The position that every projection must have folded.
    pub position: Position,
    /// Generation and revision that were shown, by projection.
    pub projections: BTreeMap<String, (u32, Revision)>,
}

/// What one projection must have reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Required {
    /// In which life of the log.
    pub history: History,
    /// The position of the token's commands.
    pub position: Position,
    /// Generation and revision that the client has seen of this projection; `n` counts within that generation only.
    pub seen: Option<(u32, Revision)>,
}

impl Required {
    /// The revision that an answer of this generation must have.
    pub fn revision(&self, generation: u32) -> Revision {
        let seen = match self.seen {
            Some((seen_generation, revision)) if seen_generation == generation => revision,
            Some((_, revision)) => Revision::at(revision.position),
            None => Revision::default(),
        };
        seen.max(Revision::at(self.position))
    }
}

/// Why a text is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed consistency token")]
pub struct MalformedToken;

impl ConsistencyToken {
    /// A command's token.
    pub fn of_command(history: History, position: Position) -> Self {
        Self { history, position, projections: BTreeMap::new() }
    }

    /// Takes in another token: of the same history the higher of each part, else the whole of the later history.
    pub fn merge(&mut self, other: &Self) {
        if other.history < self.history {
            return;
        }
        if other.history > self.history {
            *self = other.clone();
            return;
        }
        self.position = self.position.max(other.position);
        for (projection, seen) in &other.projections {
            let mine = self.projections.entry(projection.clone()).or_insert(*seen);
            *mine = (*mine).max(*seen);
        }
    }

    /// What this projection must have reached.
    pub fn required(&self, projection: &str) -> Required {
        Required { history: self.history, position: self.position, seen: self.projections.get(projection).copied() }
    }
}

impl std::fmt::Display for ConsistencyToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{PREFIX}~{}", self.history)?;
        if self.position > Position::START || self.projections.is_empty() {
            write!(f, "~{EVERY_PROJECTION}:{}", self.position)?;
        }
        for (projection, (generation, revision)) in &self.projections {
            write!(f, "~{projection}:{generation}:{revision}")?;
        }
        Ok(())
    }
}

impl FromStr for ConsistencyToken {
    type Err = MalformedToken;

    fn from_str(text: &str) -> Result<Self, MalformedToken> {
        if text.len() > TOKEN_BYTES_MAX {
            return Err(MalformedToken);
        }
        let mut parts = text.split('~');
        if parts.next() != Some(PREFIX) {
            return Err(MalformedToken);
        }
        let history = parts.next().and_then(|part| Uuid::try_parse(part).ok()).ok_or(MalformedToken)?;
        let mut token = Self::of_command(History(history), Position::START);
        for part in parts {
            token.read_part(part)?;
        }
        Ok(token)
    }
}

impl ConsistencyToken {
    fn read_part(&mut self, part: &str) -> Result<(), MalformedToken> {
        let mut fields = part.split(':');
        let (name, first, second, end) = (fields.next(), fields.next(), fields.next(), fields.next());
        match (name, first, second, end) {
            (Some(EVERY_PROJECTION), Some(position), None, None) => {
                self.position = Position(position.parse().map_err(|_| MalformedToken)?);
            }
            (Some(name), Some(generation), Some(revision), None) if is_name(name) => {
                let generation = generation.parse().map_err(|_| MalformedToken)?;
                let revision = revision.parse().map_err(|_| MalformedToken)?;
                self.projections.insert(name.to_owned(), (generation, revision));
            }
            _ => return Err(MalformedToken),
        }
        Ok(())
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(position: u64, content: u64) -> ConsistencyToken {
        let mut token = ConsistencyToken::of_command(History(Uuid::from_u128(7)), Position(position));
        token.projections.insert("content".into(), (1, Revision::at(Position(content))));
        token
    }

    #[test]
    fn a_token_reads_back() {
        for token in [token(3, 9), token(0, 9), ConsistencyToken::of_command(History(Uuid::nil()), Position(4))] {
            assert_eq!(token.to_string().parse(), Ok(token));
        }
    }

    #[test]
    fn what_is_no_token_is_malformed() {
        let long = format!("mr1~{}{}", Uuid::nil(), "~a:1:1.0".repeat(100));
        let id = Uuid::nil();
        for text in [
            "",
            "mr1",
            "mr2~x",
            "mr1~zz",
            &format!("mr1~{id}~*:x"),
            &format!("mr1~{id}~A:1:1"),
            &format!("mr1~{id}~a:1"),
            &long,
        ] {
            assert_eq!(text.parse::<ConsistencyToken>(), Err(MalformedToken), "{text}");
        }
    }

    #[test]
    fn merging_keeps_the_higher_of_each_part() {
        let mut merged = token(3, 9);
        merged.merge(&token(5, 2));
        assert_eq!(merged, token(5, 9));
    }

    #[test]
    fn a_later_history_replaces_an_older_one() {
        let later = ConsistencyToken::of_command(History(Uuid::from_u128(8)), Position(1));
        let mut merged = token(100, 100);
        merged.merge(&later);
        assert_eq!(merged, later);
        merged.merge(&token(100, 100));
        assert_eq!(merged, later);
    }

    #[test]
    fn n_counts_within_its_generation_only() {
        let seen = Revision { position: Position(9), n: 4 };
        let required = Required { history: History(Uuid::nil()), position: Position(3), seen: Some((1, seen)) };
        assert_eq!(required.revision(1), seen);
        assert_eq!(required.revision(2), Revision::at(Position(9)));
    }
}
