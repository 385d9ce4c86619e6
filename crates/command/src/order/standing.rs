//! Where an order stands, where it can go from there, and who may send it.

use crate::CommandError;
use crate::fields::check_version;
use crate::rows::order::{Model, Status};
use crate::rows::{self, order};
use crate::unit_of_work::{Handling, UnitOfWork};
use millrace_events::{Money, OrderId, UserId};

impl Status {
    /// Its name in GraphQL.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Confirmed => "CONFIRMED",
            Self::Shipped => "SHIPPED",
            Self::Delivered => "DELIVERED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// pending → confirmed → shipped → delivered; cancelled from pending and confirmed.
    pub(super) fn can_become(self, next: Self) -> bool {
        use Status::{Cancelled, Confirmed, Delivered, Pending, Shipped};
        matches!(
            (self, next),
            (Pending, Confirmed) | (Confirmed, Shipped) | (Shipped, Delivered) | (Pending | Confirmed, Cancelled)
        )
    }
}

/// What the order is to whoever sends the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Their own.
    Own,
    /// Somebody else's, and they are staff.
    Staff,
    /// Somebody else's: it looks as if it did not exist.
    Hidden,
}

impl Standing {
    pub fn of(customer_id: UserId, viewer: Option<UserId>, is_staff: bool) -> Self {
        match viewer {
            Some(viewer) if viewer == customer_id => Self::Own,
            _ if is_staff => Self::Staff,
            _ => Self::Hidden,
        }
    }
}

/// A locked order, as a change finds it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    pub id: OrderId,
    pub customer_id: UserId,
    pub status: Status,
    pub version: u32,
    pub total: Money,
    pub standing: Standing,
}

impl Found {
    pub async fn load(unit: &UnitOfWork, order_id: OrderId) -> Handling<(Self, Model)> {
        let found = order::locked(unit.db(), order_id.0).await?;
        let row = found.ok_or_else(absent)?;
        let customer_id = UserId(row.customer_id);
        let viewer = if unit.is_system() { None } else { Some(unit.user_id()?) };
        let found = Self {
            id: order_id,
            customer_id,
            status: row.status,
            version: rows::version(row.version),
            total: rows::money(row.total_minor, &row.currency)?,
            standing: Standing::of(customer_id, viewer, unit.is_staff() || unit.is_system()),
        };
        Ok((found, row))
    }

    /// Whether it may become this, for somebody who may see it.
    pub fn check_change(&self, next: Status, expected: Option<u32>) -> Result<(), CommandError> {
        if self.standing == Standing::Hidden {
            return Err(absent());
        }
        check_version(expected, self.version)?;
        if self.status.can_become(next) {
            return Ok(());
        }
        Err(CommandError::invalid_transition(self.status.name(), next.name(), "orderId"))
    }
}

pub(super) fn absent() -> CommandError {
    CommandError::not_found("order", "orderId")
}
