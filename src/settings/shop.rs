//! `shop`: the rules of the shop.

use serde::{Deserialize, Serialize};

/// The rules of the shop.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShopSettings {
    /// How long an order may stay unpaid before it is cancelled, in seconds.
    pub pay_within_s: u32,
    /// So many unpaid orders a customer may have: each keeps stock from all others until it is paid or cancelled.
    pub unpaid_orders_max: u32,
    /// So many working days (Monday to Friday) after the day of payment an order should arrive.
    pub delivery_working_days: u8,
}

impl Default for ShopSettings {
    fn default() -> Self {
        Self { pay_within_s: 900, unpaid_orders_max: 100, delivery_working_days: 3 }
    }
}
