//! What lies at a document's key: a line that says what it is and of which revision, then the JSON.
//!
//! `D7.0\n{…}` a document · `A7.0` known to be absent · `L…` a lease.

use super::Cached;
use millrace_events::Revision;

const DOCUMENT: u8 = b'D';
const ABSENT: u8 = b'A';
const LEASE: u8 = b'L';

/// The text of a document, or of its absence.
pub fn encode(revision: Revision, json: Option<&str>) -> String {
    match json {
        Some(json) => format!("D{revision}\n{json}"),
        None => format!("A{revision}"),
    }
}

/// The text of a lease.
pub fn encode_lease(lease: &str) -> String {
    format!("L{lease}")
}

/// Reads what lies at a key. What nobody of us wrote counts as nothing.
pub fn decode(value: Option<&[u8]>) -> Cached {
    let Some((tag, rest)) = value.and_then(|value| value.split_first()) else { return Cached::Missing };
    match *tag {
        DOCUMENT => document(rest).unwrap_or(Cached::Missing),
        ABSENT => text(rest)
            .and_then(|text| text.parse().ok())
            .map_or(Cached::Missing, |revision| Cached::Absent { revision }),
        LEASE => Cached::Leased,
        _ => Cached::Missing,
    }
}

fn document(rest: &[u8]) -> Option<Cached> {
    let (revision, json) = text(rest)?.split_once('\n')?;
    Some(Cached::Document { revision: revision.parse().ok()?, json: json.into() })
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_events::Position;

    #[test]
    fn what_is_written_reads_back() {
        let revision = Revision { position: Position(12), n: 3 };
        let json = "{\"a\":\"line\\nbreak\"}";
        let value = encode(revision, Some(json));
        assert_eq!(decode(Some(value.as_bytes())), Cached::Document { revision, json: json.into() });
        assert_eq!(decode(Some(encode(revision, None).as_bytes())), Cached::Absent { revision });
        assert_eq!(decode(Some(encode_lease("x").as_bytes())), Cached::Leased);
    }

    #[test]
    fn anything_else_is_nothing() {
        for value in ["", "X", "D", "D7.0", "Dx\n{}", "A", "Ax"] {
            assert_eq!(decode(Some(value.as_bytes())), Cached::Missing, "{value}");
        }
        assert_eq!(decode(None), Cached::Missing);
    }
}
