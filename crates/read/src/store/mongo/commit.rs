//! A commit: documents, changes and checkpoint in one transaction, which writes the checkpoint first, by compare.

use super::MongoStore;
use super::error::{MongoError, code, failed};
use super::read::bounded;
use super::statements::{Statements, checkpoint_alone};
use crate::projection::Projection;
use crate::store::{Commit, Committed};
use millrace_events::Revision;
use millrace_events::fail_point::reach;
use mongodb::ClientSession;
use mongodb::bson::{Document, RawDocumentBuf, rawdoc};
use mongodb::error::{Error, UNKNOWN_TRANSACTION_COMMIT_RESULT};
use mongodb::options::{Acknowledgment, WriteConcern};

/// How often COMMIT is sent while its result is unknown. However often, it has one effect.
const COMMIT_ATTEMPTS_MAX: u32 = 3;
/// How long a checkpoint that moves alone waits for a transaction that holds it. Without a limit it might move after we gave up on it.
const ALONE_MAX_MS: i64 = 1_000;
/// A larger transaction is not tried: MongoDB holds all of it in its cache until the end.
const TRANSACTION_BYTES_MAX: usize = 16 << 20;

const STEP: &str = "write a commit";

/// Somebody else writes the checkpoint at this moment.
const WRITE_CONFLICT: i32 = 112;
/// The checkpoint is there, but is not what the compare asks for.
const DUPLICATE_KEY: i32 = 11_000;
/// `BSONObjectTooLarge`, `TransactionTooLarge`, `TransactionTooLargeForCache`.
const TOO_LARGE: [i32; 3] = [10_334, 257, 388];

/// Majority and journal. Majority alone waits for the journal's timer on some settings, which takes 95 ms.
pub(super) fn durable() -> WriteConcern {
    WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build()
}

impl<P: Projection> MongoStore<P> {
    pub(super) async fn write(&self, from: Revision, commit: &Commit<P::Document>) -> Result<Committed, MongoError> {
        if commit.moves_checkpoint_alone() {
            let command = checkpoint_alone(&self.names, from, commit)?;
            return bounded("commit", self.advance(command)).await;
        }
        let statements = Statements::of(&self.names, from, commit)?;
        if statements.bytes > TRANSACTION_BYTES_MAX {
            return Ok(Committed::TooLarge);
        }
        bounded("commit", self.transact(statements.commands)).await
    }

    /// Only the checkpoint moves: one statement is as atomic as a transaction, and takes one round trip instead of two.
    async fn advance(&self, mut command: RawDocumentBuf) -> Result<Committed, MongoError> {
        command.append("writeConcern", rawdoc! { "w": "majority", "j": true });
        command.append("maxTimeMS", ALONE_MAX_MS);
        reach("projector.before_commit").await;
        let answer = match self.database.run_raw_command(command).await {
            Ok(answer) => answer,
            Err(error) => return refused_by(true, error),
        };
        if let Some(code) = first(&answer, "writeErrors", "code") {
            return refusal(true, code).ok_or(MongoError::Refused { step: STEP, code });
        }
        if let Ok(failed) = answer.get_document("writeConcernError") {
            return Err(MongoError::NotDurable { code: failed.get_i32("code").unwrap_or_default() });
        }
        Ok(if answer.get_i32("n") == Ok(1) { Committed::Yes } else { Committed::CompareLost })
    }

    /// Dropping it, or its session, leaves the transaction to be aborted.
    async fn transact(&self, commands: Vec<RawDocumentBuf>) -> Result<Committed, MongoError> {
        let client = self.database.client();
        let mut session = client.start_session().await.map_err(failed("begin a session"))?;
        let begun = session.start_transaction().write_concern(durable()).await;
        begun.map_err(failed("begin a transaction"))?;
        for (index, command) in commands.into_iter().enumerate() {
            let answer = self.database.run_raw_command(command).session(&mut session).await;
            match judge(index == 0, answer)? {
                Committed::Yes => {}
                refused => {
                    // The server has aborted it by itself; this only tells the driver.
                    let _ = session.abort_transaction().await;
                    return Ok(refused);
                }
            }
        }
        reach("projector.before_commit").await;
        send_commit(&mut session).await
    }
}

/// What an answer means. A refused statement comes in an answer that is otherwise good.
fn judge(is_compare: bool, answer: Result<Document, Error>) -> Result<Committed, MongoError> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return refused_by(is_compare, error),
    };
    if let Some(code) = first(&answer, "writeErrors", "code") {
        return refusal(is_compare, code).ok_or(MongoError::Refused { step: STEP, code });
    }
    // The compare's upsert made a checkpoint where there was none.
    if is_compare && first(&answer, "upserted", "index") == Some(0) {
        return Err(MongoError::CheckpointMissing);
    }
    Ok(Committed::Yes)
}

fn refused_by(is_compare: bool, error: Error) -> Result<Committed, MongoError> {
    let refused = code(&error).and_then(|code| refusal(is_compare, code));
    refused.ok_or(MongoError::Driver { step: STEP, source: error })
}

fn refusal(is_compare: bool, code: i32) -> Option<Committed> {
    match code {
        WRITE_CONFLICT => Some(Committed::CompareLost),
        DUPLICATE_KEY if is_compare => Some(Committed::CompareLost),
        code if TOO_LARGE.contains(&code) => Some(Committed::TooLarge),
        _ => None,
    }
}

/// A number in the first document of a list in an answer.
fn first(answer: &Document, list: &str, field: &str) -> Option<i32> {
    answer.get_array(list).ok()?.first()?.as_document()?.get_i32(field).ok()
}

/// COMMIT again while its result is unknown, never the commands.
async fn send_commit(session: &mut ClientSession) -> Result<Committed, MongoError> {
    let mut attempt = 1;
    loop {
        match session.commit_transaction().await {
            Ok(()) => return Ok(Committed::Yes),
            Err(error) if !error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) => return refused_by(false, error),
            Err(source) if attempt == COMMIT_ATTEMPTS_MAX => return Err(MongoError::Driver { step: STEP, source }),
            Err(_) => attempt += 1,
        }
    }
}
