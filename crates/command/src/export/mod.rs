//! Exports: all that is kept of a person, as one JSON document, out of one snapshot of PostgreSQL.
//!
//! A link is asked for by a command (`crate::user::ExportMyData`) and followed by whoever has it. The document is written by a task of
//! its own, a few rows at a time and no faster than it is taken, so that its size costs no memory.

mod document;
mod parts;
mod places;
mod words;

use crate::auth::ExportRight;
use crate::failure::FailureReport;
use crate::fault::Fault;
use crate::pipeline::{Pipeline, report};
use millrace_events::{KeyState, Timestamp};
use millrace_log::keys;
use places::{Place, Places};
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, FromQueryResult, IsolationLevel,
    Statement, TransactionTrait,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use tokio::sync::{mpsc, oneshot};

pub use document::FORMAT;
pub use parts::{COLUMNS_LEFT_OUT, PARTS, Part, TABLES_LEFT_OUT};

const NAME: &str = "export";
/// Pieces that wait for a client who takes its time.
const PIECES_MAX: usize = 1;

/// What exports may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportLimits {
    /// Exports that this process writes at once. A person has one at a time.
    pub at_once_max: usize,
    /// How long writing one may take, however slowly it is taken: so long its snapshot keeps PostgreSQL from clearing up.
    pub time_max: Duration,
}

impl Default for ExportLimits {
    fn default() -> Self {
        Self { at_once_max: 4, time_max: Duration::from_secs(120) }
    }
}

/// Why a link leads to nothing. It crosses the internal API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ExportRefusal {
    /// The link was not made here or was changed, its time is over, the session has ended, or the account is no more.
    NoSuchExport,
    /// Not now.
    Failed(FailureReport),
}

/// The document's text did not come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the export was cut short")]
pub struct CutShort;

/// A document that is being written.
#[derive(Debug)]
pub struct Export {
    pieces: Option<mpsc::Receiver<Piece>>,
}

/// What passes between the task that writes and whoever takes it. A task that fails just ends, so the end of the document is told.
#[derive(Debug)]
enum Piece {
    Text(String),
    End,
}

impl Export {
    /// The next piece of the document; none at its end.
    pub async fn next(&mut self) -> Option<Result<String, CutShort>> {
        let told = match self.pieces.as_mut()?.recv().await {
            Some(Piece::Text(text)) => return Some(Ok(text)),
            Some(Piece::End) => None,
            None => Some(Err(CutShort)),
        };
        self.pieces = None;
        told
    }
}

/// Writes exports.
#[derive(Debug)]
pub(crate) struct Exports {
    limits: ExportLimits,
    places: Arc<Places>,
}

impl Exports {
    /// With these limits.
    pub fn new(limits: ExportLimits) -> Self {
        Self { limits, places: Arc::new(Places::new(limits.at_once_max)) }
    }

    /// Begins the document that a link leads to, if it may be fetched now.
    pub async fn open(&self, pipeline: &Pipeline, token: &str) -> Result<Export, ExportRefusal> {
        let right = pipeline.auth.exports.read(token).map_err(|_| refused())?;
        let place = self.places.take(right.user_id).ok_or_else(turned_away)?;
        let (database, time_max) = (pipeline.log.database().clone(), self.limits.time_max);
        let (told, opened) = oneshot::channel();
        let (sender, pieces) = mpsc::channel(PIECES_MAX);
        // Nobody who hangs up cancels what begins a transaction.
        tokio::spawn(Writing { database, right, time_max, place }.run(told, sender));
        opened.await.unwrap_or_else(|_| Err(failed(Fault::Missing("the task of an export"))))?;
        Ok(Export { pieces: Some(pieces) })
    }
}

fn refused() -> ExportRefusal {
    count("refused");
    ExportRefusal::NoSuchExport
}

fn turned_away() -> ExportRefusal {
    count("turned_away");
    ExportRefusal::Failed(report(NAME, Fault::TooManyExports).report().clone())
}

fn failed(fault: Fault) -> ExportRefusal {
    count("failed");
    ExportRefusal::Failed(report(NAME, fault).report().clone())
}

fn count(result: &'static str) {
    metrics::counter!("millrace_exports_total", "result" => result).increment(1);
}

/// One export at work.
struct Writing {
    database: DatabaseConnection,
    right: ExportRight,
    time_max: Duration,
    place: Place,
}

/// All that is seen of a person from one moment on.
struct Snapshot {
    transaction: DatabaseTransaction,
    at: Timestamp,
    /// What opens the person's words.
    key: KeyState,
}

impl Writing {
    async fn run(self, told: oneshot::Sender<Result<(), ExportRefusal>>, pieces: mpsc::Sender<Piece>) {
        let started = Instant::now();
        let snapshot = match self.open().await {
            Ok(Some(snapshot)) => snapshot,
            Ok(None) => return drop(told.send(Err(refused()))),
            Err(fault) => return drop(told.send(Err(failed(fault)))),
        };
        let is_whole = told.send(Ok(())).is_ok() && self.write(&snapshot, &pieces).await;
        if let Err(error) = snapshot.transaction.rollback().await {
            tracing::debug!(%error, "ending the transaction of an export failed");
        }
        metrics::histogram!("millrace_export_seconds").record(started.elapsed().as_secs_f64());
        count(if is_whole { "whole" } else { "cut_short" });
        // Whoever has the end of one may ask for the next.
        drop(self.place);
        if is_whole {
            let _left = pieces.send(Piece::End).await;
        }
    }

    /// The snapshot in which everything is read, whether the link is good as well.
    async fn open(&self) -> Result<Option<Snapshot>, Fault> {
        let config = (Some(IsolationLevel::RepeatableRead), Some(AccessMode::ReadOnly));
        let transaction = self.database.begin_with_config(config.0, config.1).await?;
        // A client may take its time with what it has, so this transaction may idle as long as it may last.
        let idle = format!("SET LOCAL idle_in_transaction_session_timeout = {}", self.time_max.as_millis());
        transaction.execute_unprepared(&idle).await?;
        let opening = Opening::read(&transaction, &self.right).await?;
        if !opening.admits(&self.right) {
            transaction.rollback().await?;
            return Ok(None);
        }
        let key = keys::load(&transaction, &[self.right.user_id]).await?.remove(&self.right.user_id);
        let key = key.ok_or(Fault::Missing("the person's key"))?;
        Ok(Some(Snapshot { transaction, at: Timestamp::new(opening.now), key }))
    }

    /// Writes the document within its time; answers whether it is whole.
    async fn write(&self, snapshot: &Snapshot, pieces: &mpsc::Sender<Piece>) -> bool {
        let writing = document::write(snapshot, self.right.user_id, pieces);
        let stopped = match tokio::time::timeout(self.time_max, writing).await {
            Ok(Ok(())) => return true,
            Ok(Err(stopped)) => stopped,
            Err(_) => Stopped::Slow,
        };
        if let Stopped::Failed(fault) = stopped {
            report(NAME, fault);
        }
        false
    }
}

/// Why a document was not written to its end.
enum Stopped {
    /// Nobody takes it any more.
    Left,
    /// It took too long.
    Slow,
    /// It could not be read.
    Failed(Fault),
}

impl<F: Into<Fault>> From<F> for Stopped {
    fn from(fault: F) -> Self {
        Self::Failed(fault.into())
    }
}

/// What PostgreSQL knows of the sign-in that asked, in the snapshot.
#[derive(Debug, FromQueryResult)]
struct Opening {
    now: OffsetDateTime,
    is_live: bool,
}

impl Opening {
    async fn read(db: &impl ConnectionTrait, right: &ExportRight) -> Result<Self, Fault> {
        const OPENING: &str = "
            SELECT clock_timestamp() AS now, EXISTS (
                SELECT FROM sessions s JOIN users u ON u.id = s.user_id
                WHERE s.id = $1 AND s.user_id = $2 AND s.ended_at IS NULL AND s.expires_at > clock_timestamp()
                AND u.erased_at IS NULL) AS is_live";
        let ids = [right.session_id.0.into(), right.user_id.0.into()];
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, OPENING, ids);
        let opening = Self::find_by_statement(statement).one(db).await?;
        opening.ok_or(Fault::Missing("the answer to an export's first statement"))
    }

    /// The clock that made the link says when it has ended.
    fn admits(&self, right: &ExportRight) -> bool {
        self.is_live && right.expires_at.moment() > self.now
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_events::{SessionId, UserId};

    #[test]
    fn a_link_is_good_until_its_end_and_while_the_session_lasts() {
        let at = |seconds: i64| OffsetDateTime::from_unix_timestamp(1_800_000_000 + seconds).unwrap();
        let (user_id, session_id) = (UserId::generate(), SessionId::generate());
        let right = ExportRight { user_id, session_id, expires_at: Timestamp::new(at(300)) };
        let admits = |seconds, is_live| Opening { now: at(seconds), is_live }.admits(&right);
        assert!(admits(0, true) && admits(299, true));
        assert!(!admits(300, true) && !admits(301, true) && !admits(0, false));
    }

    #[tokio::test]
    async fn a_document_has_an_end_or_is_cut_short() {
        let (sender, pieces) = mpsc::channel(3);
        let mut export = Export { pieces: Some(pieces) };
        for piece in [Piece::Text("{".into()), Piece::Text("}".into()), Piece::End] {
            sender.send(piece).await.unwrap();
        }
        assert_eq!([export.next().await, export.next().await], [Some(Ok("{".into())), Some(Ok("}".into()))]);
        assert_eq!([export.next().await, export.next().await], [None, None]);

        let (sender, pieces) = mpsc::channel(1);
        let mut export = Export { pieces: Some(pieces) };
        drop(sender);
        assert_eq!([export.next().await, export.next().await], [Some(Err(CutShort)), None]);
    }
}
