//! One export at work: a transaction that sees one moment, and the document that is written out of it.

use super::places::Place;
use super::{ExportLimits, ExportRefusal, NAME, Piece, count, document, failed, refused};
use crate::auth::ExportRight;
use crate::fault::Fault;
use crate::pipeline::report;
use crate::rows::session::IS_LIVE;
use millrace_events::{KeyState, Timestamp};
use millrace_log::keys;
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, FromQueryResult, IsolationLevel,
    Statement, TransactionTrait, Value,
};
use std::time::Instant;
use time::OffsetDateTime;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// One export at work.
pub(super) struct Writing {
    pub database: DatabaseConnection,
    pub right: ExportRight,
    pub limits: ExportLimits,
    pub place: Place,
}

/// All that is seen of a person from one moment on.
pub(super) struct Snapshot {
    pub transaction: DatabaseTransaction,
    pub at: Timestamp,
    /// What opens the person's words.
    pub key: KeyState,
}

impl Writing {
    /// Writes the document, once it is told whether there is one.
    pub async fn run(self, told: oneshot::Sender<Result<(), ExportRefusal>>, pieces: mpsc::Sender<Piece>) {
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
        let (isolation, access) = (Some(IsolationLevel::RepeatableRead), Some(AccessMode::ReadOnly));
        let transaction = self.database.begin_with_config(isolation, access).await?;
        // A client may take its time with what it has, so this transaction may idle as long as it may last.
        let idle = format!("SET LOCAL idle_in_transaction_session_timeout = {}", self.limits.time_max.as_millis());
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
        let outlet = Outlet { writing: self, pieces };
        let writing = document::write(snapshot, self.right.user_id, &outlet);
        let stopped = match timeout(self.limits.time_max, writing).await {
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

/// Where the pieces of one document go.
pub(super) struct Outlet<'a> {
    writing: &'a Writing,
    pieces: &'a mpsc::Sender<Piece>,
}

impl Outlet<'_> {
    /// Sends a piece once there is room for it, if the sign-in that asked still lasts then: not in the snapshot, which sees no end.
    pub async fn send(&self, text: String) -> Result<(), Stopped> {
        let Writing { database, right, limits, .. } = self.writing;
        let room = timeout(limits.piece_wait_max, self.pieces.reserve()).await.map_err(|_| Stopped::Slow)?;
        let room = room.map_err(|_| Stopped::Left)?;
        if !Opening::read(database, right).await?.is_live {
            return Err(Stopped::Ended);
        }
        room.send(Piece::Text(text));
        Ok(())
    }
}

/// Why a document was not written to its end.
pub(super) enum Stopped {
    /// Nobody takes it any more.
    Left,
    /// It took too long, or one piece did.
    Slow,
    /// The sign-in that asked for it has ended, or its person is no more.
    Ended,
    /// It could not be read.
    Failed(Fault),
}

impl<F: Into<Fault>> From<F> for Stopped {
    fn from(fault: F) -> Self {
        Self::Failed(fault.into())
    }
}

/// What PostgreSQL knows of the sign-in that asked.
#[derive(Debug, FromQueryResult)]
struct Opening {
    now: OffsetDateTime,
    is_live: bool,
}

impl Opening {
    async fn read(db: &impl ConnectionTrait, right: &ExportRight) -> Result<Self, Fault> {
        let opening = format!(
            "SELECT clock_timestamp() AS now, EXISTS (
                SELECT FROM users WHERE id = $2 AND erased_at IS NULL AND deactivated_at IS NULL
            ) AND {IS_LIVE} AS is_live"
        );
        let values: [Value; 3] = [right.session_id.0.into(), right.user_id.0.into(), right.made_at.moment().into()];
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, opening, values);
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
        let right =
            ExportRight { user_id, session_id, made_at: Timestamp::new(at(0)), expires_at: Timestamp::new(at(300)) };
        let admits = |seconds, is_live| Opening { now: at(seconds), is_live }.admits(&right);
        assert!(admits(0, true) && admits(299, true));
        assert!(!admits(300, true) && !admits(301, true) && !admits(0, false));
    }
}
