//! Any valid log of a shop, with fan-outs done at any moments, folds to what the checker's own fold says.

use super::checker::{self, as_json};
use super::market::{Market, currency};
use super::{Folded, after_erasing_all, id};
use crate::models::commands::Commands;
use crate::models::shop::Shop;
use millrace_events::{AggregateKind, EventKind, Money, UserId};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;

#[derive(Debug, Clone)]
pub enum Step {
    Create { stock: u32, minor: i64, currency: u8 },
    Update { offer: u8, minor: i64 },
    Restock { offer: u8, quantity: u32 },
    Retire { offer: u8 },
    Place { customer: u8, wanted: Vec<(u8, u32)>, times: u8, skew_s: i64 },
    Pay { order: u8 },
    Send { order: u8 },
    Cancel { order: u8, by: u8, has_reason: bool },
    Ask { owner: u8, currency: u8, minor: i64 },
    EndTopUp { owner: u8, currency: u8, succeeds: bool },
    Transfer { sender: u8, to: u8, currency: u8, minor: i64, has_note: bool },
    Erase { user: u8 },
    Chunks { count: u8, limit: usize },
}

const USERS: u8 = 4;
/// So many of the newest orders are what most steps are about.
const LATELY: usize = 6;

pub fn step() -> impl Strategy<Value = Step> {
    let user = || 0..USERS;
    let (offer, order, currency) =
        (|| 0..4u8, || 0..u8::try_from(LATELY).unwrap(), || prop_oneof![4 => Just(0u8), 1 => Just(1u8)]);
    prop_oneof![
        1 => (0..60u32, 1..300i64, currency()).prop_map(|(stock, minor, currency)| Step::Create { stock, minor, currency }),
        1 => (offer(), 1..300i64).prop_map(|(offer, minor)| Step::Update { offer, minor }),
        2 => (offer(), 1..40u32).prop_map(|(offer, quantity)| Step::Restock { offer, quantity }),
        1 => (3..9u8).prop_map(|offer| Step::Retire { offer }),
        6 => (user(), vec((offer(), 1..4u32), 1..4), 1..9u8, prop_oneof![2 => Just(0), 1 => -200..30i64])
            .prop_map(|(customer, wanted, times, skew_s)| Step::Place { customer, wanted, times, skew_s }),
        6 => order().prop_map(|order| Step::Pay { order }),
        6 => order().prop_map(|order| Step::Send { order }),
        5 => (order(), 0..3u8, any::<bool>()).prop_map(|(order, by, has_reason)| Step::Cancel { order, by, has_reason }),
        2 => (user(), currency(), 1..9_000i64).prop_map(|(owner, currency, minor)| Step::Ask { owner, currency, minor }),
        3 => (user(), currency(), prop::bool::weighted(0.8))
            .prop_map(|(owner, currency, succeeds)| Step::EndTopUp { owner, currency, succeeds }),
        3 => (user(), user(), currency(), 1..900i64, any::<bool>())
            .prop_map(|(sender, to, currency, minor, has_note)| Step::Transfer { sender, to, currency, minor, has_note }),
        1 => user().prop_map(|user| Step::Erase { user }),
        4 => (1..4u8, 1..8usize).prop_map(|(count, limit)| Step::Chunks { count, limit }),
    ]
}

/// A shop, and the folds of its log as it grows.
pub struct Trade {
    pub market: Market,
    shop: Folded<Shop>,
    commands: Folded<Commands>,
    folded: usize,
}

impl Trade {
    /// It has something to sell, and people have something to pay with.
    pub fn of(steps: &[Step]) -> Self {
        let (market, shop, commands) = (Market::default(), Folded::default(), Folded::default());
        let mut trade = Self { market, shop, commands, folded: 0 };
        for n in 0..USERS {
            trade.step(&Step::Create { stock: 50, minor: 100 + i64::from(n), currency: u8::from(n == 3) });
            trade.step(&Step::Ask { owner: n, currency: 0, minor: 20_000 });
            trade.step(&Step::EndTopUp { owner: n, currency: 0, succeeds: true });
        }
        for step in steps {
            trade.step(step);
        }
        trade
    }

    fn step(&mut self, step: &Step) {
        // A step that cannot be taken is none.
        let _ = self.take(step);
        for event in &self.market.log.events[self.folded..] {
            self.shop.event(event);
            self.commands.event(event);
        }
        self.folded = self.market.log.events.len();
    }

    /// Nobody acts as an erased person.
    fn person(&self, n: u8) -> Option<UserId> {
        let user = UserId(id(n % USERS));
        (!self.market.erased.contains(&user)).then_some(user)
    }

    fn anybody(&self) -> Option<UserId> {
        (0..USERS).find_map(|n| self.person(n))
    }

    /// The newest is 0.
    fn order(&self, n: u8) -> Option<usize> {
        self.market.orders.len().checked_sub(1 + usize::from(n))
    }

    fn own_order(&self, n: u8) -> Option<usize> {
        self.order(n).filter(|order| !self.market.erased.contains(&self.market.orders[*order].customer))
    }

    fn take(&mut self, step: &Step) -> Option<()> {
        let staff = self.anybody()?;
        match step {
            Step::Create { stock, minor, currency: n } => {
                self.market.create(staff, *stock, Money::new(*minor, currency(*n)));
                Some(())
            }
            Step::Update { offer, minor } => self.market.update(staff, usize::from(*offer), *minor),
            Step::Restock { offer, quantity } => self.market.restock(staff, usize::from(*offer), *quantity),
            Step::Retire { offer } => self.market.retire(staff, usize::from(*offer)),
            Step::Place { customer, wanted, times, skew_s } => {
                let customer = self.person(*customer)?;
                let wanted: Vec<_> = wanted.iter().map(|(offer, quantity)| (usize::from(*offer), *quantity)).collect();
                (0..*times).try_for_each(|_| self.market.place(customer, &wanted, *skew_s))
            }
            Step::Pay { order } => self.market.pay(self.own_order(*order)?),
            Step::Send { order } => self.market.send(staff, self.order(*order)?),
            Step::Cancel { order, by, has_reason } => self.cancel(*order, *by, *has_reason),
            Step::Ask { owner, currency: n, minor } => {
                self.market.ask_for_money(self.person(*owner)?, currency(*n), *minor);
                Some(())
            }
            Step::EndTopUp { owner, currency: n, succeeds } => {
                self.market.end_top_up(UserId(id(owner % USERS)), currency(*n), *succeeds)
            }
            Step::Transfer { sender, to, currency: n, minor, has_note } => {
                let (sender, to) = (self.person(*sender)?, self.person(*to)?);
                self.market.transfer(sender, to, Money::new(*minor, currency(*n)), *has_note)
            }
            Step::Erase { user } => {
                self.market.erase(self.person(*user)?);
                Some(())
            }
            Step::Chunks { count, limit } => {
                (0..*count).for_each(|_| self.shop.chunk(*limit));
                None
            }
        }
    }

    fn cancel(&mut self, n: u8, by: u8, has_reason: bool) -> Option<()> {
        let order = self.order(n)?;
        let sender = match by {
            0 => None,
            1 => Some(self.market.orders[self.own_order(n)?].customer),
            _ => Some(self.anybody()?),
        };
        self.market.cancel(order, sender, has_reason)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// The live fold met readable values and was cleaned chunk by chunk; the checker reads them all as erased.
    #[test]
    fn a_fold_equals_the_checkers(steps in vec(step(), 1..60)) {
        let mut trade = Trade::of(&steps);
        trade.shop.drain();
        let today = after_erasing_all(&trade.market.log.events, &trade.market.erased);
        checker::compare(&as_json(&trade.shop), &checker::shop::documents(&today));
        checker::compare(&as_json(&trade.commands), &checker::commands::documents(&today));
    }

    /// A rebuild meets erased values from position 1 on.
    #[test]
    fn so_does_a_rebuild(steps in vec(step(), 1..50), every in 1..20usize) {
        let trade = Trade::of(&steps);
        let today = after_erasing_all(&trade.market.log.events, &trade.market.erased);
        let mut rebuilt = Folded::<Shop>::default();
        for (count, event) in today.iter().enumerate() {
            rebuilt.event(event);
            if count % every == 0 {
                rebuilt.chunk(2);
            }
        }
        rebuilt.drain();
        checker::compare(&as_json(&rebuilt), &checker::shop::documents(&today));
    }
}

#[test]
fn what_is_tried_is_all_that_a_shop_can_do() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut names = std::collections::BTreeSet::new();
    for _ in 0..100 {
        let steps = vec(step(), 60).new_tree(&mut runner).unwrap().current();
        names.extend(Trade::of(&steps).market.log.events.iter().map(|recorded| recorded.event.kind().name()));
    }
    let kinds = [AggregateKind::Product, AggregateKind::Order, AggregateKind::Wallet];
    let all = EventKind::ALL.iter().filter(|kind| kinds.contains(&kind.aggregate())).map(|kind| kind.name());
    let missing: Vec<_> = all.filter(|name| !names.contains(name)).collect();
    assert!(missing.is_empty(), "never tried: {missing:?}, tried: {names:?}");
}
