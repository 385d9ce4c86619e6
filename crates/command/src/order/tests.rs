//! Decisions about orders, as data.

use super::cancel::decide_cancel;
use super::expire::is_due;
use super::pay::decide_pay;
use super::standing::{Found, Standing, absent};
use super::*;
use crate::CommandErrorCode;
use millrace_events::Currency;
use millrace_events::order::CancelledBy;
use time::{Duration, OffsetDateTime};

const ALL: [Status; 5] = [Status::Pending, Status::Confirmed, Status::Shipped, Status::Delivered, Status::Cancelled];

fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::parse("EUR").unwrap())
}

fn product(stock: i32, price_minor: i64, currency: &str) -> product::Model {
    let at = OffsetDateTime::UNIX_EPOCH;
    product::Model {
        id: ProductId::generate().0,
        version: 2,
        name: "Sluice".into(),
        description: "Of oak.".into(),
        image_url: None,
        price_minor,
        currency: currency.into(),
        stock,
        retired: false,
        created_at: at,
        updated_at: at,
    }
}

fn line(product: &product::Model, quantity: u32) -> Wanted {
    Wanted { product_id: ProductId(product.id), quantity }
}

/// Paying in time.
fn pays(found: &Found, expected: Option<u32>) -> Result<(), CommandError> {
    decide_pay(found, expected, at(1), at(0))
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::new(OffsetDateTime::UNIX_EPOCH + Duration::seconds(seconds))
}

fn found(status: Status, standing: Standing) -> Found {
    let (id, customer_id) = (OrderId::generate(), UserId::generate());
    Found { id, customer_id, status, version: 3, total: eur(10), standing }
}

#[test]
fn an_order_costs_the_sum_of_its_lines() {
    let (oak, elm) = (product(5, 300, "EUR"), product(9, 20, "EUR"));
    let priced = decide_place(&[line(&elm, 9), line(&oak, 2)], &[oak, elm]).unwrap();
    assert_eq!(priced.total, eur(780));
    assert_eq!(priced.lines.iter().map(|line| line.quantity).collect::<Vec<_>>(), [9, 2]);
}

#[test]
fn all_that_is_missing_is_told_at_once_with_how_many_are_left() {
    let (oak, elm) = (product(1, 300, "EUR"), product::Model { retired: true, ..product(9, 20, "EUR") });
    let errors = decide_place(&[line(&oak, 2), line(&elm, 1)], &[oak.clone(), elm]).unwrap_err();
    let wanted = [
        CommandError::out_of_stock(ProductId(oak.id), 1, "lines.0.productId"),
        CommandError::not_found("product", "lines.1.productId"),
    ];
    assert_eq!(errors, wanted);
}

#[test]
fn currencies_are_never_mixed_and_sums_never_overflow() {
    let (euro, franc) = (product(5, 1, "EUR"), product(5, 1, "CHF"));
    let errors = decide_place(&[line(&euro, 1), line(&franc, 1)], &[euro, franc]).unwrap_err();
    assert_eq!(errors[0].kind(), CommandErrorCode::CurrencyMismatch);
    let dear = product(5, i64::MAX / 2, "EUR");
    let errors = decide_place(&[line(&dear, 3)], &[dear]).unwrap_err();
    assert_eq!(errors[0].kind(), CommandErrorCode::ValidationError);
}

#[test]
fn each_pair_of_states_is_allowed_or_a_typed_refusal() {
    use Status::{Cancelled, Confirmed, Delivered, Pending, Shipped};
    let legal = [
        (Pending, Confirmed),
        (Pending, Cancelled),
        (Confirmed, Shipped),
        (Confirmed, Cancelled),
        (Shipped, Delivered),
    ];
    for from in ALL {
        for to in ALL {
            let answer = found(from, Standing::Staff).check_change(to, None);
            match legal.contains(&(from, to)) {
                true => assert_eq!(answer, Ok(()), "{from:?} {to:?}"),
                false => assert_eq!(answer, Err(CommandError::invalid_transition(from.name(), to.name(), "orderId"))),
            }
        }
    }
}

/// Each state against each command: where it leads, or none. Staff send them, but for paying, which only the customer does.
#[test]
fn each_command_in_each_state_leads_on_or_is_a_typed_refusal() {
    use Status::{Cancelled, Confirmed, Delivered, Pending, Shipped};
    let (moment, standing) = (at(0), Standing::Staff);
    for (from, pay, ship, deliver, cancel, expire) in [
        (Pending, true, false, false, true, true),
        (Confirmed, false, true, false, true, false),
        (Shipped, false, false, true, false, false),
        (Delivered, false, false, false, false, false),
        (Cancelled, false, false, false, false, false),
    ] {
        let is = |leads_on: bool, to: Status| match leads_on {
            true => Ok(()),
            false => Err(CommandError::invalid_transition(from.name(), to.name(), "orderId")),
        };
        assert_eq!(pays(&found(from, Standing::Own), None), is(pay, Confirmed), "paying one {from:?}");
        assert_eq!(found(from, standing).check_change(Shipped, None), is(ship, Shipped), "sending one {from:?}");
        assert_eq!(found(from, standing).check_change(Delivered, None), is(deliver, Delivered), "{from:?} arrives");
        assert_eq!(decide_cancel(&found(from, standing), None).map(drop), is(cancel, Cancelled), "cancelling {from:?}");
        assert_eq!(is_due(&found(from, standing), moment, moment), expire, "{from:?} is due");
    }
}

#[test]
fn what_is_not_yours_is_not_there() {
    for status in ALL {
        let hidden = found(status, Standing::Hidden);
        assert_eq!(pays(&hidden, Some(99)), Err(absent()), "nothing is told, not even the version");
        assert_eq!(decide_cancel(&hidden, None), Err(absent()));
    }
}

#[test]
fn only_the_customer_pays_and_staff_may_cancel() {
    for status in ALL {
        let refused = pays(&found(status, Standing::Staff), Some(99)).unwrap_err();
        assert_eq!(refused.kind(), CommandErrorCode::NotAllowed, "whatever it is at, and whatever is expected");
    }
    let staffs = found(Status::Pending, Standing::Staff);
    assert_eq!(decide_cancel(&staffs, None), Ok(CancelledBy::Staff));
    assert_eq!(decide_cancel(&found(Status::Confirmed, Standing::Own), Some(3)), Ok(CancelledBy::Customer));
    assert_eq!(pays(&found(Status::Pending, Standing::Own), None), Ok(()));
}

#[test]
fn an_order_expires_at_its_moment_if_it_is_still_pending() {
    let (now, later) = (at(0), at(1));
    assert!(is_due(&found(Status::Pending, Standing::Staff), now, now));
    assert!(!is_due(&found(Status::Pending, Standing::Staff), later, now));
    assert!(!is_due(&found(Status::Confirmed, Standing::Staff), now, later));
}

/// What is due to be cancelled cannot be paid, and what can be paid is not due.
#[test]
fn an_order_is_paid_in_time_or_not_at_all() {
    let pending = found(Status::Pending, Standing::Own);
    assert_eq!(decide_pay(&pending, None, at(10), at(9)), Ok(()));
    for late in [10, 11] {
        let refused = decide_pay(&pending, None, at(10), at(late));
        assert_eq!(refused, Err(CommandError::payment_overdue(at(10), "orderId")));
        assert!(is_due(&pending, at(10), at(late)));
    }
    let cancelled = found(Status::Cancelled, Standing::Own);
    let refused = decide_pay(&cancelled, None, at(10), at(11)).unwrap_err();
    assert_eq!(refused.kind(), CommandErrorCode::InvalidTransition, "what it is now tells more");
}

#[test]
fn who_an_order_belongs_to() {
    let (ada, ben) = (UserId::generate(), UserId::generate());
    assert_eq!(Standing::of(ada, Some(ada), false), Standing::Own);
    assert_eq!(Standing::of(ada, Some(ada), true), Standing::Own);
    assert_eq!(Standing::of(ada, Some(ben), true), Standing::Staff);
    assert_eq!(Standing::of(ada, Some(ben), false), Standing::Hidden);
    assert_eq!(Standing::of(ada, None, false), Standing::Hidden);
}

#[test]
fn a_basket_is_checked_line_by_line() {
    let product_id = ProductId::generate();
    let lines = |quantities: &[i32]| {
        quantities.iter().map(|quantity| OrderLineInput { product_id, quantity: *quantity }).collect()
    };
    let order = |lines| PlaceOrder { lines, delivery_address: "Mill Lane 1".into(), idempotency_key: None };
    assert!(order(lines(&[1])).validate().is_ok());
    for bad in [&[][..], &[0], &[-1], &[1, 1], &[1; 51]] {
        assert!(order(lines(bad)).validate().is_err(), "{bad:?}");
    }
}
