//! The rules of the shop that its owner sets.

use time::{Date, Duration, Weekday};

/// What the shop promises and asks of its customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShopRules {
    /// How long an order may stay unpaid before it is cancelled.
    pub pay_within: Duration,
    /// So many unpaid orders a customer may have: each keeps stock from all others.
    pub unpaid_orders_max: u32,
    /// So many working days (Monday to Friday) after the day of payment an order should arrive.
    pub delivery_working_days: u8,
}

impl Default for ShopRules {
    fn default() -> Self {
        Self { pay_within: Duration::minutes(15), unpaid_orders_max: 100, delivery_working_days: 3 }
    }
}

impl ShopRules {
    /// The day on which an order that is paid on this day should arrive. Days at the end of the calendar stay where they are.
    pub(crate) fn delivery_after(&self, paid: Date) -> Date {
        let mut day = paid;
        let mut left = self.delivery_working_days;
        while left > 0 {
            let Some(next) = day.next_day() else { return day };
            day = next;
            left -= u8::from(is_working_day(day));
        }
        day
    }
}

fn is_working_day(day: Date) -> bool {
    !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    #[test]
    fn weekends_do_not_count() {
        let rules = ShopRules::default();
        for (paid, delivered) in [
            (date!(2026 - 11 - 23), date!(2026 - 11 - 26)),
            (date!(2026 - 11 - 25), date!(2026 - 11 - 30)),
            (date!(2026 - 11 - 27), date!(2026 - 12 - 02)),
            (date!(2026 - 11 - 28), date!(2026 - 12 - 02)),
            (date!(2026 - 11 - 29), date!(2026 - 12 - 02)),
        ] {
            assert_eq!(rules.delivery_after(paid), delivered, "{paid}");
        }
        assert_eq!(
            ShopRules { delivery_working_days: 0, ..rules }.delivery_after(date!(2026 - 11 - 28)),
            date!(2026 - 11 - 28)
        );
        assert_eq!(rules.delivery_after(Date::MAX), Date::MAX);
    }
}
