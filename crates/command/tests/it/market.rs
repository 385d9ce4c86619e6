//! A shop with staff and customers, and the audit that its books must pass.

use crate::world::{Person, World, accepted};
use futures_util::StreamExt;
use millrace_command::order::OrderLineInput;
use millrace_command::{CreateProduct, PlaceOrder, TopUpWallet};
use millrace_events::money::MoneyInput;
use millrace_events::{BigInt, Currency, OrderId, ProductId, Role};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

/// The one number that a query answers as `n`.
pub async fn number(database: &DatabaseConnection, sql: &str) -> i64 {
    let row = database.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap();
    row.unwrap().try_get("", "n").unwrap()
}

/// So many sign up at once.
const SIGN_UPS: usize = 10;

pub struct Market {
    pub world: World,
    pub staff: Person,
}

pub fn eur(minor: i64) -> MoneyInput {
    MoneyInput { amount_minor: BigInt(minor), currency: Currency::parse("EUR").unwrap() }
}

pub fn order(lines: &[(ProductId, i32)]) -> PlaceOrder {
    PlaceOrder {
        lines: lines
            .iter()
            .map(|(product_id, quantity)| OrderLineInput { product_id: *product_id, quantity: *quantity })
            .collect(),
        delivery_address: "Mill Lane 1".into(),
        idempotency_key: None,
    }
}

/// Baskets that overlap, each in another order.
pub fn lines(products: &[ProductId], number: usize) -> Vec<(ProductId, i32)> {
    let count = products.len();
    (0..=number % 3).map(|step| (products[(number * 7 + step * (1 + number % 2)) % count], 1)).fold(
        Vec::new(),
        |mut lines, line| {
            if lines.iter().all(|(product, _)| *product != line.0) {
                lines.push(line);
            }
            lines
        },
    )
}

impl Market {
    pub async fn new() -> Self {
        let world = World::new().await;
        let staff = world.sign_up("Staff").await;
        accepted(&world.commands.grant_role(staff.id, Role::Staff).await.unwrap());
        Self { world, staff }
    }

    pub fn new_product(&self, name: &str, price: i64, stock: i32) -> CreateProduct {
        CreateProduct {
            name: name.into(),
            description: "Made by hand.".into(),
            image_url: None,
            price: eur(price),
            stock,
            idempotency_key: None,
        }
    }

    pub async fn product(&self, name: &str, price: i64, stock: i32) -> ProductId {
        accepted(&self.world.by(&self.staff, self.new_product(name, price, stock)).await).product
    }

    /// Somebody with so much in their wallet.
    pub async fn buyer(&self, name: &str, minor: i64) -> Person {
        let buyer = self.world.sign_up(name).await;
        if minor > 0 {
            self.top_up(&buyer, minor).await;
        }
        buyer
    }

    pub async fn many_buyers(&self, count: usize) -> Vec<Person> {
        let names: Vec<String> = (0..count).map(|number| format!("Buyer{number}")).collect();
        let signed_up = futures_util::stream::iter(&names).map(|name| self.world.sign_up(name));
        signed_up.buffered(SIGN_UPS).collect().await
    }

    /// Asks for money, and answers for the provider.
    pub async fn top_up(&self, person: &Person, minor: i64) {
        self.top_up_with(person, eur(minor)).await;
    }

    /// The same, in any currency.
    pub async fn top_up_with(&self, person: &Person, amount: MoneyInput) {
        let asked = self.world.by(person, TopUpWallet { amount, expected_version: None, idempotency_key: None }).await;
        let top_up_id = accepted(&asked).top_up_id;
        let open = self.world.commands.open_top_ups().await.unwrap();
        let notice = open.into_iter().find(|notice| notice.top_up_id == top_up_id).unwrap();
        accepted(&self.world.commands.complete_top_up(notice).await.unwrap());
    }

    /// So much comes in from the provider in one transaction, more than can be asked for at once.
    pub async fn fill(&self, person: &Person, minor: i64) {
        let fill = format!(
            "DO $$ DECLARE t uuid := gen_random_uuid(); w uuid; BEGIN
                SELECT id INTO w FROM wallets WHERE user_id = '{}';
                INSERT INTO top_ups (id, wallet_id, amount_minor, state, provider_event_id, requested_at, ended_at)
                    VALUES (t, w, {minor}, 'succeeded', t::text, now(), now());
                INSERT INTO ledger_transactions (id, cause, top_up_id, command_id, at) VALUES (t, 'top_up', t, t, now());
                INSERT INTO ledger_entries VALUES (t, w, 'EUR', {minor});
                INSERT INTO ledger_entries
                    SELECT t, id, 'EUR', -{minor} FROM ledger_accounts WHERE kind = 'provider' AND currency = 'EUR';
            END $$",
            person.id
        );
        self.world.sql(&fill).await;
    }

    pub async fn stock(&self, id: ProductId) -> i64 {
        self.number(&format!("SELECT stock::bigint AS n FROM products WHERE id = '{id}'")).await
    }

    pub async fn balance(&self, person: &Person) -> i64 {
        self.number(&format!("SELECT balance_minor AS n FROM wallets WHERE user_id = '{}'", person.id)).await
    }

    pub async fn status(&self, id: OrderId) -> String {
        let sql = format!("SELECT status FROM orders WHERE id = '{id}'");
        let row = self.world.database().query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap();
        row.unwrap().try_get("", "status").unwrap()
    }

    pub async fn number(&self, sql: &str) -> i64 {
        number(self.world.database(), sql).await
    }

    /// PostgreSQL refuses it, and changes nothing. Answers what it says.
    pub async fn refused(&self, sql: &str) -> String {
        let answer = self.world.database().execute_unprepared(sql).await;
        answer.err().unwrap_or_else(|| panic!("it was done: {sql}")).to_string()
    }

    /// Entries of one transaction: so much of a person's wallet of each currency, and so much of the house in each.
    pub fn entries(&self, person: &Person, wallet_and_house: &[(&str, i64, i64)]) -> String {
        let insert = |(currency, wallet, house): &(&str, i64, i64)| {
            format!(
                "INSERT INTO ledger_entries
                    SELECT t, id, currency, {wallet} FROM wallets
                    WHERE user_id = '{}' AND currency = '{currency}' AND {wallet} <> 0;
                INSERT INTO ledger_entries
                    SELECT t, id, currency, {house} FROM ledger_accounts
                    WHERE kind = 'provider' AND currency = '{currency}' AND {house} <> 0;",
                person.id
            )
        };
        let entries: String = wallet_and_house.iter().map(insert).collect();
        format!(
            "DO $$ DECLARE t uuid := gen_random_uuid(); BEGIN
                INSERT INTO ledger_transactions (id, cause, command_id, at) VALUES (t, 'transfer', t, now());
                {entries}
            END $$"
        )
    }

    /// The books, in one snapshot: entries sum to zero, balances and stock are their sums, nothing is below zero, each order that is paid
    /// was paid once, and what is cancelled came back.
    pub async fn audit(&self) {
        self.audit_over(self.world.database()).await;
    }

    pub async fn audit_over(&self, database: &DatabaseConnection) {
        let wrong = number(database, include_str!("audit.sql")).await;
        assert_eq!(wrong, 0, "rows that do not add up");
    }
}
