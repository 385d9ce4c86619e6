//! How things lie in MongoDB: documents with their own fields beside `_id`, `rev` and `brokenSince`, ids and times as text.

use super::error::{MongoError, malformed};
use crate::projection::{Change, Document, DocumentKey};
use crate::store::{Checkpoint, DeadLetter, Stored};
use millrace_events::{Position, Revision};
use mongodb::bson::serde_helpers::HumanReadable;
use mongodb::bson::{self, DateTime, RawDocument, RawDocumentBuf, rawdoc};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The checkpoint's `_id` among the documents, whose keys all have a colon.
pub(super) const CHECKPOINT: &str = "checkpoint";
/// The field of a parked document that says since when.
pub(super) const BROKEN_SINCE: &str = "brokenSince";
const RESERVED: [&str; 3] = ["_id", "rev", BROKEN_SINCE];
/// The field of a change by which it expires.
pub(super) const KEPT_SINCE: &str = "keptSince";

/// A document as it lies in the store.
pub(super) fn document<D: Document>(key: &DocumentKey, stored: &Stored<D>) -> Result<RawDocumentBuf, MongoError> {
    let mut form = tombstone(key, stored.revision, stored.broken_since);
    let body = encode(key.as_str(), &stored.document)?;
    for element in body.iter() {
        let (name, value) = element.map_err(|error| malformed(key.as_str(), error))?;
        if let Some(field) = RESERVED.into_iter().find(|reserved| *reserved == name) {
            return Err(MongoError::ReservedField { key: key.clone(), field });
        }
        form.append_ref(name, value);
    }
    Ok(form)
}

/// A document without fields of its own: parked before it existed.
pub(super) fn tombstone(key: &DocumentKey, revision: Revision, broken_since: Option<Position>) -> RawDocumentBuf {
    let mut form = rawdoc! { "_id": key.as_str(), "rev": revision_form(revision) };
    if let Some(since) = broken_since {
        form.append(BROKEN_SINCE, signed(since.0));
    }
    form
}

/// A revision; in exactly this form it is compared.
pub(super) fn revision_form(revision: Revision) -> RawDocumentBuf {
    rawdoc! { "p": signed(revision.position.0), "n": i32::try_from(revision.n).unwrap_or(i32::MAX) }
}

/// The checkpoint as it lies in the store, without its `_id`.
pub(super) fn checkpoint(checkpoint: &Checkpoint) -> Result<RawDocumentBuf, MongoError> {
    let mut form = rawdoc! { "rev": revision_form(checkpoint.revision) };
    append_all(&mut form, &encode(CHECKPOINT, checkpoint)?, &["rev"])?;
    Ok(form)
}

/// A change as it lies in the store.
pub(super) fn change(change: &Change, kept_since: DateTime) -> Result<RawDocumentBuf, MongoError> {
    let mut form = rawdoc! { "_id": signed(change.seq), KEPT_SINCE: kept_since };
    append_all(&mut form, &encode("a change", change)?, &[])?;
    Ok(form)
}

/// A dead letter as it lies in the store.
pub(super) fn dead_letter(collection: &str, letter: &DeadLetter) -> Result<RawDocumentBuf, MongoError> {
    let id = format!("{collection}/{}/{}", letter.position, letter.key);
    let mut form = rawdoc! { "_id": id, "collection": collection };
    append_all(&mut form, &encode("a dead letter", letter)?, &[])?;
    Ok(form)
}

/// Between which ids the dead letters of a collection lie: from the first on, before the second. `0` follows `/`.
pub(super) fn dead_letter_ids(collection: &str) -> (String, String) {
    (format!("{collection}/"), format!("{collection}0"))
}

/// What lies at a key.
pub(super) enum Found<D> {
    /// A document.
    Document(Stored<D>),
    /// Parked before it existed, since then.
    Parked(Position),
}

/// Reads a document.
pub(super) fn read_document<D: Document>(raw: &RawDocument) -> Result<(DocumentKey, Found<D>), MongoError> {
    let key = raw.get_str("_id").map_err(|source| malformed("a document", source))?;
    let broken_since = raw.get_i64(BROKEN_SINCE).ok().map(|since| Position(since.unsigned_abs()));
    let found = match broken_since {
        Some(since) if raw.iter().count() == RESERVED.len() => Found::Parked(since),
        _ => {
            let revision = raw.get_document("rev").map_err(|source| malformed(key, source))?;
            Found::Document(Stored { revision: decode(key, revision)?, broken_since, document: decode(key, raw)? })
        }
    };
    Ok((DocumentKey::from_store(key), found))
}

/// Ids and times are written as text, so that a selector's text finds them.
pub(super) fn encode<T: Serialize>(what: &str, value: &T) -> Result<RawDocumentBuf, MongoError> {
    bson::to_raw_document_buf(&HumanReadable(value))
        .map_err(|source| MongoError::Encode { what: what.to_owned(), source: Box::new(source) })
}

pub(super) fn decode<T: DeserializeOwned>(what: &str, raw: &RawDocument) -> Result<T, MongoError> {
    let HumanReadable(value) = bson::from_slice(raw.as_bytes())
        .map_err(|source| MongoError::Decode { what: what.to_owned(), source: Box::new(source) })?;
    Ok(value)
}

/// MongoDB's whole numbers are signed. None of ours comes near the end.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn append_all(form: &mut RawDocumentBuf, fields: &RawDocument, but: &[&str]) -> Result<(), MongoError> {
    for element in fields {
        let (name, value) = element.map_err(|error| malformed("a document", error))?;
        if !but.contains(&name) {
            form.append_ref(name, value);
        }
    }
    Ok(())
}
