//! Wallets: sending money to another person.

use super::{Entry, amount, decide_room, move_money, open};
use crate::CommandError;
use crate::command::{Command, Handled};
use crate::fields::{Fields, check_version};
use crate::order::decide_funds;
use crate::rows::ledger::{Account, Cause, Movement};
use crate::rows::{self, user, wallet};
use crate::unit_of_work::{Handling, UnitOfWork};
use async_graphql::InputObject;
use millrace_events::money::MoneyInput;
use millrace_events::values::TransferNote;
use millrace_events::wallet::MovementCause;
use millrace_events::{Money, Personal, TransactionId, UserId, WalletId};
use serde::{Deserialize, Serialize};

/// Sends money to another person, out of your wallet in its currency.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "TransferInput")]
#[serde(rename_all = "camelCase")]
pub struct Transfer {
    /// To whom.
    pub to_user_id: UserId,
    /// How much.
    pub amount: MoneyInput,
    /// Words that both of you see, up to 200 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The version that your wallet in this currency must still be at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u32>,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// What sending money did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferDone {
    /// The wallet that it went out of.
    pub wallet: WalletId,
}

/// A transfer whose fields are parsed.
#[derive(Debug, Clone)]
pub struct Remittance {
    pub(super) to: UserId,
    pub(super) amount: Money,
    pub(super) note: Option<TransferNote>,
    pub(super) expected_version: Option<u32>,
}

impl Command for Transfer {
    const NAME: &'static str = "transfer";
    type Valid = Remittance;
    type Outcome = TransferDone;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<Remittance, Vec<CommandError>> {
        let mut fields = Fields::default();
        let amount = fields.judge(amount(self.amount, i64::MAX));
        let note = fields.take_optional("note", self.note.as_deref(), TransferNote::parse);
        let (to, expected_version) = (self.to_user_id, self.expected_version);
        fields.finish(amount.zip(note).map(|(amount, note)| Remittance { to, amount, note, expected_version }))
    }

    async fn handle(valid: &Remittance, unit: &mut UnitOfWork) -> Handling<Handled<TransferDone>> {
        let sender = unit.user_id()?;
        check_recipient(sender, valid.to, user::is_active(unit.db(), valid.to.0).await?)?;
        // Before any wallet is locked: who opens one holds it.
        open(unit, valid.to, valid.amount.currency).await?;
        let both = wallet::both_locked(unit.db(), [sender.0, valid.to.0], valid.amount.currency.as_str()).await?;
        let of = |user_id: UserId| both.iter().find(|wallet| wallet.user_id == user_id.0);
        let Sides { from, to } = decide_transfer(of(sender), of(valid.to), valid)?;
        let movement = movement(from, to, valid.amount);
        move_money(unit, &movement, entries(from, to, valid)?).await?;
        let wallet_id = WalletId(from.id);
        Ok(Handled::new(TransferDone { wallet: wallet_id }).at(wallet_id, rows::version(from.version) + 1))
    }
}

pub(super) fn check_recipient(sender: UserId, to: UserId, exists: bool) -> Result<(), CommandError> {
    if sender == to {
        return Err(CommandError::invalid_text("toUserId", "toUserId must be another person.".into()));
    }
    if exists { Ok(()) } else { Err(CommandError::not_found("person", "toUserId")) }
}

/// Both wallets of a transfer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sides<'a> {
    from: &'a wallet::Model,
    to: &'a wallet::Model,
}

/// Nothing goes below zero, and nothing above what a wallet takes in.
pub(super) fn decide_transfer<'a>(
    from: Option<&'a wallet::Model>,
    to: Option<&'a wallet::Model>,
    valid: &Remittance,
) -> Handling<Sides<'a>> {
    let amount = valid.amount;
    let nothing = || CommandError::insufficient_funds(Money::zero(amount.currency), amount);
    let from = from.ok_or_else(nothing)?;
    check_version(valid.expected_version, rows::version(from.version))?;
    let to = to.ok_or(crate::Fault::Missing("a wallet that was just opened"))?;
    decide_funds(rows::money(from.balance_minor, &from.currency)?, amount)?;
    decide_room(to, amount, "amount.amountMinor")?;
    Ok(Sides { from, to })
}

fn movement(from: &wallet::Model, to: &wallet::Model, amount: Money) -> Movement {
    Movement {
        id: TransactionId::generate(),
        cause: Cause::Transfer,
        from: Account::Wallet(WalletId(from.id)),
        to: Account::Wallet(WalletId(to.id)),
        amount,
    }
}

/// The sender wrote the note, so it is the sender's in both wallets.
fn entries<'a>(
    from: &'a wallet::Model,
    to: &'a wallet::Model,
    valid: &Remittance,
) -> Handling<Vec<(&'a wallet::Model, Entry)>> {
    let (sender, recipient) = (UserId(from.user_id), UserId(to.user_id));
    let note = valid.note.as_ref().map(|note| Personal::known(sender, note.as_str().to_owned()));
    let sent = Entry {
        other_user_id: Some(recipient),
        note: note.clone(),
        ..Entry::new(MovementCause::TransferSent, valid.amount.negated()?)
    };
    let received =
        Entry { other_user_id: Some(sender), note, ..Entry::new(MovementCause::TransferReceived, valid.amount) };
    Ok(vec![(from, sent), (to, received)])
}
