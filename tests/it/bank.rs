//! The bank test: many clients with amounts at every edge, while connections to PostgreSQL are cut and command processes are killed. In
//! each of many snapshots taken meanwhile the books are right; at the end everybody has what their answers say, to the coin.

use crate::checker::{books, everything_holds};
use crate::harness::client::{Client, Person, id_of};
use crate::harness::cluster::{Cluster, Size};
use crate::harness::eventually;
use crate::harness::provider::Provider;
use crate::harness::stage::Stage;
use crate::load::Dice;
use crate::market::Market;
use crate::sender::Sender;
use futures_util::FutureExt;
use futures_util::future::join_all;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const TWO_COMMANDS: Size = Size { commands: 2, relays: 1, projectors: 1, queries: 2 };
const CLIENTS: usize = 64;
const STEPS_EACH: usize = 6;
const KILLS: usize = 6;
const TO_BEGIN_WITH: i64 = 1_000;
const PRICE_MINOR: i64 = 40;
/// The most that a product may cost.
const PRICE_MINOR_MAX: i64 = 1_000_000_000_000;
/// Longer than a command may take: of 64 who ask again too soon a slow machine would only get more to do.
const PATIENCE: Duration = Duration::from_secs(30);
/// The most that can be asked for at once.
const TOP_UP_MINOR_MAX: i64 = 1_000_000_000_000;
/// Between two snapshots.
const SNAPSHOT_EVERY: Duration = Duration::from_millis(40);
/// Between two cuts so many steps are done, so that also a slow machine gets on.
const STEPS_BETWEEN_CUTS: usize = 8;
const SNAPSHOTS_MIN: usize = 20;
/// Of about fifty attempts some find nobody at work.
const CUTS_MIN: i64 = 10;

/// Two connections at work, whichever.
const CUT: &str = "
    SELECT count(pg_terminate_backend(pid)) AS n FROM (
        SELECT pid FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle' ORDER BY random() LIMIT 2) s";

/// What everybody shares.
struct Bank {
    product: String,
    provider: Provider,
    people: Vec<String>,
    /// Whoever brings products.
    staff: Person,
    /// What each person's answers say that they have.
    accounts: Mutex<BTreeMap<String, i64>>,
    steps: AtomicUsize,
}

impl Bank {
    fn moved(&self, person: &str, minor: i64) {
        *self.accounts.lock().expect("accounts").entry(person.to_owned()).or_default() += minor;
    }

    fn has(&self, person: &str) -> i64 {
        self.accounts.lock().expect("accounts").get(person).copied().unwrap_or_default()
    }
}

fn eur(minor: i64) -> Value {
    json!({ "amountMinor": minor.to_string(), "currency": "EUR" })
}

/// A client who sends each command until it is answered.
struct Customer {
    bank: Arc<Bank>,
    sender: Sender,
    staff: Sender,
    me: String,
    dice: Dice,
}

impl Customer {
    fn new(bank: &Arc<Bank>, person: &Person, urls: &[String], seed: u64) -> Self {
        let [sender, staff] = [person, &bank.staff].map(|who| Sender::with_patience(PATIENCE, who, urls, seed));
        Self { bank: Arc::clone(bank), sender, staff, me: person.id.clone(), dice: Dice::new(seed) }
    }

    async fn run(mut self) {
        for _ in 0..STEPS_EACH {
            match self.dice.below(8) {
                0..=3 => self.transfer().await,
                4 => self.ask_for_money().await,
                step => self.buy(step > 5, step > 6).await,
            }
            self.bank.steps.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn transfer(&mut self) {
        let all = self.bank.has(&self.me);
        let edges = [1, 7, all, all + 1, 0, -5, i64::MAX, i64::MIN];
        let minor = edges[self.dice.below(edges.len())];
        let to = self.bank.people[self.dice.below(CLIENTS)].clone();
        let input = json!({ "toUserId": to, "amount": eur(minor), "note": "For flour." });
        let reason = if minor < 1 || to == self.me { "ValidationError" } else { "InsufficientFunds" };
        if self.sender.try_to("transfer", input, &[reason]).await.is_some() {
            self.bank.moved(&self.me, -minor);
            self.bank.moved(&to, minor);
        }
    }

    async fn ask_for_money(&mut self) {
        let edges = [1, 500, TOP_UP_MINOR_MAX, TOP_UP_MINOR_MAX + 1, 0, -1, i64::MAX, i64::MIN];
        let minor = edges[self.dice.below(edges.len())];
        if (1..=TOP_UP_MINOR_MAX).contains(&minor) {
            self.top_up(minor).await;
        } else {
            let refused = self.sender.try_to("topUpWallet", json!({ "amount": eur(minor) }), &["ValidationError"]);
            assert_eq!(refused.await, None, "{minor}");
        }
    }

    async fn top_up(&mut self, minor: i64) {
        let asked = self.sender.insist_on("topUpWallet", "topUpId", json!({ "amount": eur(minor) })).await;
        self.sender.notify(&self.bank.provider, asked["topUpId"].as_str().expect("an id"), minor).await;
        self.bank.moved(&self.me, minor);
    }

    /// What everybody buys, or something that costs all that is there, or one coin more. Others may send money meanwhile.
    async fn something(&mut self) -> (String, i64) {
        let all = self.bank.has(&self.me);
        let edges = [PRICE_MINOR, all.clamp(1, PRICE_MINOR_MAX), (all + 1).clamp(1, PRICE_MINOR_MAX)];
        match edges[self.dice.below(edges.len())] {
            PRICE_MINOR => (self.bank.product.clone(), PRICE_MINOR),
            minor => (id_of(&self.staff.insist("createProduct", product(minor)).await), minor),
        }
    }

    async fn buy(&mut self, pays: bool, cancels: bool) {
        let (product, minor) = self.something().await;
        let lines = json!([{ "productId": product, "quantity": 1 }]);
        let order = json!({ "lines": lines, "deliveryAddress": "Mill Lane 1" });
        let order = json!({ "orderId": id_of(&self.sender.insist("placeOrder", order).await) });
        let is_paid = pays && self.sender.try_to("payOrder", order.clone(), &["InsufficientFunds"]).await.is_some();
        if is_paid {
            self.bank.moved(&self.me, -minor);
        }
        if cancels {
            self.sender.insist("cancelOrder", order).await;
            self.bank.moved(&self.me, if is_paid { minor } else { 0 });
        }
    }
}

fn product(minor: i64) -> Value {
    json!({ "name": "Flour", "description": "Of rye.", "price": eur(minor), "stock": 100_000 })
}

/// Kills one command process after the other, at even steps of the work.
async fn kill(cluster: &mut Cluster, bank: &Bank, done: &CancellationToken) {
    let commands = cluster.indices_of("command");
    for number in 1..=KILLS {
        let due = number * CLIENTS * STEPS_EACH / (KILLS + 1);
        let reached = || bank.steps.load(Ordering::Relaxed) >= due || done.is_cancelled();
        eventually("the clients go on", || async { reached().then_some(()) }).await;
        cluster.kill(commands[number % commands.len()]).await;
    }
}

/// Looks into the books and cuts connections until all work is done. Answers how often it looked, and how many it cut.
async fn audit(database: &DatabaseConnection, bank: &Bank, done: &CancellationToken) -> (usize, i64) {
    let (mut snapshots, mut cuts) = (0, 0);
    let (mut cut_after, mut ticks) = (0, tokio::time::interval(SNAPSHOT_EVERY));
    while !done.is_cancelled() {
        ticks.tick().await;
        books::add_up(database).await;
        let steps = bank.steps.load(Ordering::Relaxed);
        if steps >= cut_after {
            cuts += books::number(database, CUT).await;
            cut_after = steps + STEPS_BETWEEN_CUTS;
        }
        snapshots += 1;
    }
    (snapshots, cuts)
}

/// What everybody has in PostgreSQL.
async fn balances(database: &DatabaseConnection) -> BTreeMap<String, i64> {
    let sql = "SELECT user_id, balance_minor FROM wallets";
    let rows = database.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await.expect("rows");
    let balance = |row: &sea_orm::QueryResult| {
        let user_id = millrace_events::UserId(row.try_get("", "user_id").expect("an id"));
        (user_id.to_global(), row.try_get("", "balance_minor").expect("a number"))
    };
    rows.iter().map(balance).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_clients_lose_and_make_no_coin_while_command_processes_die() {
    let stage = Stage::new().await;
    let mut cluster = Cluster::of_size(&stage, TWO_COMMANDS).await;
    let urls = cluster.urls();
    let market = Market::open(&stage, &urls[0]).await;
    let client = Client::new(&urls[0]);
    let mut people = Vec::new();
    for number in 0..CLIENTS {
        people.push(client.sign_up(&format!("Client{number}")).await);
    }
    let bank = Arc::new(Bank {
        product: id_of(&market.staff.client.command("createProduct", product(PRICE_MINOR), "").await),
        provider: market.provider.clone(),
        staff: market.staff.clone(),
        people: people.iter().map(|person| person.id.clone()).collect(),
        accounts: Mutex::default(),
        steps: AtomicUsize::new(0),
    });
    let customers = people.iter().zip(1..).map(|(person, seed)| Customer::new(&bank, person, &urls, seed));
    let mut customers: Vec<Customer> = customers.collect();
    join_all(customers.iter_mut().map(|customer| customer.top_up(TO_BEGIN_WITH))).await;

    let (database, done) = (books::connect(&stage).await, CancellationToken::new());
    let work = join_all(customers.into_iter().map(|customer| tokio::spawn(customer.run())));
    let work = work.inspect(|_| done.cancel());
    let (ended, (snapshots, cuts), ()) =
        tokio::join!(work, audit(&database, &bank, &done), kill(&mut cluster, &bank, &done));
    ended.into_iter().for_each(|one| one.expect("a client's end"));
    assert_eq!(balances(&database).await, *bank.accounts.lock().expect("accounts"), "balances, and what answers say");
    everything_holds(&stage).await;
    let deadlocks = "SELECT deadlocks AS n FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(books::number(&database, deadlocks).await, 0, "deadlocks");
    assert!(snapshots >= SNAPSHOTS_MIN, "only {snapshots} snapshots were taken meanwhile");
    assert!(cuts >= CUTS_MIN, "only {cuts} connections at work were cut");
    println!("{snapshots} snapshots, {cuts} cuts, {} deaths", cluster.deaths);
    cluster.stop().await;
}
