//! The shop's fold as data: given these events, then these documents.

use super::*;
use crate::models::shop::customer::{LINES_KEPT, ORDERS_KEPT};
use crate::models::shop::order::{PaymentKind, Status, Step};
use crate::models::shop::product::Offered;
use crate::models::tests::{Folded, Log, OAK, after_erasing, at, eur, id};
use crate::projection::Change;
use crate::projector::draft::{Cause, Draft};
use crate::projector::state::States;
use crate::store::Checkpoint;
use millrace_events::order::{CancelledBy, OrderCancelled, OrderPaid, OrderSent, Refund};
use millrace_events::product::{ProductCreated, ProductDescription, ProductRetired, StockMoved};
use millrace_events::wallet::{MovementCause, OPEN_TOP_UPS_MAX, TopUpRequested, WalletMoved, WalletOpened};
use millrace_events::{Date, OrderId, Personal, Position, Revision, TopUpId, TransactionId, WalletId};
use time::macros::date;
use uuid::Uuid;

const ADA: UserId = UserId(id(1));
const BEN: UserId = UserId(id(4));
const WALLET: WalletId = WalletId(id(3));

fn order_id(n: u128) -> OrderId {
    OrderId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0001_0000 + n))
}

fn place(log: &mut Log, n: u128, lines: usize) {
    log.place_order(order_id(n), ADA, lines);
}

fn pay(log: &mut Log, n: u128) {
    log.record(Event::OrderPaid(OrderPaid {
        order_id: order_id(n),
        customer_id: ADA,
        transaction_id: TransactionId(id(9)),
        amount: eur(600),
        estimated_delivery: Date(date!(2026 - 12 - 01)),
    }));
}

fn cancel(log: &mut Log, n: u128) {
    log.record(Event::OrderCancelled(OrderCancelled {
        order_id: order_id(n),
        customer_id: ADA,
        by: CancelledBy::Customer,
        reason: Some(Personal::known(ADA, "Too wet.".into())),
        refund: Some(Refund { transaction_id: TransactionId(id(10)), amount: eur(600) }),
    }));
}

fn order(folded: &Folded<Shop>, n: u128) -> &order::Order {
    match folded.get(&order::key(order_id(n))) {
        Some(ShopDocument::Order(order)) => order,
        other => panic!("{other:?}"),
    }
}

fn customer(folded: &Folded<Shop>) -> &Customer {
    match folded.get(&customer::key(ADA)) {
        Some(ShopDocument::Customer(customer)) => customer,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_product_is_as_its_last_events_say() {
    let mut log = Log::default();
    let description = ProductDescription { name: "Oak".into(), text: "Hard.".into(), image_url: None, price: eur(300) };
    log.record(Event::ProductCreated(ProductCreated { product_id: OAK, description, stock: 2 }));
    log.record(Event::StockReserved(StockMoved { product_id: OAK, order_id: order_id(1), quantity: 2, stock: 0 }));
    let product = |log: &Log| match Folded::<Shop>::of(&log.events).get(&product::key(OAK)).cloned() {
        Some(ShopDocument::Product(product)) => product,
        other => panic!("{other:?}"),
    };
    assert_eq!((product(&log).stock, product(&log).offered, product(&log).version), (0, Offered::SoldOut, 2));
    log.record(Event::ProductRetired(ProductRetired { product_id: OAK }));
    log.record(Event::StockReleased(StockMoved { product_id: OAK, order_id: order_id(1), quantity: 2, stock: 2 }));
    assert_eq!((product(&log).stock, product(&log).offered), (2, Offered::Retired), "what is retired stays so");
}

#[test]
fn an_order_and_its_copy_go_on_alike() {
    let mut log = Log::default();
    place(&mut log, 1, 1);
    pay(&mut log, 1);
    cancel(&mut log, 1);
    let folded = Folded::<Shop>::of(&log.events);
    let order = order(&folded, 1);
    let statuses: Vec<_> = order.timeline.iter().map(|step| step.status).collect();
    assert_eq!(statuses, [Status::Pending, Status::Confirmed, Status::Cancelled]);
    let kinds: Vec<_> = order.payments.iter().map(|payment| payment.kind).collect();
    assert_eq!(kinds, [PaymentKind::Payment, PaymentKind::Refund]);
    assert_eq!((order.version, order.cancel_reason.as_deref()), (3, Some("Too wet.")));
    assert_eq!(*customer(&folded).orders[0], *order);
}

/// The changes of an order in one commit, in which its event at `parked_at` could not be applied.
fn changes_of(log: &Log, n: u128, parked_at: Option<Position>) -> Vec<Change> {
    let (generation, fold_version, revision) = (1, Shop::FOLD_VERSION, Revision::default());
    let (history, stream, last_event, last_at) = (None, None, None, None);
    let (seq, open, retired) = (0, vec![], false);
    let from =
        Checkpoint { history, stream, generation, fold_version, revision, seq, last_event, last_at, open, retired };
    let (mut draft, key) = (Draft::<Shop>::begin(&from, revision, States::default()), order::key(order_id(n)));
    for event in &log.events {
        draft.change(&Cause::event(event), &key, |document, others| match parked_at {
            Some(position) if position == event.position => Err(Unfoldable { key: key.clone(), reason: "a test" }),
            _ => Shop::apply(event, &key, document, others),
        });
    }
    draft.finish(from).commit.changes
}

#[test]
fn what_step_a_change_was_is_in_the_change_itself() {
    let mut log = Log::default();
    place(&mut log, 1, 1);
    pay(&mut log, 1);
    cancel(&mut log, 1);
    let steps: Vec<_> = changes_of(&log, 1, None).iter().map(Step::of).collect();
    let step = |from, to| Some(Step { from, to });
    let (pending, confirmed) = (Status::Pending, Status::Confirmed);
    assert_eq!(
        steps,
        [step(None, pending), step(Some(pending), confirmed), step(Some(confirmed), Status::Cancelled)],
        "one after the other, though all were taken at once"
    );
    let mut unpaid = Log::default();
    place(&mut unpaid, 1, 1);
    cancel(&mut unpaid, 1);
    let last = changes_of(&unpaid, 1, None).last().and_then(Step::of);
    assert_eq!(last, step(Some(pending), Status::Cancelled), "the same event leads here from elsewhere");
    let parked: Vec<_> = changes_of(&log, 1, Some(Position(2))).iter().map(Step::of).collect();
    assert_eq!(parked, [step(None, pending), None], "what could not be applied was no step");
}

#[test]
fn the_newest_orders_are_kept_within_bounds() {
    let mut log = Log::default();
    (0..25).for_each(|n| place(&mut log, n, 1));
    let folded = Folded::<Shop>::of(&log.events);
    let kept: Vec<_> = customer(&folded).orders.iter().map(|order| order.id).collect();
    assert_eq!(kept, (5..25).rev().map(order_id).collect::<Vec<_>>());
    assert_eq!((kept.len(), customer(&folded).order_count, customer(&folded).holds_all()), (ORDERS_KEPT, 25, false));
    (25..31).for_each(|n| place(&mut log, n, 50));
    let folded = Folded::<Shop>::of(&log.events);
    let lines: usize = customer(&folded).orders.iter().map(|order| order.lines.len()).sum();
    assert!(lines <= LINES_KEPT && customer(&folded).orders[0].id == order_id(30), "{lines}");
    log.record(Event::OrderShipped(OrderSent { order_id: order_id(0), customer_id: ADA }));
    assert_eq!(
        order(&Folded::<Shop>::of(&log.events), 0).status,
        Status::Shipped,
        "one that is kept no longer goes on by itself"
    );
}

#[test]
fn a_wallet_holds_what_its_last_movement_says() {
    let mut log = Log::default();
    let currency = eur(0).currency;
    log.record(Event::WalletOpened(WalletOpened { wallet_id: WALLET, user_id: ADA, currency }));
    let top_up_id = TopUpId(id(7));
    log.record(Event::TopUpRequested(TopUpRequested { wallet_id: WALLET, user_id: ADA, top_up_id, amount: eur(50) }));
    let pending = Folded::<Shop>::of(&log.events);
    log.record(Event::WalletMoved(WalletMoved {
        wallet_id: WALLET,
        user_id: ADA,
        transaction_id: TransactionId(id(8)),
        moved_at: at(5),
        cause: MovementCause::TopUp,
        amount: eur(50),
        balance: eur(50),
        order_id: None,
        top_up_id: Some(top_up_id),
        other_user_id: None,
        note: None,
    }));
    let wallet = |folded: &Folded<Shop>| match folded.get(&wallet::key(WALLET)).cloned() {
        Some(ShopDocument::Wallet(wallet)) => wallet,
        other => panic!("{other:?}"),
    };
    assert_eq!(wallet(&pending).pending_top_ups.len(), 1);
    let folded = Folded::<Shop>::of(&log.events);
    assert_eq!(
        (wallet(&folded).balance, wallet(&folded).pending_top_ups.len(), wallet(&folded).version),
        (eur(50), 0, 3)
    );
    assert!(folded.get(&movement::key(TransactionId(id(8)), WALLET)).is_some());
}

/// Nobody answers them, and nobody ends them: the document must not grow with them.
#[test]
fn a_wallet_shows_the_last_top_ups_that_wait() {
    let mut log = Log::default();
    log.record(Event::WalletOpened(WalletOpened { wallet_id: WALLET, user_id: ADA, currency: eur(0).currency }));
    let numbers: Vec<u8> = (100..).take(3 + OPEN_TOP_UPS_MAX as usize).collect();
    for number in numbers.iter().copied() {
        let top_up_id = TopUpId(id(number));
        log.record(Event::TopUpRequested(TopUpRequested {
            wallet_id: WALLET,
            user_id: ADA,
            top_up_id,
            amount: eur(50),
        }));
    }
    let folded = Folded::<Shop>::of(&log.events);
    let Some(ShopDocument::Wallet(wallet)) = folded.get(&wallet::key(WALLET)) else { panic!("no wallet") };
    let shown: Vec<TopUpId> = wallet.pending_top_ups.iter().map(|top_up| top_up.id).collect();
    assert_eq!(shown, numbers[3..].iter().map(|number| TopUpId(id(*number))).collect::<Vec<_>>());
}

#[test]
fn of_an_erased_customer_an_order_keeps_no_word() {
    let mut log = Log::default();
    place(&mut log, 1, 1);
    let folded = Folded::<Shop>::of(&after_erasing(&log.events, ADA));
    let order = order(&folded, 1);
    assert_eq!([&order.customer_name, &order.customer_email, &order.delivery_address], ["", "", ""]);
    assert_eq!((order.total_price, order.lines.len()), (eur(600), 1));
}

/// Ada ordered, Ben of the staff cancelled it with words, and each sent the other money with words.
fn words_of_two() -> Log {
    let mut log = Log::default();
    place(&mut log, 1, 1);
    place(&mut log, 2, 1);
    for (n, by, of) in [(1, CancelledBy::Staff, BEN), (2, CancelledBy::Customer, ADA)] {
        let reason = Some(Personal::known(of, format!("Words of {of}.")));
        let (order_id, customer_id) = (order_id(n), ADA);
        log.record(Event::OrderCancelled(OrderCancelled { order_id, customer_id, by, reason, refund: None }));
    }
    for (n, from) in [(20, ADA), (21, BEN)] {
        let note = Some(Personal::known(from, format!("Words of {from}.")));
        log.record(Event::WalletMoved(WalletMoved {
            wallet_id: WALLET,
            user_id: ADA,
            transaction_id: TransactionId(id(n)),
            moved_at: at(50),
            cause: MovementCause::TransferReceived,
            amount: eur(1),
            balance: eur(1),
            order_id: None,
            top_up_id: None,
            other_user_id: Some(BEN),
            note,
        }));
    }
    log
}

/// In their own orders and in other people's; and a rebuild, which never met the words, says the same.
#[test]
fn an_erased_persons_words_go_and_a_rebuild_gives_the_same() {
    for (person, other) in [(ADA, BEN), (BEN, ADA)] {
        let mut log = words_of_two();
        log.erase(person);
        let folded = Folded::<Shop>::of(&log.events);
        let all = serde_json::to_string(&folded.documents.values().collect::<Vec<_>>()).unwrap();
        assert!(!all.contains(&format!("Words of {person}")) && all.contains(&format!("Words of {other}")), "{all}");
        assert_eq!(all.contains("ada@millrace.example"), person == BEN);
        assert_eq!(folded.documents, Folded::<Shop>::of(&after_erasing(&log.events, person)).documents);
    }
}

#[test]
fn orders_and_money_are_their_owners_to_see() {
    let mut log = Log::default();
    place(&mut log, 1, 1);
    let folded = Folded::<Shop>::of(&log.events);
    for (key, document) in &folded.documents {
        assert_eq!(Shop::audience(key, document), Audience::Person(ADA), "{key}");
    }
}
