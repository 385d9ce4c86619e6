//! The door to the command side: each command runs in a task of its own, so that a client who hangs up cannot stop it half-way.

use crate::auth::Auth;
use crate::export::{Export, ExportLimits, ExportRefusal, Exports};
use crate::fault::Fault;
use crate::frame::Actor;
use crate::mail::{MailQueue, Mailed, Mailer};
use crate::pipeline::{Pipeline, report};
use crate::rows;
use crate::user::{EraseAgain, ErasedAgain, GrantRole, RevokeRole, RoleGranted, RoleRevoked};
use crate::wallet::{CompleteTopUp, NoticeError, TopUpEnded, WebhookSecret};
use crate::{
    AccountRules, Answer, Command, CommandFailure, PaymentNotice, ServerSecret, ShopRules, WalletRules, mail, wallet,
};
use millrace_events::fail_point::reach;
use millrace_events::values::Email;
use millrace_events::{CommandId, Role, Timestamp, Trace, UserId, Viewer};
use millrace_log::{Log, Sequencer, Spaced};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tracing::Instrument;

/// How long an operator waits for somebody to be erased again: longer than erasing may take, as a process that ends before takes it back.
const ERASE_AGAIN_WAIT_MAX: Duration = rows::erasure::STATEMENT_MAX.saturating_add(Duration::from_secs(60));

/// What comes with every command, whichever it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Who sends it, from a verified token only. Roles are read from PostgreSQL.
    pub viewer: Viewer,
    /// The command's id: a new one for each request.
    pub command_id: CommandId,
    /// The trace that it belongs to.
    pub trace: Option<Trace>,
    /// Where it comes from, for counting failed sign-ins.
    pub client_address: Option<IpAddr>,
}

impl Request {
    /// A request with a new command id and nothing else known about it.
    pub fn new(viewer: Viewer) -> Self {
        Self { viewer, command_id: CommandId::generate(), trace: None, client_address: None }
    }
}

/// Limits of the command side, and its secret.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Makes idempotency keys and inputs unreadable in the database. The same in every process, and over restarts.
    pub server_secret: ServerSecret,
    /// Commands that run or wait for a connection at the same time; more are turned away at once.
    pub commands_max: usize,
    /// How long a caller waits for an answer. The command itself goes on.
    pub answer_wait_max: Duration,
    /// How long a transaction may take until its COMMIT, and the COMMIT again so long. PostgreSQL ends each statement sooner, unless it is
    /// gone without a word: then the kernel would go on waiting for a quarter of an hour or for ever, with the command's place.
    pub transaction_wait_max: Duration,
    /// How long PostgreSQL is asked what became of a COMMIT that it did not answer.
    pub outcome_wait_max: Duration,
    /// Rows that one sweep deletes at most, per table.
    pub sweep_rows_max: u64,
    /// The rules of the shop.
    pub shop: ShopRules,
    /// The rules of wallets.
    pub wallets: WalletRules,
    /// What exports may take.
    pub exports: ExportLimits,
    /// The rules of accounts.
    pub accounts: AccountRules,
    /// What the payment provider signs its notices with; without it no notice is taken.
    pub webhook_secret: Option<WebhookSecret>,
}

impl Settings {
    /// The usual limits.
    pub fn new(server_secret: ServerSecret) -> Self {
        Self {
            server_secret,
            commands_max: 1_024,
            answer_wait_max: Duration::from_secs(10),
            transaction_wait_max: Duration::from_secs(60),
            outcome_wait_max: Duration::from_secs(8),
            sweep_rows_max: 1_000,
            shop: ShopRules::default(),
            wallets: WalletRules::default(),
            exports: ExportLimits::default(),
            accounts: AccountRules::default(),
            webhook_secret: None,
        }
    }
}

/// The least time between the beginnings of two sequencing calls of a process: under load more commands share one.
const SEQUENCING_DISTANCE: Duration = Duration::from_millis(4);

/// What became of a payment provider's notice.
#[derive(Debug)]
pub enum NoticeOutcome {
    /// No notices are taken here: there is no secret.
    Off,
    /// It may not be the provider's.
    NotBelieved(NoticeError),
    /// It was dealt with, or will have to be sent again.
    Answered(Box<Result<Answer<TopUpEnded>, CommandFailure>>),
}

/// Executes commands. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Commands {
    pub(crate) pipeline: Arc<Pipeline>,
    /// One for each running command; its task owns it.
    places: Arc<Semaphore>,
    exports: Arc<Exports>,
}

impl Commands {
    /// Over this log and these credentials.
    pub fn new(log: Log, auth: Auth, settings: Settings) -> Self {
        let places = Arc::new(Semaphore::new(settings.commands_max));
        let exports = Arc::new(Exports::new(settings.exports));
        let sequencer = Sequencer::new(Spaced::new(log.clone(), SEQUENCING_DISTANCE));
        Self { pipeline: Arc::new(Pipeline { log, sequencer, auth: Arc::new(auth), settings }), places, exports }
    }

    /// Executes a command. Dropping the future does not stop the command.
    pub async fn execute<C: Command>(&self, request: Request, input: C) -> Result<Answer<C::Outcome>, CommandFailure> {
        let actor = Actor::Viewer(request.viewer.clone());
        self.execute_as(actor, request, input).await
    }

    /// Grants a role on the operator's word, as the command line does.
    pub async fn grant_role(&self, user_id: UserId, role: Role) -> Result<Answer<RoleGranted>, CommandFailure> {
        let grant = GrantRole { user_id, role, idempotency_key: None, expected_version: None };
        self.execute_as(Actor::System, Request::new(Viewer::Anonymous), grant).await
    }

    /// Takes a role away on the operator's word.
    pub async fn revoke_role(&self, user_id: UserId, role: Role) -> Result<Answer<RoleRevoked>, CommandFailure> {
        let revoke = RevokeRole { user_id, role, idempotency_key: None, expected_version: None };
        self.execute_as(Actor::System, Request::new(Viewer::Anonymous), revoke).await
    }

    /// Erases a person again, if PostgreSQL remembers them since it was restored from a backup.
    pub async fn erase_again(&self, user_id: UserId) -> Result<Answer<ErasedAgain>, CommandFailure> {
        let request = Request::new(Viewer::Anonymous);
        self.execute_within(ERASE_AGAIN_WAIT_MAX, Actor::System, request, EraseAgain { user_id }).await
    }

    /// Erases all of these again, also those who come after one with whom it failed. Answers with whom, and why.
    pub async fn erase_all_again(&self, persons: &[UserId]) -> Vec<(UserId, CommandFailure)> {
        let mut failed = Vec::new();
        for person in persons {
            if let Err(failure) = self.erase_again(*person).await {
                failed.push((*person, failure));
            }
        }
        failed
    }

    /// The person with this e-mail address, for the operator.
    pub async fn find_user(&self, email: &Email) -> Result<Option<UserId>, CommandFailure> {
        let canonical = email.canonical();
        let found = self.pipeline.in_time(rows::user::id_by_email(self.pipeline.log.database(), &canonical)).await;
        found.map(|id| id.map(UserId)).map_err(|fault| report("findUser", fault))
    }

    /// Begins the document that a link to an export leads to; `token` is the link's last part.
    pub async fn export(&self, token: &str) -> Result<Export, ExportRefusal> {
        self.exports.open(&self.pipeline, token).await
    }

    /// Top-ups that wait for the payment provider, as the notices that would end them well: what the provider of the development set-up
    /// answers. The id of a notice follows from its top-up, so that any number of processes say the same.
    pub async fn open_top_ups(&self) -> Result<Vec<PaymentNotice>, CommandFailure> {
        let open = self.pipeline.in_time(wallet::open_top_ups(self.pipeline.log.database())).await;
        open.map_err(|fault| report(CompleteTopUp::NAME, fault))
    }

    /// Takes a payment provider's notice, if it is rightly signed.
    pub async fn take_notice(&self, signature: &str, body: &[u8], now: Timestamp) -> NoticeOutcome {
        let Some(secret) = &self.pipeline.settings.webhook_secret else { return NoticeOutcome::Off };
        let notice = match secret.open(signature, body, now) {
            Ok(notice) => notice,
            Err(error) => return NoticeOutcome::NotBelieved(error),
        };
        reach("notice.believed").await;
        let answer = self.complete_top_up(notice).await;
        reach("notice.settled").await;
        NoticeOutcome::Answered(Box::new(answer))
    }

    /// Ends a top-up as the payment provider says, whose signature was checked.
    pub async fn complete_top_up(&self, notice: PaymentNotice) -> Result<Answer<TopUpEnded>, CommandFailure> {
        let request = Request::new(Viewer::Anonymous);
        self.execute_as(Actor::System, request, CompleteTopUp::from(notice)).await
    }

    /// Sends mails that are due, a bounded number of them. To be called again and again by any number of processes.
    pub async fn send_mails<M: Mailer>(&self, mailer: &M) -> Result<Mailed, CommandFailure> {
        let sender = mail::Sender { pipeline: &self.pipeline, mailer };
        sender.send_due().await.map_err(|fault| report("sendMails", fault))
    }

    /// How many mails wait, and how many were given up.
    pub async fn mail_queue(&self) -> Result<MailQueue, CommandFailure> {
        let counts = self.pipeline.in_time(rows::mail::counts(self.pipeline.log.database())).await;
        let (waiting, dead) = counts.map_err(|fault| report("mailQueue", fault))?;
        Ok(MailQueue { waiting, dead })
    }

    /// Waits until no command runs any more, at most this long; later ones are turned away. True if all have ended.
    pub async fn drain(&self, wait_max: Duration) -> bool {
        let all = u32::try_from(self.pipeline.settings.commands_max).unwrap_or(u32::MAX);
        let drained = tokio::time::timeout(wait_max, self.places.acquire_many(all)).await.is_ok();
        self.places.close();
        drained
    }

    pub(crate) async fn execute_as<C: Command>(
        &self,
        actor: Actor,
        request: Request,
        input: C,
    ) -> Result<Answer<C::Outcome>, CommandFailure> {
        self.execute_within(self.pipeline.settings.answer_wait_max, actor, request, input).await
    }

    /// Waits so long for the answer.
    async fn execute_within<C: Command>(
        &self,
        wait_max: Duration,
        actor: Actor,
        request: Request,
        input: C,
    ) -> Result<Answer<C::Outcome>, CommandFailure> {
        let started = std::time::Instant::now();
        let outcome = self.run_in_task(wait_max, actor, request, input).await.map_err(|fault| report(C::NAME, fault));
        let result = match &outcome {
            Ok(Answer::Accepted { .. }) => "accepted",
            Ok(Answer::Rejected { .. }) => "rejected",
            Err(failure) => failure.code().as_str(),
        };
        metrics::counter!("millrace_commands_total", "command" => C::NAME, "result" => result).increment(1);
        metrics::histogram!("millrace_command_seconds", "command" => C::NAME).record(started.elapsed().as_secs_f64());
        outcome
    }

    async fn run_in_task<C: Command>(
        &self,
        wait_max: Duration,
        actor: Actor,
        request: Request,
        input: C,
    ) -> Result<Answer<C::Outcome>, Fault> {
        let place = self.place()?;
        let pipeline = Arc::clone(&self.pipeline);
        let span = tracing::info_span!("command", name = C::NAME, id = %request.command_id);
        let work = async move {
            let answer = pipeline.run(request, actor, input).await;
            drop(place);
            answer
        };
        match tokio::time::timeout(wait_max, tokio::spawn(work.instrument(span))).await {
            Ok(answer) => answer.unwrap_or(Err(Fault::Task)),
            Err(_) => Err(Fault::Slow { wait_ms: wait_max.as_millis() }),
        }
    }

    fn place(&self) -> Result<OwnedSemaphorePermit, Fault> {
        Arc::clone(&self.places).try_acquire_owned().map_err(|refused| match refused {
            TryAcquireError::Closed => Fault::Draining,
            TryAcquireError::NoPermits => Fault::TooManyCommands,
        })
    }
}
