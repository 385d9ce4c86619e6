//! Decisions about products, as data.

use super::stock::{Delivery, STOCK_MAX, decide_restock};
use super::*;
use time::OffsetDateTime;

fn model() -> product::Model {
    let at = OffsetDateTime::UNIX_EPOCH;
    product::Model {
        id: ProductId::generate().0,
        version: 4,
        name: "Sluice".into(),
        description: "Of oak.".into(),
        image_url: Some("https://millrace.example/sluice.svg".into()),
        price_minor: 1_200,
        currency: "EUR".into(),
        stock: 7,
        retired: false,
        created_at: at,
        updated_at: at,
    }
}

fn no_change(product: &product::Model) -> ProductChange {
    ProductChange {
        product_id: ProductId(product.id),
        name: None,
        text: None,
        image_url: Change::Keep,
        price: None,
        expected_version: None,
    }
}

#[test]
fn an_update_changes_what_it_names_only() {
    let product = model();
    let now = description(&product).unwrap();
    assert_eq!(decide_update(&product, &now, &no_change(&product)), Ok(None));
    let change =
        ProductChange { image_url: Change::Clear, name: ProductName::parse("Weir").ok(), ..no_change(&product) };
    let wanted = ProductDescription { name: "Weir".into(), image_url: None, ..now.clone() };
    assert_eq!(decide_update(&product, &now, &change), Ok(Some(wanted)));
}

#[test]
fn a_retired_product_and_another_version_are_refused() {
    let retired = product::Model { retired: true, ..model() };
    let now = description(&retired).unwrap();
    let gone = CommandError::not_allowed("The product is sold no longer.", "productId");
    assert_eq!(decide_update(&retired, &now, &no_change(&retired)), Err(gone.clone()));
    let change = ProductChange { expected_version: Some(3), ..no_change(&retired) };
    assert_eq!(decide_update(&model(), &now, &change), Err(CommandError::version_conflict(3, 4)));
}

#[test]
fn prices_and_quantities_have_bounds() {
    let input = |amount| MoneyInput { amount_minor: millrace_events::BigInt(amount), currency: eur() };
    assert_eq!(price(input(1)), Ok(Money::new(1, eur())));
    for amount in [0, -1, i64::MIN, PRICE_MINOR_MAX + 1, i64::MAX] {
        assert!(price(input(amount)).is_err(), "{amount}");
    }
    assert_eq!(quantity("stock", 0, 0), Ok(0));
    for wanted in [0, -1, i32::MIN, 1_000_001, i32::MAX] {
        assert!(quantity("quantity", wanted, 1).is_err(), "{wanted}");
    }
}

#[test]
fn what_comes_in_must_fit() {
    let product = model();
    let delivery = |quantity| Delivery { product_id: ProductId(product.id), quantity, expected_version: None };
    assert_eq!(decide_restock(&product, &delivery(3)), Ok(10));
    assert!(matches!(decide_restock(&product, &delivery(STOCK_MAX)), Err(CommandError::LimitReached(_))));
}

fn eur() -> millrace_events::Currency {
    millrace_events::Currency::parse("EUR").unwrap()
}
