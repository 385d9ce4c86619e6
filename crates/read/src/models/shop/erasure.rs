//! What erasing a person leaves to be done chunk by chunk: their orders, and their words in other people's orders and wallets.

use super::{ShopDocument, customer, movement, order};
use crate::projection::{DocumentKey, ERASURE, FanOut, FanOutWork, Unfoldable};
use millrace_events::{Event, Recorded, UserId};
use std::sync::Arc;

/// Where something of a person may stand, each with an index.
const PLACES: [(&str, &str); 4] =
    [(order::KIND, "customerId"), (order::KIND, "reasonOf"), (customer::KIND, "reasonIds"), (movement::KIND, "noteOf")];

/// The fan-outs that an event opens.
pub(super) fn opened(event: &Recorded) -> Vec<FanOut> {
    let Event::UserErased(e) = &event.event else { return vec![] };
    PLACES.iter().map(|(kind, field)| FanOut::erasing(event, kind, field, e.user_id)).collect()
}

/// One document of a fan-out: whose it is stands in its selector.
pub(super) fn spread(
    fan_out: &FanOut,
    key: &DocumentKey,
    document: &mut Option<ShopDocument>,
) -> Result<(), Unfoldable> {
    match &fan_out.work {
        FanOutWork::Each { selector, .. } if fan_out.task == ERASURE => match selector.value.parse() {
            Ok(person) => forget(document, UserId(person)),
            Err(_) => return Err(Unfoldable { key: key.clone(), reason: "an erasure of nobody" }),
        },
        FanOutWork::Each { .. } | FanOutWork::Refill { .. } => {
            return Err(Unfoldable { key: key.clone(), reason: "not a fan-out of shop" });
        }
    }
    Ok(())
}

/// Takes everything of a person out of a document. What stays says who bought what for how much by an id that leads to nobody.
pub(super) fn forget(document: &mut Option<ShopDocument>, person: UserId) {
    match document {
        Some(ShopDocument::Order(order)) => Arc::make_mut(order).forget(person),
        Some(ShopDocument::Customer(customer)) => Arc::make_mut(customer).forget(person),
        Some(ShopDocument::Movement(movement)) => Arc::make_mut(movement).forget(person),
        Some(ShopDocument::Product(_) | ShopDocument::Wallet(_)) | None => {}
    }
}
