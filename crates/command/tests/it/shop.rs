//! The shop over PostgreSQL: products, stock and orders.

use crate::market::{Market, eur, lines, order};
use crate::world::{accepted, rejected};
use millrace_command::{
    CancelOrder, CommandError, CommandErrorCode, ConfirmDelivery, CreateProduct, FailureCode, PayOrder, RestockProduct,
    RetireProduct, ShipOrder, UpdateProduct,
};
use millrace_events::money::MoneyInput;
use millrace_events::order::CancelledBy;
use millrace_events::{BigInt, Currency, Event, OrderId};

fn pay(order_id: OrderId) -> PayOrder {
    PayOrder { order_id, expected_version: None, idempotency_key: None }
}

fn cancel(order_id: OrderId) -> CancelOrder {
    CancelOrder { order_id, reason: Some("Too wet.".into()), expected_version: None, idempotency_key: None }
}

fn ship(order_id: OrderId) -> ShipOrder {
    ShipOrder { order_id, expected_version: None, idempotency_key: None }
}

fn arrive(order_id: OrderId) -> ConfirmDelivery {
    ConfirmDelivery { order_id, expected_version: None, idempotency_key: None }
}

#[tokio::test]
async fn products_are_staffs_to_change() {
    let market = Market::new().await;
    let (world, staff, buyer) = (&market.world, &market.staff, market.buyer("Ada", 0).await);
    let create = market.new_product("Sluice", 1_200, 5);
    let refused = world.try_by(&buyer, create.clone()).await.unwrap_err();
    assert_eq!(refused.code(), FailureCode::Forbidden);

    let product_id = accepted(&world.by(staff, create).await).product;
    let update = UpdateProduct {
        product_id,
        name: Some("Weir".into()),
        description: None,
        image_url: Default::default(),
        price: Some(eur(900)),
        expected_version: Some(1),
        idempotency_key: None,
    };
    let updated = world.by(staff, update).await;
    assert_eq!(updated.receipt().version, Some(2));
    let restock = RestockProduct { product_id, quantity: 3, expected_version: None, idempotency_key: None };
    let restocked = world.by(staff, restock).await;
    assert!(
        matches!(world.event(&restocked).await.event, Event::ProductRestocked(e) if (e.quantity, e.stock) == (3, 8))
    );
    let retire = RetireProduct { product_id, expected_version: None, idempotency_key: None };
    accepted(&world.by(staff, retire.clone()).await);
    world.changed_nothing(&world.by(staff, retire).await).await;
    let late = rejected(&world.by(&buyer, order(&[(product_id, 1)])).await);
    assert_eq!(late.kind(), CommandErrorCode::NotFound);
    market.audit().await;
}

#[tokio::test]
async fn an_order_goes_from_pending_to_delivered() {
    let market = Market::new().await;
    let (world, staff) = (&market.world, &market.staff);
    let (oak, elm) = (market.product("Oak", 300, 5).await, market.product("Elm", 20, 9).await);
    let buyer = market.buyer("Ada", 1_000).await;

    let placed = world.by(&buyer, order(&[(oak, 2), (elm, 9)])).await;
    let order_id = accepted(&placed).order;
    let events = world.events(placed.receipt().command_id).await;
    let Event::OrderPlaced(event) = &events[0].event else { panic!("{events:?}") };
    assert_eq!((event.total.minor(), event.lines.len(), events.len()), (780, 2, 3));
    assert_eq!(market.stock(oak).await, 3);

    assert_eq!(rejected(&world.by(staff, ship(order_id)).await).kind(), CommandErrorCode::InvalidTransition);
    assert_eq!(rejected(&world.by(staff, pay(order_id)).await).kind(), CommandErrorCode::NotAllowed);
    let paid = world.by(&buyer, pay(order_id)).await;
    assert_eq!(paid.receipt().version, Some(2));
    assert_eq!(market.balance(&buyer).await, 220);
    assert_eq!(rejected(&world.by(&buyer, pay(order_id)).await).kind(), CommandErrorCode::InvalidTransition);
    accepted(&world.by(staff, ship(order_id)).await);
    assert_eq!(rejected(&world.by(&buyer, cancel(order_id)).await).kind(), CommandErrorCode::InvalidTransition);
    accepted(&world.by(staff, arrive(order_id)).await);
    assert_eq!(market.status(order_id).await, "delivered");
    market.audit().await;
}

#[tokio::test]
async fn an_order_keeps_the_prices_of_its_moment() {
    let market = Market::new().await;
    let world = &market.world;
    let oak = market.product("Oak", 300, 5).await;
    let buyer = market.buyer("Ada", 2_000).await;
    let total = async || {
        let placed = world.by(&buyer, order(&[(oak, 1)])).await;
        let events = world.events(placed.receipt().command_id).await;
        let Event::OrderPlaced(event) = &events[0].event else { panic!("{events:?}") };
        (accepted(&placed).order, event.lines[0].price.minor(), event.total.minor())
    };
    let (early, ..) = total().await;
    let dearer = UpdateProduct {
        product_id: oak,
        name: None,
        description: None,
        image_url: Default::default(),
        price: Some(eur(900)),
        expected_version: None,
        idempotency_key: None,
    };
    accepted(&world.by(&market.staff, dearer).await);
    accepted(&world.by(&buyer, pay(early)).await);
    assert_eq!(market.balance(&buyer).await, 1_700, "what it cost when it was placed");
    let (late, price, sum) = total().await;
    assert_eq!((price, sum), (900, 900));
    accepted(&world.by(&buyer, pay(late)).await);
    assert_eq!(market.balance(&buyer).await, 800);
    market.audit().await;
}

#[tokio::test]
async fn cancelling_gives_everything_back() {
    let market = Market::new().await;
    let world = &market.world;
    let oak = market.product("Oak", 300, 5).await;
    let (buyer, other) = (market.buyer("Ada", 1_000).await, market.buyer("Ben", 0).await);

    let pending = accepted(&world.by(&buyer, order(&[(oak, 4)])).await).order;
    assert_eq!(rejected(&world.by(&other, cancel(pending)).await).kind(), CommandErrorCode::NotFound);
    let cancelled = world.by(&buyer, cancel(pending)).await;
    let events = world.events(cancelled.receipt().command_id).await;
    let Event::OrderCancelled(event) = &events[0].event else { panic!("{events:?}") };
    assert_eq!((event.by, &event.refund), (CancelledBy::Customer, &None));
    assert_eq!(market.stock(oak).await, 5);

    let paid = accepted(&world.by(&buyer, order(&[(oak, 3)])).await).order;
    accepted(&world.by(&buyer, pay(paid)).await);
    assert_eq!((market.balance(&buyer).await, market.stock(oak).await), (100, 2));
    accepted(&world.by(&market.staff, cancel(paid)).await);
    assert_eq!((market.balance(&buyer).await, market.stock(oak).await), (1_000, 5));
    assert_eq!(rejected(&world.by(&buyer, cancel(paid)).await).kind(), CommandErrorCode::InvalidTransition);
    market.audit().await;
}

#[tokio::test]
async fn what_is_missing_is_told() {
    let market = Market::new().await;
    let world = &market.world;
    let oak = market.product("Oak", 300, 5).await;
    let buyer = market.buyer("Ada", 100).await;
    let short = rejected(&world.by(&buyer, order(&[(oak, 6)])).await);
    assert!(matches!(short, CommandError::OutOfStock(error) if (error.product_id, error.available) == (oak, 5)));
    let order_id = accepted(&world.by(&buyer, order(&[(oak, 1)])).await).order;
    let poor = rejected(&world.by(&buyer, pay(order_id)).await);
    assert!(
        matches!(poor, CommandError::InsufficientFunds(error) if (error.balance.minor(), error.missing.minor()) == (100, 200))
    );
    market.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_buyers_buy_exactly_what_there_is() {
    let market = Market::new().await;
    let mut products = Vec::new();
    for number in 0..4 {
        products.push(market.product(&format!("Thing {number}"), 100, 5).await);
    }
    let buyers = market.many_buyers(200).await;
    let sold = futures_util::future::join_all(buyers.iter().enumerate().map(|(number, buyer)| {
        let wanted = lines(&products, number);
        let count: i32 = wanted.iter().map(|(_, quantity)| quantity).sum();
        let market = &market;
        async move {
            let answer = market.world.by(buyer, order(&wanted)).await;
            if answer.outcome().is_some() {
                return count;
            }
            assert!(answer.errors().iter().all(|error| error.kind() == CommandErrorCode::OutOfStock), "{answer:?}");
            0
        }
    }))
    .await;
    let left = market.world.count("(SELECT FROM products, generate_series(1, stock)) AS left_over").await;
    assert_eq!((i64::from(sold.iter().sum::<i32>()), left), (20, 0));
    market.audit().await;
}

/// Not through commands: whatever else may write there, PostgreSQL refuses.
#[tokio::test]
async fn stock_and_balances_are_moved_by_their_entries_alone() {
    let market = Market::new().await;
    let oak = market.product("Oak", 300, 5).await;
    let buyer = market.buyer("Ada", 100).await;
    let refused = async |sql: String| drop(market.refused(&sql).await);
    refused(format!("UPDATE products SET stock = stock + 1 WHERE id = '{oak}'")).await;
    refused(format!("UPDATE wallets SET balance_minor = 7 WHERE user_id = '{}'", buyer.id)).await;
    refused("DELETE FROM ledger_entries".into()).await;
    refused("UPDATE ledger_entries SET amount_minor = amount_minor * 2".into()).await;
    refused("DELETE FROM stock_movements".into()).await;
    refused("TRUNCATE ledger_entries CASCADE".into()).await;
    market.audit().await;
}

/// Currency, and what moves on each of two accounts.
type Entries<'a> = &'a [(&'a str, i64, i64)];

/// As above: PostgreSQL keeps each transaction in one currency, and balanced in it.
#[tokio::test]
async fn entries_balance_in_one_currency_or_are_refused() {
    let market = Market::new().await;
    let buyer = market.buyer("Ada", 100).await;
    let dollars = MoneyInput { amount_minor: BigInt(100), currency: Currency::parse("USD").unwrap() };
    market.top_up_with(&buyer, dollars).await;
    let cases: [(Entries<'_>, &str); 4] = [
        (&[("EUR", 5, -4)], "2 entries in 1 currencies that sum to 1"),
        (&[("EUR", 5, 0)], "1 entries in 1 currencies that sum to 5"),
        // Euros for as many dollars: it sums to zero, and makes one currency out of another.
        (&[("EUR", 5, 0), ("USD", -5, 0)], "2 entries in 2 currencies that sum to 0"),
        (&[("EUR", 5, -5), ("USD", 7, -7)], "4 entries in 2 currencies that sum to 0"),
    ];
    for (entries, told) in cases {
        let said = market.refused(&market.entries(&buyer, entries)).await;
        assert!(said.contains(told), "{entries:?}: {said}");
    }
    let balances = "SELECT count(*) AS n FROM wallets WHERE balance_minor = 100";
    assert_eq!(market.number(balances).await, 2, "nothing of it was written");
    market.audit().await;
}

/// Whatever one statement inserts, each wallet is moved by all of its entries.
#[tokio::test]
async fn a_statement_with_two_transactions_moves_each_wallet_by_both() {
    let market = Market::new().await;
    let (ada, ben) = (market.buyer("Ada", 100).await, market.buyer("Ben", 50).await);
    let two_transfers = format!(
        "DO $$ DECLARE a uuid := gen_random_uuid(); b uuid := gen_random_uuid(); ada uuid; ben uuid; BEGIN
            SELECT id INTO ada FROM wallets WHERE user_id = '{}';
            SELECT id INTO ben FROM wallets WHERE user_id = '{}';
            INSERT INTO ledger_transactions (id, cause, command_id, at)
                VALUES (a, 'transfer', a, now()), (b, 'transfer', b, now());
            INSERT INTO ledger_entries
                VALUES (a, ada, 'EUR', -30), (a, ben, 'EUR', 30), (b, ada, 'EUR', -12), (b, ben, 'EUR', 12);
        END $$",
        ada.id, ben.id
    );
    market.world.sql(&two_transfers).await;
    assert_eq!((market.balance(&ada).await, market.balance(&ben).await), (58, 92));
    market.audit().await;
}

#[test]
fn a_product_cannot_be_created_for_nothing() {
    use millrace_command::Command;
    let create = CreateProduct {
        name: "Air".into(),
        description: "Fresh.".into(),
        image_url: None,
        price: eur(0),
        stock: -1,
        idempotency_key: None,
    };
    assert_eq!(create.validate().unwrap_err().len(), 2);
}
