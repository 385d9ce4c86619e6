//! Wallets: what the payment provider says of a top-up.

use super::{Entry, move_money};
use crate::CommandError;
use crate::command::{Command, Handled, Sender};
use crate::fault::Fault;
use crate::rows::ledger::{Account, Cause, Movement};
use crate::rows::top_up::State;
use crate::rows::{self, provider_event, top_up, wallet};
use crate::unit_of_work::{Handling, UnitOfWork};
use async_graphql::{Enum, InputObject};
use millrace_events::money::MoneyInput;
use millrace_events::wallet::{MovementCause, TopUpDeclined};
use millrace_events::{Event, Money, TopUpId, TransactionId, UserId, WalletId};
use sea_orm::DatabaseConnection;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What became of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[serde(rename_all = "camelCase")]
pub enum PaymentResult {
    /// The provider has the money.
    Succeeded,
    /// The provider got no money.
    Declined,
}

/// What a payment provider tells: the body of its webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PaymentNotice {
    /// The provider's id of this event; a repetition has the same.
    pub event_id: String,
    /// Which top-up it is about.
    pub top_up_id: TopUpId,
    /// What became of it.
    pub result: PaymentResult,
    /// How much.
    pub amount: Money,
}

/// Ends a top-up as the provider says. The webhook's; no mutation.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompleteTopUp {
    /// The provider's id of its event.
    pub event_id: String,
    /// Which top-up.
    pub top_up_id: TopUpId,
    /// What became of it.
    pub result: PaymentResult,
    /// How much.
    pub amount: MoneyInput,
}

impl From<PaymentNotice> for CompleteTopUp {
    fn from(notice: PaymentNotice) -> Self {
        let PaymentNotice { event_id, top_up_id, result, amount } = notice;
        let amount = MoneyInput { amount_minor: amount.amount_minor, currency: amount.currency };
        Self { event_id, top_up_id, result, amount }
    }
}

/// What ending a top-up did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopUpEnded {
    /// The wallet.
    pub wallet: WalletId,
}

impl Command for CompleteTopUp {
    const NAME: &'static str = "completeTopUp";
    const SENDER: Sender = Sender::System;
    type Valid = Self;
    type Outcome = TopUpEnded;

    fn validate(&self) -> Result<Self, Vec<CommandError>> {
        Ok(self.clone())
    }

    async fn handle(valid: &Self, unit: &mut UnitOfWork) -> Handling<Handled<TopUpEnded>> {
        let absent = || CommandError::not_found("top-up", "topUpId");
        let asked = top_up::find(unit.db(), valid.top_up_id.0).await?.ok_or_else(absent)?;
        let wallet = wallet::locked_by_id(unit.db(), asked.wallet_id).await?;
        let wallet = wallet.ok_or(Fault::Missing("the wallet of a top-up"))?;
        // Once more, now that nobody else can end it.
        let asked = top_up::find(unit.db(), valid.top_up_id.0).await?.ok_or_else(absent)?;
        let known = provider_event::top_up_of(unit.db(), &valid.event_id).await?;
        ends_no_other(valid, known)?;
        let handled = Handled::new(TopUpEnded { wallet: WalletId(wallet.id) });
        let amount = rows::money(asked.amount_minor, &wallet.currency)?;
        let ending = decide_end(&asked, amount, valid)?;
        if ending != Ending::Ended && known.is_none() {
            take_event(unit, valid).await?;
        }
        let version = match ending {
            Ending::Ended => rows::version(wallet.version),
            Ending::Succeeds => succeed(unit, &wallet, valid, amount).await?,
            Ending::IsDeclined => decline(unit, &wallet, valid).await?,
        };
        Ok(handled.at(WalletId(wallet.id), version))
    }
}

/// An event is about one top-up: one that ended another is no repetition, and must not end two.
fn ends_no_other(notice: &CompleteTopUp, known: Option<Uuid>) -> Result<(), CommandError> {
    match known {
        Some(ended) if ended != notice.top_up_id.0 => {
            Err(CommandError::invalid_text("eventId", "The event has ended another top-up.".into()))
        }
        _ => Ok(()),
    }
}

/// Only the top-up's wallet is locked. If the same event ends another top-up at the same moment, its key is taken: this attempt fails, and
/// the next one knows.
async fn take_event(unit: &mut UnitOfWork, notice: &CompleteTopUp) -> Handling<()> {
    let (id, taken_at) = (notice.event_id.clone(), unit.at().moment());
    let event = provider_event::Model { id, top_up_id: notice.top_up_id.0, taken_at };
    Ok(rows::insert(unit.db(), event).await?)
}

/// What a notice means for a top-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// It has ended before: the notice is a repetition, or comes too late to change anything.
    Ended,
    /// The provider has the money, perhaps after it had declined: a card may be tried again.
    Succeeds,
    IsDeclined,
}

pub(super) fn decide_end(asked: &top_up::Model, amount: Money, notice: &CompleteTopUp) -> Result<Ending, CommandError> {
    let told = Money::new(notice.amount.amount_minor.0, notice.amount.currency);
    if told != amount {
        let message = format!("The top-up is of {amount}, not of {told}.");
        return Err(CommandError::invalid_text("amount", message));
    }
    Ok(match (asked.state, notice.result) {
        (State::Succeeded, _) | (State::Declined, PaymentResult::Declined) => Ending::Ended,
        (State::Requested | State::Declined, PaymentResult::Succeeded) => Ending::Succeeds,
        (State::Requested, PaymentResult::Declined) => Ending::IsDeclined,
    })
}

async fn succeed(
    unit: &mut UnitOfWork,
    wallet: &wallet::Model,
    notice: &CompleteTopUp,
    amount: Money,
) -> Handling<u32> {
    let top_up_id = notice.top_up_id;
    top_up::end(unit.db(), top_up_id.0, State::Succeeded, &notice.event_id, unit.at().moment()).await?;
    let movement = Movement {
        id: TransactionId::generate(),
        cause: Cause::TopUp(top_up_id),
        from: Account::Provider,
        to: Account::Wallet(WalletId(wallet.id)),
        amount,
    };
    let entry = Entry { top_up_id: Some(top_up_id), ..Entry::new(MovementCause::TopUp, amount) };
    move_money(unit, &movement, vec![(wallet, entry)]).await?;
    Ok(rows::version(wallet.version) + 1)
}

async fn decline(unit: &mut UnitOfWork, wallet: &wallet::Model, notice: &CompleteTopUp) -> Handling<u32> {
    let top_up_id = notice.top_up_id;
    let at = unit.at().moment();
    top_up::end(unit.db(), top_up_id.0, State::Declined, &notice.event_id, at).await?;
    let version = wallet::advance(unit.db(), wallet, at).await?;
    let event = TopUpDeclined { wallet_id: WalletId(wallet.id), user_id: UserId(wallet.user_id), top_up_id };
    unit.record(wallet.id, version, Event::TopUpDeclined(event));
    Ok(version)
}

/// The most top-ups that are looked at in one go.
const OPEN_AT_ONCE_MAX: u64 = 100;

/// Top-ups that wait for the provider, as the notices that would end them well.
pub(crate) async fn open_top_ups(database: &DatabaseConnection) -> Result<Vec<PaymentNotice>, Fault> {
    let open = top_up::open(database, OPEN_AT_ONCE_MAX).await?;
    let wallets = wallet::currencies(database, open.iter().map(|asked| asked.wallet_id).collect()).await?;
    let notices = open.into_iter().filter_map(|asked| {
        let currency = wallets.get(&asked.wallet_id)?;
        Some(rows::money(asked.amount_minor, currency).map(|amount| notice(&asked, amount)))
    });
    notices.collect()
}

fn notice(asked: &top_up::Model, amount: Money) -> PaymentNotice {
    let event_id = format!("development-{}", asked.id.simple());
    PaymentNotice { event_id, top_up_id: TopUpId(asked.id), result: PaymentResult::Succeeded, amount }
}
