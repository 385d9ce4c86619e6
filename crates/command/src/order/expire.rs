//! Orders: cancelling those that nobody paid in time.

use super::cancel::{Locked, cancel};
use super::standing::Found;
use crate::command::{Command, Handled, Sender};
use crate::failure::{CommandFailure, FailureCode};
use crate::frame::Actor;
use crate::pipeline::report;
use crate::rows::order::{self, Due, Status};
use crate::unit_of_work::{Handling, UnitOfWork};
use crate::{CommandError, Commands, Request};
use async_graphql::InputObject;
use millrace_events::fail_point::reach;
use millrace_events::order::CancelledBy;
use millrace_events::{OrderId, Timestamp, Viewer};
use serde::{Deserialize, Serialize};
use time::Duration;

/// The most overdue orders that are read at once.
const PAGE_MAX: usize = 100;

/// What one look at unpaid orders did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expired {
    /// How many it cancelled. What another process cancelled at the same moment counts there.
    pub orders: usize,
    /// How many it could not cancel. Another look tries them again.
    pub failed: usize,
    /// For how long the first of all was overdue when the look began.
    pub late: Duration,
    /// Behind which order the next look goes on, if this one was told to end before all were tried.
    pub rest: Option<Tried>,
}

/// An order behind which a look goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tried(Due);

impl Commands {
    /// Cancels all orders that are unpaid and past their time by now, or those behind one, as long as `goes_on`, asked before each with
    /// what was done so far, says so. To be called again and again by any number of processes. One that cannot be cancelled keeps none
    /// of the others.
    pub async fn expire_orders(
        &self,
        behind: Option<Tried>,
        mut goes_on: impl FnMut(&Expired) -> bool + Send,
    ) -> Result<Expired, CommandFailure> {
        let first = self.due_orders(None).await?;
        let mut expired = Expired { late: first.first().map(Due::late).unwrap_or_default(), ..Expired::default() };
        let mut page = match behind {
            Some(Tried(due)) => self.due_orders(Some(&due)).await?,
            None => first,
        };
        let mut last = behind;
        loop {
            for due in &page {
                if !goes_on(&expired) {
                    return Ok(Expired { rest: last, ..expired });
                }
                if !self.expire_order(due, &mut expired).await {
                    return Ok(expired);
                }
                last = Some(Tried(*due));
            }
            let Some(last) = page.last().filter(|_| page.len() == PAGE_MAX) else { return Ok(expired) };
            let Ok(next) = self.due_orders(Some(last)).await else { return Ok(expired) };
            page = next;
        }
    }

    async fn due_orders(&self, after: Option<&Due>) -> Result<Vec<Due>, CommandFailure> {
        let due = self.pipeline.in_time(order::due(self.pipeline.log.database(), after, PAGE_MAX)).await;
        due.map_err(|fault| report(ExpireOrder::NAME, fault))
    }

    /// False if no command gets through at the moment: then the others need not be tried either.
    async fn expire_order(&self, due: &Due, expired: &mut Expired) -> bool {
        reach("expiry.found").await;
        let expire = ExpireOrder { order_id: OrderId(due.id) };
        let answer = self.execute_as(Actor::System, Request::new(Viewer::Anonymous), expire).await;
        reach("expiry.cancelled").await;
        match answer {
            Ok(answer) => {
                expired.orders += usize::from(answer.outcome().is_some_and(|outcome| outcome.is_cancelled));
                true
            }
            Err(failure) => {
                expired.failed += 1;
                !matches!(failure.code(), FailureCode::Unavailable | FailureCode::RateLimited)
            }
        }
    }
}

/// Cancels an order if it is pending and past its time. The process manager's; no mutation.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExpireOrder {
    /// Which order.
    pub order_id: OrderId,
}

/// What became of an order that may be past its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderExpired {
    /// The order.
    pub order: OrderId,
    /// True if this command cancelled it: it may have been paid, or cancelled by another process, at the same moment.
    pub is_cancelled: bool,
}

impl Command for ExpireOrder {
    const NAME: &'static str = "expireOrder";
    const SENDER: Sender = Sender::System;
    type Valid = Self;
    type Outcome = OrderExpired;

    fn validate(&self) -> Result<Self, Vec<CommandError>> {
        Ok(self.clone())
    }

    /// Any number of process managers may try: the order's own state says whether there is anything left to do.
    async fn handle(valid: &Self, unit: &mut UnitOfWork) -> Handling<Handled<OrderExpired>> {
        let locked = Locked::load(unit, valid.order_id).await?;
        let is_cancelled = is_due(&locked.found, locked.pay_until(), unit.clock().await?);
        let version = match is_cancelled {
            true => cancel(unit, &locked, CancelledBy::Expiry, None).await?,
            false => locked.found.version,
        };
        Ok(Handled::new(OrderExpired { order: valid.order_id, is_cancelled }).at(valid.order_id, version))
    }
}

pub(super) fn is_due(found: &Found, pay_until: Timestamp, now: Timestamp) -> bool {
    found.status == Status::Pending && pay_until <= now
}
