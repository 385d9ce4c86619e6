//! Wallets: moving money in and out of them, and asking the payment provider for more.

mod notice;
mod provider;
#[cfg(test)]
mod tests;
mod transfer;

use crate::CommandError;
use crate::command::{Command, Handled};
use crate::fault::Fault;
use crate::fields::{Fields, check_room, check_version};
use crate::rows::ledger::Movement;
use crate::rows::{self, ledger, top_up, wallet};
use crate::unit_of_work::{Handling, UnitOfWork};
use async_graphql::InputObject;
use millrace_events::fail_point::reach_in;
use millrace_events::money::MoneyInput;
use millrace_events::wallet::{MovementCause, OPEN_TOP_UPS_MAX, TopUpRequested, WalletMoved, WalletOpened};
use millrace_events::{Currency, Event, Money, OrderId, Personal, Timestamp, TopUpId, UserId, WalletId};
use serde::{Deserialize, Serialize};

pub use self::notice::{NoticeError, SIGNATURE_HEADER, WebhookSecret};
pub(crate) use self::provider::{CompleteTopUp, open_top_ups};
pub use self::provider::{PaymentNotice, PaymentResult, TopUpEnded};
pub use self::transfer::{Transfer, TransferDone};

/// The most that can be asked for at once, in minor units.
pub const TOP_UP_MINOR_MAX: i64 = 1_000_000_000_000;
/// The most that a wallet takes in, in minor units. What it can count above that is kept for top-ups that were asked for before: the
/// provider has that money, so it is credited in any case. Each is at most [`TOP_UP_MINOR_MAX`], so millions of them would have to wait
/// for there to be no room.
pub const BALANCE_MINOR_MAX: i64 = i64::MAX / 2;

/// Asks the payment provider for money. The wallet holds it once the provider has confirmed it.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "TopUpWalletInput")]
#[serde(rename_all = "camelCase")]
pub struct TopUpWallet {
    /// How much. A wallet in this currency is opened if there is none.
    pub amount: MoneyInput,
    /// The version that your wallet in this currency must still be at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u32>,
    /// Makes repetitions harmless: within 24 hours the same key and input ask once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// What asking for money did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToppedUp {
    /// The wallet.
    pub wallet: WalletId,
    /// The top-up that waits for the provider.
    pub top_up_id: TopUpId,
}

/// A top-up whose fields are parsed.
#[derive(Debug, Clone)]
pub struct Asked {
    amount: Money,
    expected_version: Option<u32>,
}

impl Command for TopUpWallet {
    const NAME: &'static str = "topUpWallet";
    type Valid = Asked;
    type Outcome = ToppedUp;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<Asked, Vec<CommandError>> {
        let (mut fields, expected_version) = (Fields::default(), self.expected_version);
        let amount = fields.judge(amount(self.amount, TOP_UP_MINOR_MAX));
        fields.finish(amount.map(|amount| Asked { amount, expected_version }))
    }

    async fn handle(valid: &Asked, unit: &mut UnitOfWork) -> Handling<Handled<ToppedUp>> {
        let (user_id, amount) = (unit.user_id()?, valid.amount);
        let wallet = opened(unit, user_id, amount.currency).await?;
        check_version(valid.expected_version, rows::version(wallet.version))?;
        let asked_after = unit.at().moment() - unit.wallets().top_up_waits;
        decide_top_up(top_up::open_count(unit.db(), wallet.id, asked_after).await?)?;
        decide_room(&wallet, amount, "amount.amountMinor")?;
        let (wallet_id, top_up_id) = (WalletId(wallet.id), TopUpId::generate());
        rows::insert(unit.db(), requested(wallet_id, top_up_id, amount, unit)).await?;
        let version = wallet::advance(unit.db(), &wallet, unit.at().moment()).await?;
        let event = TopUpRequested { wallet_id, user_id, top_up_id, amount };
        unit.record(wallet.id, version, Event::TopUpRequested(event));
        Ok(Handled::new(ToppedUp { wallet: wallet_id, top_up_id }).at(wallet_id, version))
    }
}

fn decide_top_up(open: u64) -> Result<(), CommandError> {
    let message = "Wait until the payment provider has answered the other top-ups.";
    check_room(open, OPEN_TOP_UPS_MAX, "openTopUps", message)
}

/// Nothing comes into a wallet that it could not hold.
pub(crate) fn decide_room(wallet: &wallet::Model, amount: Money, field: &str) -> Result<(), CommandError> {
    match wallet.balance_minor.checked_add(amount.minor()) {
        Some(sum) if sum <= BALANCE_MINOR_MAX => Ok(()),
        _ => Err(CommandError::wallet_full("The wallet cannot hold so much.", field)),
    }
}

fn requested(wallet_id: WalletId, top_up_id: TopUpId, amount: Money, unit: &UnitOfWork) -> top_up::Model {
    top_up::Model {
        id: top_up_id.0,
        wallet_id: wallet_id.0,
        amount_minor: amount.minor(),
        state: top_up::State::Requested,
        provider_event_id: None,
        requested_at: unit.at().moment(),
        ended_at: None,
    }
}

/// An amount above zero.
pub(crate) fn amount(input: MoneyInput, minor_max: i64) -> Result<Money, CommandError> {
    let minor = input.amount_minor.0;
    if (1..=minor_max).contains(&minor) {
        return Ok(Money::new(minor, input.currency));
    }
    let message = format!("amount must be from 1 to {minor_max} minor units.");
    Err(CommandError::invalid_text("amount.amountMinor", message))
}

/// The person's wallet in this currency, locked, and opened first if there is none. To be called before any other wallet is locked: who
/// opens one holds it.
pub(crate) async fn opened(unit: &mut UnitOfWork, user_id: UserId, currency: Currency) -> Handling<wallet::Model> {
    if let Some(wallet) = wallet::locked(unit.db(), user_id.0, currency.as_str()).await? {
        return Ok(wallet);
    }
    open(unit, user_id, currency).await?;
    let wallet = wallet::locked(unit.db(), user_id.0, currency.as_str()).await?;
    Ok(wallet.ok_or(Fault::Missing("a wallet that was just opened"))?)
}

/// Opens a wallet if there is none.
pub(crate) async fn open(unit: &mut UnitOfWork, user_id: UserId, currency: Currency) -> Handling<()> {
    let (wallet_id, at) = (WalletId::generate(), unit.at().moment());
    let row = wallet::Model {
        id: wallet_id.0,
        version: 1,
        user_id: user_id.0,
        currency: currency.as_str().to_owned(),
        balance_minor: 0,
        created_at: at,
        updated_at: at,
    };
    if wallet::open(unit.db(), row).await? {
        ledger::open_account(unit.db(), wallet_id, currency.as_str()).await?;
        unit.record(wallet_id.0, 1, Event::WalletOpened(WalletOpened { wallet_id, user_id, currency }));
    }
    Ok(())
}

/// One wallet's side of a movement of money.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub cause: MovementCause,
    /// Below zero for what goes out.
    pub amount: Money,
    pub order_id: Option<OrderId>,
    pub top_up_id: Option<TopUpId>,
    pub other_user_id: Option<UserId>,
    pub note: Option<Personal<String>>,
}

impl Entry {
    /// An entry about nothing else than itself.
    pub fn new(cause: MovementCause, amount: Money) -> Self {
        Self { cause, amount, order_id: None, top_up_id: None, other_user_id: None, note: None }
    }
}

/// Moves money: the ledger's entries, and each wallet's next version with its event. All wallets concerned are locked.
pub(crate) async fn move_money(
    unit: &mut UnitOfWork,
    movement: &Movement,
    entries: Vec<(&wallet::Model, Entry)>,
) -> Handling<()> {
    let not_before = entries.iter().map(|(wallet, _)| wallet.not_before()).max();
    let at = ledger::record(unit.db(), movement, not_before, unit.command_id()).await?;
    reach_in("money.recorded", movement.cause.name()).await;
    for (wallet, entry) in entries {
        let version = wallet::advance(unit.db(), wallet, at).await?;
        let balance = rows::money(wallet.balance_minor, &wallet.currency)?.plus(entry.amount)?;
        let moved = WalletMoved {
            wallet_id: WalletId(wallet.id),
            user_id: UserId(wallet.user_id),
            transaction_id: movement.id,
            moved_at: Timestamp::new(at),
            cause: entry.cause,
            amount: entry.amount,
            balance,
            order_id: entry.order_id,
            top_up_id: entry.top_up_id,
            other_user_id: entry.other_user_id,
            note: entry.note,
        };
        unit.record(wallet.id, version, Event::WalletMoved(moved));
    }
    Ok(())
}
