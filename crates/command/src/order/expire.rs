//! Orders: cancelling those that nobody paid in time.

use super::OrderChanged;
use super::cancel::{Locked, cancel};
use super::standing::Found;
use crate::CommandError;
use crate::command::{Command, Handled, Sender};
use crate::rows::order::Status;
use crate::unit_of_work::{Handling, UnitOfWork};
use async_graphql::InputObject;
use millrace_events::order::CancelledBy;
use millrace_events::{OrderId, Timestamp};
use serde::{Deserialize, Serialize};

/// Cancels an order if it is pending and past its time. The process manager's; no mutation.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExpireOrder {
    /// Which order.
    pub order_id: OrderId,
}

impl Command for ExpireOrder {
    const NAME: &'static str = "expireOrder";
    const SENDER: Sender = Sender::System;
    type Valid = Self;
    type Outcome = OrderChanged;

    fn validate(&self) -> Result<Self, Vec<CommandError>> {
        Ok(self.clone())
    }

    /// Any number of process managers may try: the order's own state says whether there is anything left to do.
    async fn handle(valid: &Self, unit: &mut UnitOfWork) -> Handling<Handled<OrderChanged>> {
        let locked = Locked::load(unit, valid.order_id).await?;
        let handled = Handled::new(OrderChanged { order: valid.order_id });
        if !is_due(&locked.found, locked.pay_until(), unit.clock().await?) {
            return Ok(handled.at(valid.order_id, locked.found.version));
        }
        let version = cancel(unit, &locked, CancelledBy::Expiry, None).await?;
        Ok(handled.at(valid.order_id, version))
    }
}

pub(super) fn is_due(found: &Found, pay_until: Timestamp, now: Timestamp) -> bool {
    found.status == Status::Pending && pay_until <= now
}
