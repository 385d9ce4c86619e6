//! A commit as commands of MongoDB, each small enough for one message.

use super::error::MongoError;
use super::form;
use super::names::{DEAD_LETTERS, Names};
use crate::projection::{ChangeKind, Document, DocumentKey};
use crate::store::Commit;
use millrace_events::Revision;
use mongodb::bson::{DateTime, RawArrayBuf, RawDocument, RawDocumentBuf, rawdoc};
use std::collections::HashSet;

/// Bytes of statements in one command. MongoDB takes 16 MB for all of it.
const COMMAND_BYTES_MAX: usize = 8 << 20;
/// From so many new documents on they are inserted by a command of their own. That is one round trip more, but an insert takes MongoDB
/// less than half of an upsert, which looks for what is not there.
pub(super) const INSERTED_APART_MIN: usize = 64;

/// The commands of one transaction, the compare first.
pub(super) struct Statements {
    /// In order.
    pub commands: Vec<RawDocumentBuf>,
    /// Of all together.
    pub bytes: usize,
}

impl Statements {
    pub fn of<D: Document>(names: &Names, from: Revision, commit: &Commit<D>) -> Result<Self, MongoError> {
        let (mut updates, mut deletes, mut inserts) = (vec![compare(from, commit)?], Vec::new(), Vec::new());
        let new = inserted_apart(commit);
        for (key, stored) in &commit.documents {
            match stored {
                Some(stored) if new.contains(key) => inserts.push(form::document(key, stored)?),
                Some(stored) => updates.push(replace(&form::document(key, stored)?, key.as_str())),
                None => deletes.push(rawdoc! { "q": { "_id": key.as_str() }, "limit": 1 }),
            }
        }
        for (key, since) in &commit.parked {
            let tombstone = form::tombstone(key, commit.checkpoint.revision, Some(*since));
            updates.push(replace(&tombstone, key.as_str()));
        }
        let kept_since = DateTime::now();
        let changes: Result<Vec<_>, _> = commit.changes.iter().map(|change| form::change(change, kept_since)).collect();
        let letters: Result<Vec<_>, _> =
            commit.dead_letters.iter().map(|letter| form::dead_letter(&names.documents, letter)).collect();
        let mut statements = Self { commands: Vec::new(), bytes: 0 };
        statements.add("update", &names.documents, "updates", updates);
        statements.add("delete", &names.documents, "deletes", deletes);
        statements.add("insert", &names.documents, "documents", inserts);
        statements.add("insert", &names.changes, "documents", changes?);
        statements.add("insert", DEAD_LETTERS, "documents", letters?);
        let answered = commit.repaired.iter().map(|key| answered(names, key)).collect();
        statements.add("delete", DEAD_LETTERS, "deletes", answered);
        Ok(statements)
    }

    fn add(&mut self, command: &str, collection: &str, list: &str, statements: Vec<RawDocumentBuf>) {
        let (mut array, mut bytes) = (RawArrayBuf::new(), 0);
        for statement in statements {
            let length = statement.as_bytes().len();
            if bytes > 0 && bytes + length > COMMAND_BYTES_MAX {
                let full = std::mem::replace(&mut array, RawArrayBuf::new());
                self.commands.push(self::command(command, collection, list, full));
                bytes = 0;
            }
            array.push(statement);
            bytes += length;
            self.bytes += length;
        }
        if bytes > 0 {
            self.commands.push(self::command(command, collection, list, array));
        }
    }
}

/// The documents that did not exist before: the first change of each says so. None, if they are few.
fn inserted_apart<D>(commit: &Commit<D>) -> HashSet<&DocumentKey> {
    let mut met = HashSet::with_capacity(commit.changes.len());
    let first_changes = commit.changes.iter().filter(|change| met.insert(&change.key));
    let created = first_changes.filter(|change| change.kind == ChangeKind::Created);
    let new: HashSet<_> = created.map(|change| &change.key).collect();
    if new.len() < INSERTED_APART_MIN { HashSet::new() } else { new }
}

fn command(name: &str, collection: &str, list: &str, statements: RawArrayBuf) -> RawDocumentBuf {
    let mut command = RawDocumentBuf::new();
    command.append_ref(name, collection);
    command.append(list, statements);
    command
}

/// Moves the checkpoint if it is exactly where the commit starts from, and served as before. As an upsert, because then a
/// miss is an error of this statement (the checkpoint's `_id` exists) and ends the transaction.
fn compare<D>(from: Revision, commit: &Commit<D>) -> Result<RawDocumentBuf, MongoError> {
    let mut statement = moving(from, commit)?;
    statement.append("upsert", true);
    Ok(statement)
}

/// The checkpoint alone, as a command of its own. A miss says so by its count: without a transaction an upsert would leave what it made.
pub(super) fn checkpoint_alone<D>(
    names: &Names,
    from: Revision,
    commit: &Commit<D>,
) -> Result<RawDocumentBuf, MongoError> {
    let mut updates = RawArrayBuf::new();
    updates.push(moving(from, commit)?);
    Ok(command("update", &names.documents, "updates", updates))
}

fn moving<D>(from: Revision, commit: &Commit<D>) -> Result<RawDocumentBuf, MongoError> {
    let retired = commit.checkpoint.retired;
    Ok(rawdoc! {
        "q": { "_id": form::CHECKPOINT, "rev": form::revision_form(from), "retired": retired },
        "u": form::checkpoint(&commit.checkpoint)?,
    })
}

/// All dead letters of a document.
fn answered(names: &Names, key: &DocumentKey) -> RawDocumentBuf {
    let (first, end) = form::dead_letter_ids(&names.documents);
    rawdoc! { "q": { "_id": { "$gte": first, "$lt": end }, "key": key.as_str() }, "limit": 0 }
}

fn replace(document: &RawDocument, key: &str) -> RawDocumentBuf {
    rawdoc! { "q": { "_id": key }, "u": document.to_raw_document_buf(), "upsert": true }
}
