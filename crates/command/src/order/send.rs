//! Orders: sending them.

use super::OrderChanged;
use super::standing::Found;
use crate::CommandError;
use crate::command::{Command, Handled, Sender};
use crate::rows::order;
use crate::rows::order::Status;
use crate::unit_of_work::{Handling, UnitOfWork};
use async_graphql::InputObject;
use millrace_events::order::OrderSent;
use millrace_events::{Event, OrderId};
use serde::{Deserialize, Serialize};

/// Notes that a paid order has left the shop. For staff.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "ShipOrderInput")]
#[serde(rename_all = "camelCase")]
pub struct ShipOrder {
    /// Which order.
    pub order_id: OrderId,
    /// The version that the order must still be at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u32>,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// Notes that a shipped order has arrived. For staff.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "ConfirmDeliveryInput")]
#[serde(rename_all = "camelCase")]
pub struct ConfirmDelivery {
    /// Which order.
    pub order_id: OrderId,
    /// The version that the order must still be at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u32>,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

impl Command for ShipOrder {
    const NAME: &'static str = "shipOrder";
    const SENDER: Sender = Sender::Staff;
    type Valid = Self;
    type Outcome = OrderChanged;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<Self, Vec<CommandError>> {
        Ok(self.clone())
    }

    async fn handle(valid: &Self, unit: &mut UnitOfWork) -> Handling<Handled<OrderChanged>> {
        send(unit, valid.order_id, valid.expected_version, Status::Shipped, Event::OrderShipped).await
    }
}

impl Command for ConfirmDelivery {
    const NAME: &'static str = "confirmDelivery";
    const SENDER: Sender = Sender::Staff;
    type Valid = Self;
    type Outcome = OrderChanged;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<Self, Vec<CommandError>> {
        Ok(self.clone())
    }

    async fn handle(valid: &Self, unit: &mut UnitOfWork) -> Handling<Handled<OrderChanged>> {
        send(unit, valid.order_id, valid.expected_version, Status::Delivered, Event::OrderDelivered).await
    }
}

async fn send(
    unit: &mut UnitOfWork,
    order_id: OrderId,
    expected: Option<u32>,
    next: Status,
    event: fn(OrderSent) -> Event,
) -> Handling<Handled<OrderChanged>> {
    let (found, row) = Found::load(unit, order_id).await?;
    found.check_change(next, expected)?;
    let version = order::advance(unit.db(), &row, next, unit.at().moment()).await?;
    unit.record(order_id.0, version, event(OrderSent { order_id, customer_id: found.customer_id }));
    Ok(Handled::new(OrderChanged { order: order_id }).at(order_id, version))
}
