//! Orders.

use super::entry::mutations;
use millrace_command::order::{CancelOrder, ConfirmDelivery, PayOrder, PlaceOrder, ShipOrder};
use millrace_read::graphql::Order;

mutations! {
    OrderMutations:

    /// Orders products: they are set aside at the prices of this moment, until the order is paid or its time is over.
    place_order(PlaceOrder) -> PlaceOrderPayload {
        show {
            /// The new order, pending.
            order: Order,
        }
    }

    /// Pays one's own pending order out of one's wallet: wallet, payment and order move together or not at all.
    pay_order(PayOrder) -> PayOrderPayload {
        show {
            /// The order, confirmed now.
            order: Order,
        }
    }

    /// Notes that a paid order has left the shop. For staff.
    ship_order(ShipOrder) -> ShipOrderPayload {
        show {
            /// The order, on its way now.
            order: Order,
        }
    }

    /// Notes that a shipped order has arrived. For staff.
    confirm_delivery(ConfirmDelivery) -> ConfirmDeliveryPayload {
        show {
            /// The order, delivered now.
            order: Order,
        }
    }

    /// Cancels an order that has not left the shop: one's own, or any as staff. What was paid comes back in full.
    cancel_order(CancelOrder) -> CancelOrderPayload {
        show {
            /// The order, cancelled now.
            order: Order,
        }
    }
}
