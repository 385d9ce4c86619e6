//! Decisions about money, as data.

use super::provider::{Ending, decide_end};
use super::transfer::{Remittance, check_recipient, decide_transfer};
use super::*;
use crate::order::decide_funds;
use crate::{CommandErrorCode, HandlerError};
use time::OffsetDateTime;

fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::parse("EUR").unwrap())
}

fn input(minor: i64) -> MoneyInput {
    MoneyInput { amount_minor: millrace_events::BigInt(minor), currency: eur(0).currency }
}

fn wallet(balance_minor: i64) -> wallet::Model {
    wallet::Model {
        id: WalletId::generate().0,
        version: 3,
        user_id: UserId::generate().0,
        currency: "EUR".into(),
        balance_minor,
        created_at: OffsetDateTime::UNIX_EPOCH,
        updated_at: OffsetDateTime::UNIX_EPOCH,
    }
}

fn refused<T: std::fmt::Debug>(decided: Handling<T>) -> CommandErrorCode {
    match decided.unwrap_err() {
        HandlerError::Rejected(errors) => errors[0].kind(),
        HandlerError::Failed(fault) => panic!("{fault:?}"),
    }
}

#[test]
fn amounts_are_above_zero() {
    for minor in [0, -1, i64::MIN] {
        assert!(amount(input(minor), i64::MAX).is_err(), "{minor}");
    }
    assert_eq!(amount(input(i64::MAX), i64::MAX), Ok(eur(i64::MAX)));
    assert!(amount(input(TOP_UP_MINOR_MAX + 1), TOP_UP_MINOR_MAX).is_err());
}

#[test]
fn all_of_it_can_be_spent_and_no_more() {
    assert_eq!(decide_funds(eur(5), eur(5)), Ok(()));
    assert_eq!(decide_funds(eur(5), eur(7)), Err(CommandError::insufficient_funds(eur(5), eur(2))));
    assert_eq!(decide_funds(eur(0), eur(i64::MAX)), Err(CommandError::insufficient_funds(eur(0), eur(i64::MAX))));
}

#[test]
fn a_transfer_minds_both_wallets() {
    let (rich, full) = (wallet(100), wallet(BALANCE_MINOR_MAX));
    let sent = |minor| Remittance { to: UserId::generate(), amount: eur(minor), note: None, expected_version: None };
    assert!(decide_transfer(Some(&rich), Some(&wallet(0)), &sent(100)).is_ok());
    assert_eq!(refused(decide_transfer(Some(&rich), Some(&full), &sent(1))), CommandErrorCode::WalletFull);
    assert_eq!(refused(decide_transfer(None, Some(&rich), &sent(1))), CommandErrorCode::InsufficientFunds);
    assert_eq!(refused(decide_transfer(Some(&rich), Some(&full), &sent(101))), CommandErrorCode::InsufficientFunds);
    let as_of = |version| Remittance { expected_version: Some(version), ..sent(1) };
    assert!(decide_transfer(Some(&rich), Some(&wallet(0)), &as_of(3)).is_ok());
    assert_eq!(refused(decide_transfer(Some(&rich), Some(&wallet(0)), &as_of(2))), CommandErrorCode::VersionConflict);
    let (ada, ben) = (UserId::generate(), UserId::generate());
    assert!(check_recipient(ada, ada, true).is_err() && check_recipient(ada, ben, false).is_err());
    assert_eq!(check_recipient(ada, ben, true), Ok(()));
}

#[test]
fn a_top_up_ends_once_and_with_the_amount_that_was_asked_for() {
    let asked = |state| top_up::Model {
        id: TopUpId::generate().0,
        wallet_id: WalletId::generate().0,
        amount_minor: 500,
        state,
        provider_event_id: None,
        requested_at: OffsetDateTime::UNIX_EPOCH,
        ended_at: None,
    };
    let notice = |minor, result| CompleteTopUp {
        event_id: "e1".into(),
        top_up_id: TopUpId::generate(),
        result,
        amount: input(minor),
    };
    use PaymentResult::{Declined, Succeeded};
    let decided = |state, minor, result| decide_end(&asked(state), eur(500), &notice(minor, result));
    assert_eq!(decided(top_up::State::Requested, 500, Succeeded), Ok(Ending::Succeeds));
    assert_eq!(decided(top_up::State::Requested, 500, Declined), Ok(Ending::IsDeclined));
    assert_eq!(decided(top_up::State::Succeeded, 500, Declined), Ok(Ending::Ended));
    assert_eq!(decided(top_up::State::Succeeded, 500, Succeeded), Ok(Ending::Ended));
    assert_eq!(decided(top_up::State::Declined, 500, Declined), Ok(Ending::Ended));
    assert_eq!(decided(top_up::State::Declined, 500, Succeeded), Ok(Ending::Succeeds), "a card that was tried again");
    assert!(decided(top_up::State::Requested, 501, Succeeded).is_err());
}

#[test]
fn only_so_many_top_ups_wait_at_once() {
    assert_eq!(decide_top_up(9), Ok(()));
    assert!(matches!(decide_top_up(10), Err(CommandError::LimitReached(_))));
}

#[test]
fn a_wallet_takes_in_so_much_and_no_more() {
    let room = |balance, minor| decide_room(&wallet(balance), eur(minor), "amount").map_err(|error| error.kind());
    assert_eq!(room(BALANCE_MINOR_MAX - 5, 5), Ok(()));
    for (balance, minor) in [(BALANCE_MINOR_MAX - 5, 6), (BALANCE_MINOR_MAX + 1, 1), (i64::MAX, 1), (1, i64::MAX)] {
        assert_eq!(room(balance, minor), Err(CommandErrorCode::WalletFull), "{balance} and {minor}");
    }
}
