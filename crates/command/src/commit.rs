//! COMMIT, and finding out what became of one that was not answered.

use crate::fault::Fault;
use crate::pipeline::{Pipeline, delays};
use crate::unit_of_work::{Committed, UnitOfWork};
use millrace_events::CommandId;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, FromQueryResult, Statement};
use std::time::Duration;
use tokio::time::timeout;

/// How often PostgreSQL is asked what became of a COMMIT that it did not answer.
const QUESTIONS_MAX: usize = 12;
/// How long one answer is waited for: the next question goes over another connection.
const QUESTION_WAIT_MAX: Duration = Duration::from_secs(3);
const QUESTION_DELAY: Duration = Duration::from_millis(50);
const QUESTION_DELAY_MAX: Duration = Duration::from_secs(1);

impl Pipeline {
    /// Commits. When the connection breaks at that very moment, PostgreSQL is asked what became of it.
    pub async fn commit(&self, unit: UnitOfWork) -> Result<(), Fault> {
        let (command_id, has_recorded) = (unit.command_id(), unit.has_recorded());
        let (transaction_id, error) = match unit.commit(self.settings.transaction_wait_max).await {
            Committed::Yes => return Ok(()),
            Committed::No(error) => return Err(error.into()),
            Committed::Unknown { transaction_id, error } => (transaction_id, error),
        };
        tracing::warn!(%command_id, %error, "COMMIT was not answered");
        match self.ask_whether_committed(&transaction_id).await {
            Some(false) => Err(Fault::NotCommitted(error)),
            // After a failover the same transaction's id may belong to another one: the events must be there.
            Some(true) if !has_recorded || self.is_placed(command_id).await => Ok(()),
            _ => Err(Fault::CommitUnknown(error)),
        }
    }

    /// A question that is not answered counts as the others do: with its time.
    async fn ask_whether_committed(&self, transaction_id: &str) -> Option<bool> {
        timeout(self.settings.outcome_wait_max, self.ask_until_known(transaction_id)).await.ok().flatten()
    }

    async fn ask_until_known(&self, transaction_id: &str) -> Option<bool> {
        let mut delays = delays(QUESTION_DELAY, QUESTION_DELAY_MAX, QUESTIONS_MAX - 1);
        loop {
            match timeout(QUESTION_WAIT_MAX, was_committed(self.log.database(), transaction_id)).await {
                Ok(Ok(Some(committed))) => return Some(committed),
                Ok(Ok(None)) => {}
                Ok(Err(error)) => tracing::debug!(%error, "asking for the outcome of a COMMIT failed"),
                Err(_) => tracing::debug!("asking for the outcome of a COMMIT was not answered"),
            }
            tokio::time::sleep(delays.next()?).await;
        }
    }

    async fn is_placed(&self, command_id: CommandId) -> bool {
        if self.sequencer.join().await.is_err() {
            return false;
        }
        matches!(self.log.placed(command_id).await, Ok(Some(_)))
    }
}

/// What became of a transaction whose COMMIT was not answered; `None` while PostgreSQL does not know it yet.
///
/// [`pg_xact_status`](https://www.postgresql.org/docs/current/functions-info.html) was made for this very question.
async fn was_committed(db: &impl ConnectionTrait, transaction_id: &str) -> Result<Option<bool>, DbErr> {
    #[derive(FromQueryResult)]
    struct Found {
        status: Option<String>,
    }
    const QUESTION: &str = "SELECT pg_xact_status($1::text::xid8) AS status";
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, QUESTION, [transaction_id.into()]);
    let found = Found::find_by_statement(statement).one(db).await?;
    Ok(match found.and_then(|found| found.status).as_deref() {
        Some("committed") => Some(true),
        Some("aborted") => Some(false),
        _ => None,
    })
}
