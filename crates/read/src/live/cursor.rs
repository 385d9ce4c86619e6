//! Cursors: where a subscriber is. They are good on any instance, across restarts, for as long as `changes` are kept.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use millrace_events::{History, Position};
use std::str::FromStr;
use uuid::Uuid;

/// The most bytes that a cursor may have.
pub const CURSOR_BYTES_MAX: usize = 256;
const PREFIX: &str = "ml1";
/// Stands for the history before the first event.
const NO_HISTORY: &str = "-";

/// A place in the changes of one generation of one projection.
///
/// It opens nothing, so it needs no signature; its text is opaque only so that nobody counts on its form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The log's life; none before the first event.
    pub history: Option<History>,
    /// The projection's name.
    pub projection: String,
    /// The generation whose changes `seq` counts.
    pub generation: u32,
    /// The last change that the subscriber has, or the last one before its snapshot.
    pub seq: u64,
    /// The position of that change.
    pub position: Position,
}

/// Why a text is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed cursor")]
pub struct MalformedCursor;

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let history = self.history.map_or_else(|| NO_HISTORY.to_owned(), |history| history.to_string());
        let Self { projection, generation, seq, position, .. } = self;
        let plain = format!("{PREFIX}~{history}~{projection}~{generation}~{seq}~{position}");
        f.write_str(&URL_SAFE_NO_PAD.encode(plain))
    }
}

impl FromStr for Cursor {
    type Err = MalformedCursor;

    fn from_str(text: &str) -> Result<Self, MalformedCursor> {
        if text.len() > CURSOR_BYTES_MAX {
            return Err(MalformedCursor);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| MalformedCursor)?;
        let plain = std::str::from_utf8(&bytes).map_err(|_| MalformedCursor)?;
        let parts: Vec<&str> = plain.split('~').collect();
        let [PREFIX, history, projection, generation, seq, position] = parts[..] else { return Err(MalformedCursor) };
        Ok(Self {
            history: read_history(history)?,
            projection: projection.to_owned(),
            generation: number(generation)?,
            seq: number(seq)?,
            position: Position(number(position)?),
        })
    }
}

fn read_history(text: &str) -> Result<Option<History>, MalformedCursor> {
    if text == NO_HISTORY {
        return Ok(None);
    }
    Uuid::try_parse(text).map(|uuid| Some(History(uuid))).map_err(|_| MalformedCursor)
}

fn number<T: FromStr>(text: &str) -> Result<T, MalformedCursor> {
    text.parse().map_err(|_| MalformedCursor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cursor_reads_back(history: Option<u128>, generation: u32, seq: u64, position: u64) {
            let history = history.map(|number| History(Uuid::from_u128(number)));
            let cursor = Cursor { history, projection: "content".into(), generation, seq, position: Position(position) };
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }

        #[test]
        fn any_text_is_a_cursor_or_malformed(text in ".{0,300}") {
            let _ = text.parse::<Cursor>();
        }
    }

    #[test]
    fn what_is_no_cursor_is_malformed() {
        let id = Uuid::nil();
        for plain in [
            "",
            "ml1",
            "ml2~-~content~1~2~3",
            "ml1~x~content~1~2~3",
            "ml1~-~content~1~2",
            "ml1~-~content~1~2~3~4",
            "ml1~-~content~1~-2~3",
            &format!("ml1~{id}~content~4294967296~2~3"),
        ] {
            assert_eq!(URL_SAFE_NO_PAD.encode(plain).parse::<Cursor>(), Err(MalformedCursor), "{plain}");
        }
        for text in ["ml1~-~content~1~2~3", "!!!", &"A".repeat(CURSOR_BYTES_MAX + 1)] {
            assert_eq!(text.parse::<Cursor>(), Err(MalformedCursor), "{text}");
        }
    }
}
