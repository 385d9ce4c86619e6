//! Orders: paying them.

use super::OrderChanged;
use super::expire::is_due;
use super::standing::{Found, Standing};
use crate::CommandError;
use crate::command::{Command, Handled};
use crate::rows::ledger::{Account, Cause, Movement};
use crate::rows::order::Status;
use crate::rows::{self, order, wallet};
use crate::unit_of_work::{Handling, UnitOfWork};
use crate::wallet::{Entry, move_money};
use async_graphql::InputObject;
use millrace_events::order::OrderPaid;
use millrace_events::wallet::MovementCause;
use millrace_events::{Date, Event, Money, OrderId, Timestamp, TransactionId, WalletId};
use serde::{Deserialize, Serialize};

/// Pays a pending order of yours out of your wallet in its currency, all of it at once. Until the order's `payUntil`: then it is cancelled.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "PayOrderInput")]
#[serde(rename_all = "camelCase")]
pub struct PayOrder {
    /// Which order.
    pub order_id: OrderId,
    /// The version that the order must still be at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u32>,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

impl Command for PayOrder {
    const NAME: &'static str = "payOrder";
    type Valid = Self;
    type Outcome = OrderChanged;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<Self, Vec<CommandError>> {
        Ok(self.clone())
    }

    async fn handle(valid: &Self, unit: &mut UnitOfWork) -> Handling<Handled<OrderChanged>> {
        let (found, row) = Found::load(unit, valid.order_id).await?;
        let pay_until = Timestamp::new(row.pay_until);
        decide_pay(&found, valid.expected_version, pay_until, unit.at())?;
        let wallet = wallet::locked(unit.db(), found.customer_id.0, found.total.currency.as_str()).await?;
        let wallet =
            wallet.ok_or_else(|| CommandError::insufficient_funds(Money::zero(found.total.currency), found.total))?;
        let transaction_id = pay(unit, &found, &wallet).await?;
        let at = unit.at().moment();
        let version = order::advance(unit.db(), &row, Status::Confirmed, at).await?;
        let paid = OrderPaid {
            order_id: found.id,
            customer_id: found.customer_id,
            transaction_id,
            amount: found.total,
            estimated_delivery: Date(unit.shop().delivery_after(at.date())),
        };
        unit.record(found.id.0, version, Event::OrderPaid(paid));
        Ok(Handled::new(OrderChanged { order: found.id }).at(found.id, version))
    }
}

/// Only the customer pays, and in time. Whoever began in time is let in, however long the order's lock was waited for.
pub(super) fn decide_pay(
    found: &Found,
    expected: Option<u32>,
    pay_until: Timestamp,
    began_at: Timestamp,
) -> Result<(), CommandError> {
    if found.standing == Standing::Staff {
        return Err(CommandError::not_allowed("Only the customer pays an order.", "orderId"));
    }
    found.check_change(Status::Confirmed, expected)?;
    if is_due(found, pay_until, began_at) {
        return Err(CommandError::payment_overdue(pay_until, "orderId"));
    }
    Ok(())
}

async fn pay(unit: &mut UnitOfWork, found: &Found, wallet: &wallet::Model) -> Handling<TransactionId> {
    decide_funds(rows::money(wallet.balance_minor, &wallet.currency)?, found.total)?;
    let movement = Movement {
        id: TransactionId::generate(),
        cause: Cause::Payment(found.id),
        from: Account::Wallet(WalletId(wallet.id)),
        to: Account::Sales,
        amount: found.total,
    };
    let entry = Entry { order_id: Some(found.id), ..Entry::new(MovementCause::Payment, found.total.negated()?) };
    move_money(unit, &movement, vec![(wallet, entry)]).await?;
    Ok(movement.id)
}

/// Nothing goes below zero.
pub(crate) fn decide_funds(balance: Money, amount: Money) -> Result<(), CommandError> {
    if balance.minor() >= amount.minor() {
        return Ok(());
    }
    Err(CommandError::insufficient_funds(balance, Money::new(amount.minor() - balance.minor(), amount.currency)))
}
