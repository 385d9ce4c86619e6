//! The bank test: many clients at every edge, connections cut meanwhile; in each snapshot the books are right.

use crate::market::{Market, eur, number, order};
use crate::world::{Person, accepted, rejected};
use millrace_command::wallet::{BALANCE_MINOR_MAX, TOP_UP_MINOR_MAX};
use millrace_command::{
    CancelOrder, CommandError, CommandErrorCode, PayOrder, PaymentNotice, PaymentResult, ShopRules, TopUpWallet,
    Transfer,
};
use millrace_events::wallet::OPEN_TOP_UPS_MAX;
use millrace_events::{Event, ProductId, UserId};
use sea_orm::{ConnectionTrait, Database};
use std::sync::atomic::{AtomicBool, Ordering};

const CLIENTS: usize = 64;
const ROUNDS: usize = 12;
const TO_BEGIN_WITH: i64 = 1_000;
const SNAPSHOTS_MIN: usize = 20;

fn transfer(to_user_id: UserId, minor: i64) -> Transfer {
    Transfer {
        to_user_id,
        amount: eur(minor),
        note: Some("For flour".into()),
        expected_version: None,
        idempotency_key: None,
    }
}

#[tokio::test]
async fn a_transfer_moves_money_once_and_all_of_it() {
    let market = Market::new().await;
    let (ada, ben) = (market.buyer("Ada", 500).await, market.buyer("Ben", 0).await);
    accepted(&market.world.by(&ada, transfer(ben.id, 500)).await);
    assert_eq!((market.balance(&ada).await, market.balance(&ben).await), (0, 500));
    assert_eq!(rejected(&market.world.by(&ada, transfer(ben.id, 1)).await).kind(), CommandErrorCode::InsufficientFunds);
    for minor in [0, -1, i64::MIN] {
        let refused = rejected(&market.world.by(&ada, transfer(ben.id, minor)).await);
        assert_eq!(refused.kind(), CommandErrorCode::ValidationError);
    }
    let keyed = Transfer { idempotency_key: Some("t1".into()), ..transfer(ada.id, 200) };
    let (first, again) = (market.world.by(&ben, keyed.clone()).await, market.world.by(&ben, keyed).await);
    assert!(again.receipt().replayed && first.receipt().command_id == again.receipt().command_id);
    assert_eq!((market.balance(&ada).await, market.balance(&ben).await), (200, 300));
    market.audit().await;
}

#[tokio::test]
async fn a_notice_counts_once() {
    let market = Market::new().await;
    let ada = market.buyer("Ada", 0).await;
    accepted(
        &market.world.by(&ada, TopUpWallet { amount: eur(70), expected_version: None, idempotency_key: None }).await,
    );
    let notice = market.world.commands.open_top_ups().await.unwrap().remove(0);
    let eight = (0..8).map(|_| market.world.commands.complete_top_up(notice.clone()));
    for answer in futures_util::future::join_all(eight).await {
        accepted(&answer.unwrap());
    }
    let declined = PaymentNotice { result: PaymentResult::Declined, ..notice };
    accepted(&market.world.commands.complete_top_up(declined).await.unwrap());
    assert_eq!(market.balance(&ada).await, 70);
    market.audit().await;
}

/// A card that is declined and then tried again is one top-up to the provider, which tells of both: the money is there.
#[tokio::test]
async fn a_payment_that_succeeds_after_it_was_declined_counts_once() {
    let market = Market::new().await;
    let ada = market.buyer("Ada", 0).await;
    accepted(
        &market.world.by(&ada, TopUpWallet { amount: eur(70), expected_version: None, idempotency_key: None }).await,
    );
    let succeeded = market.world.commands.open_top_ups().await.unwrap().remove(0);
    let told = |event_id: &str, result| PaymentNotice { event_id: event_id.into(), result, ..succeeded.clone() };
    let declined = market.world.commands.complete_top_up(told("e1", PaymentResult::Declined)).await.unwrap();
    assert!(matches!(market.world.event(&declined).await.event, Event::TopUpDeclined(_)));
    assert_eq!(market.balance(&ada).await, 0);

    let credited = market.world.commands.complete_top_up(told("e2", PaymentResult::Succeeded)).await.unwrap();
    let event = market.world.event(&credited).await.event;
    assert!(matches!(&event, Event::WalletMoved(moved) if moved.top_up_id == Some(succeeded.top_up_id)), "{event:?}");
    for (event_id, result) in
        [("e2", PaymentResult::Succeeded), ("e3", PaymentResult::Succeeded), ("e1", PaymentResult::Declined)]
    {
        let again = market.world.commands.complete_top_up(told(event_id, result)).await.unwrap();
        market.world.changed_nothing(&again).await;
    }
    assert_eq!(market.balance(&ada).await, 70);
    market.audit().await;
}

fn ask(minor: i64) -> TopUpWallet {
    TopUpWallet { amount: eur(minor), expected_version: None, idempotency_key: None }
}

/// Whoever left the provider's page ten times may ask again on another day; and if that money comes after all, it counts.
#[tokio::test]
async fn top_ups_that_nobody_answers_do_not_stand_in_the_way_for_ever() {
    let market = Market::new().await;
    let ada = market.buyer("Ada", 0).await;
    for _ in 0..OPEN_TOP_UPS_MAX {
        accepted(&market.world.by(&ada, ask(70)).await);
    }
    let refused = rejected(&market.world.by(&ada, ask(70)).await);
    assert!(matches!(&refused, CommandError::LimitReached(error) if error.max == OPEN_TOP_UPS_MAX), "{refused:?}");
    let abandoned = market.world.commands.open_top_ups().await.unwrap().remove(0);
    let age = |hours| format!("UPDATE top_ups SET requested_at = now() - interval '{hours} hours'");
    market.world.sql(&age(23)).await;
    assert_eq!(rejected(&market.world.by(&ada, ask(70)).await), refused, "they may still be answered");
    market.world.sql(&age(25)).await;
    accepted(&market.world.by(&ada, ask(5)).await);
    accepted(&market.world.commands.complete_top_up(abandoned).await.unwrap());
    assert_eq!(market.balance(&ada).await, 70);
    market.audit().await;
}

/// An unpaid order costs nothing, and keeps stock from everybody else.
#[tokio::test]
async fn nobody_sets_stock_aside_without_end() {
    let market = Market::new().await;
    let (ada, grace) = (market.buyer("Ada", 0).await, market.buyer("Grace", 0).await);
    let product = market.product("Sluice", 1, 1_000).await;
    let mut newest = None;
    let unpaid_max = ShopRules::default().unpaid_orders_max;
    for _ in 0..unpaid_max {
        newest = Some(accepted(&market.world.by(&ada, order(&[(product, 1)])).await).order);
    }
    let refused = rejected(&market.world.by(&ada, order(&[(product, 1)])).await);
    let CommandError::LimitReached(error) = &refused else { panic!("{refused:?}") };
    assert_eq!((error.limit.as_str(), error.max), ("unpaidOrders", unpaid_max));
    accepted(&market.world.by(&grace, order(&[(product, 1)])).await);
    let order_id = newest.unwrap();
    accepted(
        &market
            .world
            .by(&ada, CancelOrder { order_id, reason: None, expected_version: None, idempotency_key: None })
            .await,
    );
    accepted(&market.world.by(&ada, order(&[(product, 1)])).await);
    market.audit().await;
}

/// All of it can be spent, to the coin, and no coin more.
#[tokio::test]
async fn an_order_may_cost_all_that_is_in_the_wallet() {
    let market = Market::new().await;
    let ada = market.buyer("Ada", 500).await;
    let (dearer, all) = (market.product("Millstone", 501, 5).await, market.product("Sluice", 500, 5).await);
    let place = async |product| accepted(&market.world.by(&ada, order(&[(product, 1)])).await).order;
    let pay = |order_id| PayOrder { order_id, expected_version: None, idempotency_key: None };
    let refused = rejected(&market.world.by(&ada, pay(place(dearer).await)).await);
    let CommandError::InsufficientFunds(error) = &refused else { panic!("{refused:?}") };
    assert_eq!((error.balance.minor(), error.missing.minor()), (500, 1));
    accepted(&market.world.by(&ada, pay(place(all).await)).await);
    assert_eq!(market.balance(&ada).await, 0);
    market.audit().await;
}

/// Nothing is asked for, sent or paid back that would not fit; what was asked for before comes in all the same.
#[tokio::test]
async fn a_wallet_takes_in_no_more_than_it_can_hold() {
    let market = Market::new().await;
    let world = &market.world;
    let (ada, ben) = (market.buyer("Ada", 500).await, market.buyer("Ben", 1).await);
    let product = market.product("Sluice", 300, 5).await;
    let order_id = accepted(&world.by(&ada, order(&[(product, 1)])).await).order;
    accepted(&world.by(&ada, PayOrder { order_id, expected_version: None, idempotency_key: None }).await);
    accepted(&world.by(&ada, ask(TOP_UP_MINOR_MAX)).await);
    let asked_before = world.commands.open_top_ups().await.unwrap().remove(0);

    market.fill(&ada, BALANCE_MINOR_MAX - 200).await;
    let full = |error: CommandError| assert_eq!(error.kind(), CommandErrorCode::WalletFull);
    full(rejected(&world.by(&ada, ask(1)).await));
    full(rejected(&world.by(&ben, transfer(ada.id, 1)).await));
    let cancel = || CancelOrder { order_id, reason: None, expected_version: None, idempotency_key: None };
    full(rejected(&world.by(&ada, cancel()).await));
    assert_eq!(market.status(order_id).await, "confirmed");
    market.audit().await;

    accepted(&world.commands.complete_top_up(asked_before).await.unwrap());
    assert_eq!(market.balance(&ada).await, BALANCE_MINOR_MAX + TOP_UP_MINOR_MAX);
    accepted(&world.by(&ada, transfer(ben.id, TOP_UP_MINOR_MAX + 300)).await);
    accepted(&world.by(&ada, cancel()).await);
    assert_eq!(market.balance(&ada).await, BALANCE_MINOR_MAX, "to the brim");
    market.audit().await;
}

/// Also one that a later event of the same top-up overtook, and one that two top-ups are ended by at the same moment.
#[tokio::test]
async fn an_event_of_the_provider_ends_one_top_up() {
    let market = Market::new().await;
    let (ada, ben) = (market.buyer("Ada", 0).await, market.buyer("Ben", 0).await);
    let (first, second) = (asked_top_up(&market, &ada).await, asked_top_up(&market, &ben).await);
    let told = |asked: &PaymentNotice, event_id: &str, result| {
        let notice = PaymentNotice { event_id: event_id.into(), result, ..asked.clone() };
        market.world.commands.complete_top_up(notice)
    };
    accepted(&told(&first, "e1", PaymentResult::Declined).await.unwrap());
    accepted(&told(&first, "e2", PaymentResult::Succeeded).await.unwrap());
    for event_id in ["e1", "e2"] {
        let refused = told(&second, event_id, PaymentResult::Succeeded).await.unwrap();
        assert_eq!(rejected(&refused).kind(), CommandErrorCode::ValidationError, "{event_id}");
    }
    let third = asked_top_up(&market, &ada).await;
    let (one, other) =
        tokio::join!(told(&second, "e3", PaymentResult::Succeeded), told(&third, "e3", PaymentResult::Succeeded));
    let ended = [one.unwrap(), other.unwrap()].iter().filter(|answer| answer.receipt().accepted).count();
    assert_eq!(ended, 1, "the first of both counts");
    assert_eq!(market.balance(&ada).await + market.balance(&ben).await, 140);
    market.audit().await;
}

/// A top-up of 70 that waits for the provider, as the notice that would end it well.
async fn asked_top_up(market: &Market, person: &Person) -> PaymentNotice {
    let top_up_id = accepted(&market.world.by(person, ask(70)).await).top_up_id;
    let open = market.world.commands.open_top_ups().await.unwrap();
    open.into_iter().find(|notice| notice.top_up_id == top_up_id).unwrap()
}

/// When a person's wallet changed last, in microseconds since 1970.
async fn changed_at(market: &Market, person: &Person) -> i64 {
    let at = "(extract(epoch FROM updated_at) * 1000000)::bigint";
    market.number(&format!("SELECT {at} AS n FROM wallets WHERE user_id = '{}'", person.id)).await
}

/// As if PostgreSQL's clock had been ahead by an hour when the wallet changed last, and was set right since.
async fn changed_ahead(market: &Market, person: &Person) -> i64 {
    let ahead = "UPDATE wallets SET updated_at = updated_at + interval '1 hour'";
    market.world.sql(&format!("{ahead} WHERE user_id = '{}'", person.id)).await;
    changed_at(market, person).await
}

#[tokio::test]
async fn movements_stay_in_order_after_the_clock_was_set_back() {
    let market = Market::new().await;
    let (ada, ben) = (market.buyer("Ada", 500).await, market.buyer("Ben", 1).await);
    let mut last = changed_ahead(&market, &ben).await;
    for (from, to) in [(&ada, &ben), (&ben, &ada)] {
        let sent = market.world.by(from, transfer(to.id, 1)).await;
        accepted(&sent);
        let now = changed_at(&market, &ben).await;
        assert!(now > last, "{now} comes after {last}");
        assert_eq!(changed_at(&market, &ada).await, now, "both wallets know one moment");
        for recorded in market.world.events(sent.receipt().command_id).await {
            let Event::WalletMoved(moved) = &recorded.event else { panic!("{recorded:?}") };
            assert_eq!(moved.moved_at.moment().unix_timestamp_nanos() / 1_000, i128::from(now));
        }
        last = now;
    }
    let newest = "SELECT (extract(epoch FROM max(at)) * 1000000)::bigint AS n FROM ledger_transactions";
    assert_eq!(market.number(newest).await, last);
    market.audit().await;
}

#[tokio::test]
async fn a_top_up_that_is_asked_for_and_declined_takes_no_wallet_back_in_time() {
    let market = Market::new().await;
    let ada = market.buyer("Ada", 5).await;
    let before = changed_ahead(&market, &ada).await;
    let asked = asked_top_up(&market, &ada).await;
    let asking = changed_at(&market, &ada).await;
    let declined = PaymentNotice { result: PaymentResult::Declined, ..asked };
    accepted(&market.world.commands.complete_top_up(declined).await.unwrap());
    let declining = changed_at(&market, &ada).await;
    assert!(before < asking && asking < declining, "{before}, {asking}, {declining}");
    market.audit().await;
}

/// No code that is wrong can write what is wrong here.
#[tokio::test]
async fn postgresql_itself_keeps_wallets_in_the_ledger_and_events_as_they_were() {
    let market = Market::new().await;
    let ada = market.buyer("Ada", 0).await;
    market.top_up(&ada, 70).await;
    let refused = async |sql: &str| market.world.database().execute_unprepared(sql).await.unwrap_err().to_string();
    let wallet = format!(
        "INSERT INTO wallets (id, version, user_id, currency, created_at, updated_at)
         VALUES (gen_random_uuid(), 1, '{}', 'CHF', now(), now())",
        ada.id
    );
    assert!(refused(&wallet).await.contains("wallets_account_fkey"), "a wallet without an account");
    let other = "UPDATE wallets SET currency = 'CHF'";
    assert!(refused(other).await.contains("wallets_account_fkey"), "a wallet in another currency than its account");
    let again = "INSERT INTO provider_events SELECT id, top_up_id, now() FROM provider_events";
    assert!(refused(again).await.contains("provider_events_pkey"), "an event twice");
    for change in ["UPDATE provider_events SET taken_at = now()", "DELETE FROM provider_events"] {
        assert!(refused(change).await.contains("is written once"), "{change}");
    }
    market.audit().await;
}

struct Client<'a> {
    market: &'a Market,
    people: &'a [Person],
    product: ProductId,
    number: usize,
}

impl Client<'_> {
    async fn run(&self) {
        for round in 0..ROUNDS {
            self.act(self.number * 31 + round * 7).await;
        }
    }

    /// An answer may be lost with its connection; the books must be right all the same.
    async fn act(&self, dice: usize) {
        let me = &self.people[self.number];
        let other = &self.people[(self.number + 1 + dice) % self.people.len()];
        let amounts = [1, 7, TO_BEGIN_WITH, TO_BEGIN_WITH + 1, 0, -5, i64::MAX, i64::MIN];
        match dice % 5 {
            0..=2 => drop(self.market.world.try_by(me, transfer(other.id, amounts[dice % amounts.len()])).await),
            3 => self.buy(me, dice.is_multiple_of(2)).await,
            _ => drop(self.market.world.try_by(me, transfer(me.id, 5)).await),
        }
    }

    async fn buy(&self, me: &Person, cancels: bool) {
        let world = &self.market.world;
        let Ok(answer) = world.try_by(me, order(&[(self.product, 1)])).await else { return };
        let Some(order_id) = answer.outcome().map(|changed| changed.order) else { return };
        let pay = PayOrder { order_id, expected_version: None, idempotency_key: None };
        let _may_be_poor = world.try_by(me, pay).await;
        if cancels {
            let cancel = CancelOrder { order_id, reason: None, expected_version: None, idempotency_key: None };
            let _may_be_cut = world.try_by(me, cancel).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_clients_lose_and_make_no_coin() {
    let market = Market::new().await;
    let people = market.many_buyers(CLIENTS).await;
    for person in &people {
        market.top_up(person, TO_BEGIN_WITH).await;
    }
    let product = market.product("Flour", 10, 1_000).await;
    let done = AtomicBool::new(false);
    // A connection of its own, which is not cut.
    let own = Database::connect(&market.world.url).await.unwrap();
    let auditor = async {
        let mut snapshots = 0;
        while !done.load(Ordering::Relaxed) || snapshots < SNAPSHOTS_MIN {
            market.audit_over(&own).await;
            let cut = "SELECT count(pg_terminate_backend(pid)) AS n FROM (SELECT pid FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle' ORDER BY random() LIMIT 2) s";
            number(&own, cut).await;
            snapshots += 1;
        }
    };
    let clients = async {
        let all = (0..CLIENTS).map(|number| Client { market: &market, people: &people, product, number });
        futures_util::future::join_all(all.map(async |client: Client<'_>| client.run().await)).await;
        done.store(true, Ordering::Relaxed);
    };
    tokio::join!(auditor, clients);
    market.audit().await;
    let money_in = i64::try_from(CLIENTS).unwrap() * TO_BEGIN_WITH;
    let there = "SELECT (SELECT coalesce(sum(balance_minor), 0)::bigint FROM wallets)
        + (SELECT coalesce(sum(amount_minor), 0)::bigint FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.account_id WHERE a.kind = 'sales') AS n";
    assert_eq!(market.number(there).await, money_in);
}

#[tokio::test]
async fn what_moves_money_minds_the_expected_version() {
    let market = Market::new().await;
    let (ada, ben) = (market.buyer("Ada", 500).await, market.buyer("Ben", 0).await);
    let top_up = |version| TopUpWallet { expected_version: Some(version), amount: eur(5), idempotency_key: None };
    let asked = market.world.by(&ada, TopUpWallet { expected_version: None, ..top_up(0) }).await;
    let now = asked.receipt().version.expect("a version");
    let send = |version| Transfer { expected_version: Some(version), ..transfer(ben.id, 1) };
    for stale in [now - 1, now + 1] {
        assert_eq!(rejected(&market.world.by(&ada, send(stale)).await).kind(), CommandErrorCode::VersionConflict);
        assert_eq!(rejected(&market.world.by(&ada, top_up(stale)).await).kind(), CommandErrorCode::VersionConflict);
    }
    accepted(&market.world.by(&ada, send(now)).await);
    accepted(&market.world.by(&ada, top_up(now + 1)).await);
    assert_eq!((market.balance(&ada).await, market.balance(&ben).await), (499, 1));
    market.audit().await;
}
