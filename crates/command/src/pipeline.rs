//! The one way that every command goes: read [`Pipeline::settle`] and [`Pipeline::attempt`] as lists of steps.

use crate::auth::{Auth, Session};
use crate::command::Handled;
use crate::failure::{CommandFailure, FailureCode};
use crate::fault::{Fault, HandlerError, within};
use crate::frame::{Actor, Frame, MailGrants};
use crate::idempotency::{self, Claim, Claimed, Kept};
use crate::unit_of_work::{Handling, UnitOfWork};
use crate::{
    Answer, Command, CommandError, CommandReceipt, DataExport, IDEMPOTENCY_KEY_BYTES_MAX, Request, Sender, Settings,
};
use backon::{BackoffBuilder, ExponentialBuilder};
use millrace_events::fail_point::{reach_in, reach_with};
use millrace_events::{CommandId, ConsistencyToken, Timestamp, Viewer};
use millrace_log::{Log, Sequencer, Spaced};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;

/// How often a transaction is tried when others are in its way.
const ATTEMPTS_MAX: usize = 6;
const ATTEMPT_DELAY: Duration = Duration::from_millis(10);
const ATTEMPT_DELAY_MAX: Duration = Duration::from_millis(500);
/// What every command goes through.
#[derive(Debug)]
pub(crate) struct Pipeline {
    pub log: Log,
    pub sequencer: Sequencer<Spaced<Log>>,
    pub auth: Arc<Auth>,
    pub settings: Settings,
}

/// A command whose answer stands, before the log is asked where it ends.
struct Settled<O> {
    receipt: CommandReceipt,
    outcome: O,
    session: Option<Session>,
    export: Option<DataExport>,
    rejection: Option<CommandError>,
    /// By which address the owner's failed sign-ins are counted, if they have shown who they are.
    owner: Option<String>,
    /// The address that no account has any more.
    left: Option<String>,
}

impl Pipeline {
    /// Runs a command to its end. Only a fault leaves it without an answer.
    pub async fn run<C: Command>(&self, request: Request, actor: Actor, input: C) -> Result<Answer<C::Outcome>, Fault> {
        let command_id = request.command_id;
        match self.settle(request, actor, &input).await {
            Ok(settled) => Ok(self.answer::<C>(settled).await),
            Err(HandlerError::Rejected(errors)) => Ok(self.reject(rejected(command_id), errors).await),
            Err(HandlerError::Failed(fault)) => Err(fault),
        }
    }

    /// What can be refused without PostgreSQL, then the attempts.
    async fn settle<C: Command>(&self, request: Request, actor: Actor, input: &C) -> Handling<Settled<C::Outcome>> {
        admit_kind(C::SENDER, &actor)?;
        let valid = validate(input)?;
        reach_with("command.validated", C::NAME, || serde_json::to_string(input).unwrap_or_default()).await;
        let owner = C::key_owner(&valid).unwrap_or_else(|| actor.key_owner());
        let identity = self.look_at_id_token(C::id_token(&valid), &request).await?.map(Arc::new);
        let claim = Claim::of(input, &owner, identity.as_deref(), &self.settings.server_secret)?;
        let password = self.look_at_password(C::password_work(&valid), &request).await?;
        let auth = Arc::clone(&self.auth);
        let (shop, wallets) = (self.settings.shop, self.settings.wallets);
        let Request { command_id, trace, client_address, .. } = request;
        let mails = MailGrants::default();
        let frame = Frame { command_id, actor, trace, password, identity, auth, client_address, mails, shop, wallets };
        let mut delays = delays(ATTEMPT_DELAY, ATTEMPT_DELAY_MAX, ATTEMPTS_MAX - 1);
        loop {
            match self.attempt::<C>(&frame, claim.as_ref(), &valid).await {
                Err(HandlerError::Failed(fault)) if fault.may_pass() => {
                    let Some(delay) = delays.next() else { return Err(fault.into()) };
                    tracing::debug!(command = C::NAME, error = %fault, "trying a command again");
                    metrics::counter!("millrace_command_retries_total", "command" => C::NAME).increment(1);
                    tokio::time::sleep(delay).await;
                }
                settled => return settled,
            }
        }
    }

    /// One transaction.
    async fn attempt<C: Command>(
        &self,
        frame: &Frame,
        claim: Option<&Claim>,
        valid: &C::Valid,
    ) -> Handling<Settled<C::Outcome>> {
        let (unit, settled) = match self.answered::<C, _>(self.until_commit::<C>(frame, claim, valid)).await? {
            Begun::Before(kept) => return self.replay::<C>(frame, valid, *kept).await,
            Begun::New(unit, settled) => (*unit, *settled),
        };
        reach_in("command.before_commit", C::NAME).await;
        self.commit(unit).await?;
        reach_in("command.committed", C::NAME).await;
        if let Some(account) = &settled.owner {
            self.auth.attempts.proved(account, frame.client_address, Timestamp::new(OffsetDateTime::now_utc()));
        }
        if let Some(account) = &settled.left {
            self.auth.attempts.forget(account);
        }
        Ok(settled)
    }

    /// A transaction that is dropped before COMMIT has no effect. Its connection is rolled back as it is given back to the pool, or closed
    /// if it does not answer: also that of a `begin`.
    async fn answered<C: Command, T>(&self, transaction: impl Future<Output = Handling<T>>) -> Handling<T> {
        within(self.settings.transaction_wait_max + C::LONGER, transaction).await
    }

    /// The same for what is asked outside of a command's transaction.
    pub async fn in_time<T, E>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, Fault>
    where
        Fault: From<E>,
    {
        within(self.settings.transaction_wait_max, async { Ok(work.await?) }).await
    }

    /// The transaction, ready to be committed; or the end of one that is not.
    async fn until_commit<C: Command>(
        &self,
        frame: &Frame,
        claim: Option<&Claim>,
        valid: &C::Valid,
    ) -> Handling<Begun<C::Outcome>> {
        let mut unit = UnitOfWork::begin(self.log.database(), frame.clone(), C::SENDER).await?;
        match self.decide::<C>(&mut unit, claim, valid).await {
            Ok(Decided::New(settled)) => Ok(Begun::New(Box::new(unit), settled)),
            Ok(Decided::Before(kept)) => {
                unit.roll_back().await;
                Ok(Begun::Before(Box::new(kept)))
            }
            Err(stopped) => {
                unit.roll_back().await;
                Err(stopped)
            }
        }
    }

    /// Everything between BEGIN and COMMIT.
    async fn decide<C: Command>(
        &self,
        unit: &mut UnitOfWork,
        claim: Option<&Claim>,
        valid: &C::Valid,
    ) -> Handling<Decided<C::Outcome>> {
        unit.admit(C::SENDER)?;
        if let Some(claim) = claim {
            match idempotency::claim(unit.db(), claim, unit.at()).await? {
                Claimed::Mine => {}
                Claimed::Before(kept) => return Ok(Decided::Before(kept)),
                Claimed::ByAnotherInput => return Err(CommandError::idempotency_key_reused().into()),
            }
        }
        let handled = C::handle(valid, unit).await?;
        reach_in("command.handled", C::NAME).await;
        let settled = settled(unit, handled);
        if let Some(claim) = claim {
            let kept = Kept { receipt: settled.receipt.clone(), outcome: settled.outcome.clone() };
            idempotency::keep(unit.db(), claim, &kept, C::of_person(&kept.outcome)).await?;
        }
        unit.write_outbox().await?;
        Ok(Decided::New(Box::new(settled)))
    }

    /// Answers a repeated command with the first answer, and where nobody has shown who they are, only with the right password.
    async fn replay<C: Command>(
        &self,
        frame: &Frame,
        valid: &C::Valid,
        kept: Kept<C::Outcome>,
    ) -> Handling<Settled<C::Outcome>> {
        if let Some((user_id, password)) = C::replay_has_set(valid, &kept.outcome) {
            self.same_password(frame, user_id, password).await?;
        }
        let session = match C::replay_signs_in(valid, &kept.outcome) {
            Some((user_id, password)) => Some(self.sign_in_again(frame, user_id, password).await?),
            None => None,
        };
        let export = if C::IS_HANDLED_AGAIN { self.handle_again::<C>(frame, valid).await? } else { None };
        let receipt = CommandReceipt { replayed: true, ..kept.receipt };
        Ok(Settled { receipt, outcome: kept.outcome, session, export, rejection: None, owner: None, left: None })
    }

    /// What a repeated command answers anew, if it would be accepted now. It changes nothing, so nothing is committed.
    async fn handle_again<C: Command>(&self, frame: &Frame, valid: &C::Valid) -> Handling<Option<DataExport>> {
        let handled = async {
            let mut unit = UnitOfWork::begin(self.log.database(), frame.clone(), C::SENDER).await?;
            let handled = C::handle(valid, &mut unit).await;
            unit.roll_back().await;
            handled
        };
        Ok(self.answered::<C, _>(handled).await?.export)
    }

    async fn answer<C: Command>(&self, settled: Settled<C::Outcome>) -> Answer<C::Outcome> {
        let Settled { receipt, outcome, session, export, rejection, .. } = settled;
        if let Some(error) = rejection {
            return self.reject(rejected(receipt.command_id), vec![error]).await;
        }
        let consistency_token = self.consistency_token().await;
        reach_in("command.sequenced", C::NAME).await;
        Answer::Accepted { receipt: CommandReceipt { consistency_token, ..receipt }, outcome, session, export }
    }

    async fn reject<O>(&self, receipt: CommandReceipt, errors: Vec<CommandError>) -> Answer<O> {
        let consistency_token = self.consistency_token().await;
        Answer::Rejected { receipt: CommandReceipt { consistency_token, ..receipt }, errors }
    }

    /// Where the log ends, once everything that is committed by now has its position. A command that is committed stays accepted when
    /// sequencing fails: the relay's poll sequences its events later.
    async fn consistency_token(&self) -> Option<String> {
        match self.sequencer.join().await {
            Ok(head) => Some(ConsistencyToken::of_command(head.history, head.position).to_string()),
            Err(error) => {
                tracing::warn!(error = &*error as &dyn std::error::Error, "sequencing failed");
                None
            }
        }
    }
}

/// What happens in the transaction, or happened before.
enum Decided<O> {
    New(Box<Settled<O>>),
    Before(Kept<O>),
}

/// A transaction that can be committed, or the answer of before.
enum Begun<O> {
    New(Box<UnitOfWork>, Box<Settled<O>>),
    Before(Box<Kept<O>>),
}

/// Whether the sign-in has ended, only the transaction tells.
fn admit_kind(sender: Sender, actor: &Actor) -> Result<(), Fault> {
    match (sender, actor) {
        (Sender::Anyone, _) => Ok(()),
        (_, Actor::Viewer(Viewer::Anonymous)) => Err(Fault::NotSignedIn),
        _ => Ok(()),
    }
}

fn validate<C: Command>(input: &C) -> Handling<C::Valid> {
    let key = input.idempotency_key().map_or(Ok(()), check_key);
    match (input.validate(), key) {
        (Ok(valid), Ok(())) => Ok(valid),
        (valid, key) => {
            let errors = valid.err().into_iter().flatten().chain(key.err());
            Err(HandlerError::Rejected(errors.collect()))
        }
    }
}

fn check_key(key: &str) -> Result<(), CommandError> {
    if (1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&key.len()) {
        return Ok(());
    }
    let rule = format!("idempotencyKey must have 1 to {IDEMPOTENCY_KEY_BYTES_MAX} bytes.");
    Err(CommandError::invalid_text("idempotencyKey", rule))
}

fn settled<O>(unit: &UnitOfWork, handled: Handled<O>) -> Settled<O> {
    let receipt = CommandReceipt {
        command_id: unit.command_id(),
        accepted: true,
        replayed: false,
        aggregate_id: handled.aggregate_id,
        version: handled.version,
        accepted_at: Some(unit.at()),
        consistency_token: None,
    };
    let Handled { outcome, session, export, rejection, owner, left, .. } = handled;
    Settled { receipt, outcome, session, export, rejection, owner, left }
}

fn rejected(command_id: CommandId) -> CommandReceipt {
    CommandReceipt {
        command_id,
        accepted: false,
        replayed: false,
        aggregate_id: None,
        version: None,
        accepted_at: None,
        consistency_token: None,
    }
}

pub(crate) fn delays(first: Duration, max: Duration, times_max: usize) -> impl Iterator<Item = Duration> {
    let builder = ExponentialBuilder::new().with_min_delay(first).with_max_delay(max).with_max_times(times_max);
    builder.with_jitter().with_jitter_seed(rand::random()).build()
}

/// Logged once, where it becomes an answer.
pub(crate) fn report(name: &'static str, fault: Fault) -> CommandFailure {
    let failure = CommandFailure::from(fault);
    let error: &dyn std::error::Error = &failure;
    match failure.code() {
        FailureCode::Internal | FailureCode::Unavailable => tracing::error!(command = name, error, "a command failed"),
        _ => tracing::debug!(command = name, error, "a command failed"),
    }
    failure
}
