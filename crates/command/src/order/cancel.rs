//! Orders: cancelling them. What was set aside goes back in store, what was paid goes back into the wallet, all in one transaction.

use super::OrderChanged;
use super::standing::{Found, Standing};
use crate::CommandError;
use crate::command::{Command, Handled};
use crate::fault::Fault;
use crate::fields::Fields;
use crate::rows::ledger::{Account, Cause, Movement};
use crate::rows::order::Status;
use crate::rows::stock_movement::Kind;
use crate::rows::{self, order, product, stock_movement, wallet};
use crate::unit_of_work::{Handling, UnitOfWork};
use crate::wallet::{Entry, decide_room, move_money};
use async_graphql::InputObject;
use millrace_events::order::{CancelledBy, OrderCancelled, Refund};
use millrace_events::product::StockMoved;
use millrace_events::values::Reason;
use millrace_events::wallet::MovementCause;
use millrace_events::{Event, OrderId, Personal, ProductId, Timestamp, TransactionId, WalletId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Cancels an order that has not left the shop: your own, or as staff anybody's. What was paid comes back in full.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "CancelOrderInput")]
#[serde(rename_all = "camelCase")]
pub struct CancelOrder {
    /// Which order.
    pub order_id: OrderId,
    /// Why, up to 500 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The version that the order must still be at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u32>,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// The wish to cancel an order, parsed.
#[derive(Debug, Clone)]
pub struct Cancellation {
    order_id: OrderId,
    reason: Option<Reason>,
    expected_version: Option<u32>,
}

impl Command for CancelOrder {
    const NAME: &'static str = "cancelOrder";
    type Valid = Cancellation;
    type Outcome = OrderChanged;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<Cancellation, Vec<CommandError>> {
        let mut fields = Fields::default();
        let reason = fields.take_optional("reason", self.reason.as_deref(), Reason::parse);
        let (order_id, expected_version) = (self.order_id, self.expected_version);
        fields.finish(reason.map(|reason| Cancellation { order_id, reason, expected_version }))
    }

    async fn handle(valid: &Cancellation, unit: &mut UnitOfWork) -> Handling<Handled<OrderChanged>> {
        let writer = unit.user_id()?;
        let locked = Locked::load(unit, valid.order_id).await?;
        let by = decide_cancel(&locked.found, valid.expected_version)?;
        let reason = valid.reason.as_ref().map(|reason| Personal::known(writer, reason.as_str().to_owned()));
        let version = cancel(unit, &locked, by, reason).await?;
        Ok(Handled::new(OrderChanged { order: valid.order_id }).at(valid.order_id, version))
    }
}

pub(super) fn decide_cancel(found: &Found, expected: Option<u32>) -> Result<CancelledBy, CommandError> {
    found.check_change(Status::Cancelled, expected)?;
    Ok(if found.standing == Standing::Own { CancelledBy::Customer } else { CancelledBy::Staff })
}

/// An order with what it has set aside; its products are locked before it, as everywhere.
pub(super) struct Locked {
    pub found: Found,
    row: order::Model,
    reserved: Vec<stock_movement::Model>,
    products: Vec<product::Model>,
}

impl Locked {
    /// What an order sets aside never changes, so it is read before anything is locked.
    pub async fn load(unit: &UnitOfWork, order_id: OrderId) -> Handling<Self> {
        let reserved = stock_movement::reserved_for(unit.db(), order_id.0).await?;
        let ids: Vec<Uuid> = reserved.iter().map(|movement| movement.product_id).collect();
        let products = product::all_locked(unit.db(), &ids).await?;
        let (found, row) = Found::load(unit, order_id).await?;
        Ok(Self { found, row, reserved, products })
    }

    /// If it is not paid by then, it is cancelled.
    pub fn pay_until(&self) -> Timestamp {
        Timestamp::new(self.row.pay_until)
    }
}

/// Cancels an order that may be cancelled. Answers its version.
pub(super) async fn cancel(
    unit: &mut UnitOfWork,
    locked: &Locked,
    by: CancelledBy,
    reason: Option<Personal<String>>,
) -> Handling<u32> {
    let Locked { found, row, .. } = locked;
    let version = order::advance(unit.db(), row, Status::Cancelled, unit.at().moment()).await?;
    let refund = if found.status == Status::Confirmed { Some(refund(unit, found).await?) } else { None };
    let (order_id, customer_id) = (found.id, found.customer_id);
    let cancelled = OrderCancelled { order_id, customer_id, by, reason, refund };
    unit.record(order_id.0, version, Event::OrderCancelled(cancelled));
    release(unit, locked).await?;
    Ok(version)
}

async fn release(unit: &mut UnitOfWork, locked: &Locked) -> Handling<()> {
    let at = unit.at().moment();
    let ids: Vec<Uuid> = locked.products.iter().map(|product| product.id).collect();
    product::advance_all(unit.db(), &ids, at).await?;
    let released = locked.reserved.iter().zip(&locked.products).map(|(reserved, product)| stock_movement::Model {
        product_version: product.version + 1,
        kind: Kind::Released,
        quantity: -reserved.quantity,
        at,
        ..reserved.clone()
    });
    stock_movement::insert_all(unit.db(), released.collect()).await?;
    for (reserved, product) in locked.reserved.iter().zip(&locked.products) {
        let quantity = rows::quantity(reserved.quantity);
        let stock = rows::quantity(product.stock) + quantity;
        let moved = StockMoved { product_id: ProductId(product.id), order_id: locked.found.id, quantity, stock };
        unit.record(product.id, rows::version(product.version) + 1, Event::StockReleased(moved));
    }
    Ok(())
}

/// All that was paid goes back. If it has no room there, the order stays as it is until something was spent.
async fn refund(unit: &mut UnitOfWork, found: &Found) -> Handling<Refund> {
    let wallet = wallet::locked(unit.db(), found.customer_id.0, found.total.currency.as_str()).await?;
    let wallet = wallet.ok_or(Fault::Missing("the wallet that an order was paid from"))?;
    decide_room(&wallet, found.total, "orderId")?;
    let movement = Movement {
        id: TransactionId::generate(),
        cause: Cause::Refund(found.id),
        from: Account::Sales,
        to: Account::Wallet(WalletId(wallet.id)),
        amount: found.total,
    };
    let entry = Entry { order_id: Some(found.id), ..Entry::new(MovementCause::Refund, found.total) };
    move_money(unit, &movement, vec![(&wallet, entry)]).await?;
    Ok(Refund { transaction_id: movement.id, amount: found.total })
}
