//! Orders that nobody pays in time: each is cancelled once, and one that cannot be cancelled keeps none of the others.

use crate::market::{Market, order};
use crate::world::{Person, accepted, now, rejected, settings};
use millrace_command::{CommandError, Commands, Expired, PayOrder, Request, Settings, ShopRules};
use millrace_events::{OrderId, ProductId};
use time::Duration;

/// Where orders are overdue as soon as they are placed.
struct Hasty {
    market: Market,
    shop: Commands,
    product: ProductId,
    buyer: Person,
}

impl Hasty {
    async fn new() -> Self {
        let market = Market::new().await;
        let shop = Self::manager(&market).await;
        let (product, buyer) = (market.product("Oak", 300, 1_000).await, market.buyer("Ada", 1_000).await);
        Self { market, shop, product, buyer }
    }

    async fn manager(market: &Market) -> Commands {
        let hasty = Settings {
            shop: ShopRules { pay_within: Duration::ZERO, unpaid_orders_max: u32::MAX, ..Default::default() },
            ..settings()
        };
        market.world.commands_with(market.world.postgres(), hasty, market.world.auth()).await
    }

    async fn place(&self, quantity: i32) -> OrderId {
        let request = Request::new(self.buyer.viewer.clone());
        accepted(&self.shop.execute(request, order(&[(self.product, quantity)])).await.unwrap()).order
    }

    /// Where there is time to pay.
    async fn place_in_time(&self, quantity: i32) -> OrderId {
        accepted(&self.market.world.by(&self.buyer, order(&[(self.product, quantity)])).await).order
    }

    /// From now on orders of this quantity cannot be cancelled.
    async fn stick(&self, quantity: i64) {
        let stick = "
            CREATE FUNCTION stick() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'this order is stuck'; END $$;
            CREATE TRIGGER stuck BEFORE UPDATE ON orders FOR EACH ROW
            WHEN (new.status = 'cancelled' AND new.total_minor =";
        self.market.world.sql(&format!("{stick} {}) EXECUTE FUNCTION stick()", 300 * quantity)).await;
    }

    async fn count(&self, status: &str) -> i64 {
        self.market.world.count(&format!("orders WHERE status = '{status}'")).await
    }
}

fn pay(order_id: OrderId) -> PayOrder {
    PayOrder { order_id, expected_version: None, idempotency_key: None }
}

/// Between its moment and the manager's next look an order is pending, and yet not to be had.
#[tokio::test]
async fn an_order_past_its_time_cannot_be_paid() {
    let hasty = Hasty::new().await;
    let (late, early) = (hasty.place(1).await, hasty.place_in_time(1).await);
    let refused = rejected(&hasty.market.world.by(&hasty.buyer, pay(late)).await);
    let CommandError::PaymentOverdue(error) = refused else { panic!("{refused:?}") };
    assert!(error.pay_until <= now() && !error.retryable, "{error:?}");
    accepted(&hasty.market.world.by(&hasty.buyer, pay(early)).await);
    assert_eq!(hasty.market.balance(&hasty.buyer).await, 700, "one of them is paid");
    assert_eq!((hasty.count("pending").await, hasty.count("confirmed").await), (1, 1));
    assert_eq!(hasty.shop.expire_orders(None, |_| true).await.unwrap().orders, 1);
    assert_eq!(hasty.market.status(late).await, "cancelled");
    hasty.market.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_process_managers_cancel_what_is_unpaid_once() {
    let hasty = Hasty::new().await;
    let world = &hasty.market.world;
    let paid = hasty.place_in_time(2).await;
    for _ in 0..9 {
        hasty.place(2).await;
    }
    accepted(&world.by(&hasty.buyer, pay(paid)).await);
    world.sql(&format!("UPDATE orders SET pay_until = created_at WHERE id = '{paid}'")).await;
    let other = Hasty::manager(&hasty.market).await;
    let (a, b) = tokio::join!(hasty.shop.expire_orders(None, |_| true), other.expire_orders(None, |_| true));
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_eq!((a.orders + b.orders, a.failed + b.failed), (9, 0), "each is counted where it was cancelled");
    assert_eq!(hasty.count("cancelled").await, 9);
    assert_eq!(hasty.market.status(paid).await, "confirmed");
    assert_eq!(hasty.market.stock(hasty.product).await, 998);
    let again = hasty.shop.expire_orders(None, |_| true).await.unwrap();
    assert_eq!((again.orders, again.late), (0, Duration::ZERO));
    hasty.market.audit().await;
}

#[tokio::test]
async fn an_order_that_cannot_be_cancelled_keeps_none_of_the_others() {
    let hasty = Hasty::new().await;
    hasty.stick(1).await;
    for quantity in [1, 2, 2] {
        hasty.place(quantity).await;
    }
    let expired = hasty.shop.expire_orders(None, |_| true).await.unwrap();
    assert_eq!((expired.orders, expired.failed), (2, 1));
    assert!(expired.late > Duration::ZERO, "{expired:?}");
    assert_eq!((hasty.count("pending").await, hasty.count("cancelled").await), (1, 2));
    hasty.market.audit().await;
}

/// Also if they are more than one look at the table reads.
#[tokio::test]
async fn nor_do_more_of_them_than_a_page_holds() {
    let hasty = Hasty::new().await;
    hasty.stick(1).await;
    for _ in 0..101 {
        hasty.place(1).await;
    }
    // Of one moment with the last ones: their ids are their order then.
    hasty.place(2).await;
    hasty.market.world.sql("UPDATE orders SET pay_until = (SELECT max(pay_until) FROM orders)").await;
    let expired = hasty.shop.expire_orders(None, |_| true).await.unwrap();
    assert_eq!((expired.orders, expired.failed), (1, 101));
    assert_eq!((hasty.count("pending").await, hasty.count("cancelled").await), (101, 1));
}

#[tokio::test]
async fn where_no_command_gets_through_the_rest_is_left_for_the_next_time() {
    let hasty = Hasty::new().await;
    for _ in 0..3 {
        hasty.place(2).await;
    }
    assert!(hasty.shop.drain(std::time::Duration::from_secs(30)).await);
    let stopped = hasty.shop.expire_orders(None, |_| true).await.unwrap();
    assert_eq!((stopped.orders, stopped.failed), (0, 1), "the first one is enough to know");
    assert!(stopped.late > Duration::ZERO, "{stopped:?}");
    assert_eq!(Hasty::manager(&hasty.market).await.expire_orders(None, |_| true).await.unwrap().orders, 3);
}

/// A look has its time: where it was cut off the next goes on, so that orders that take all of it keep none of the others.
#[tokio::test]
async fn a_look_that_is_cut_off_is_taken_up_where_it_ended() {
    let hasty = Hasty::new().await;
    hasty.stick(1).await;
    for quantity in [1, 1, 2, 2] {
        hasty.place(quantity).await;
    }
    let mut lates = Vec::new();
    let two = |so_far: &Expired| {
        lates.push(so_far.late);
        so_far.orders + so_far.failed < 2
    };
    let first = hasty.shop.expire_orders(None, two).await.unwrap();
    assert_eq!((first.orders, first.failed), (0, 2));
    assert!(lates.len() == 3 && lates.iter().all(|late| *late == first.late && *late > Duration::ZERO), "{lates:?}");
    let second = hasty.shop.expire_orders(first.rest, |so_far| so_far.orders + so_far.failed < 2).await.unwrap();
    assert_eq!((second.orders, second.failed, second.rest), (2, 0, None));
    assert!(second.late >= first.late, "the longest overdue is still there: {second:?}");
    assert_eq!((hasty.count("pending").await, hasty.count("cancelled").await), (2, 2));
}
