//! The shop of the measurements: products, money and orders, made through the real commands in this process.

use super::ids;
use crate::error::BenchError;
use crate::plan::{CUSTOMERS, FILL_AT_ONCE, HISTORY, PRODUCTS, USERS};
use crate::stage::Stage;
use futures_util::{StreamExt, TryStreamExt, stream};
use millrace_command::auth::openid::IdTokens;
use millrace_command::auth::{
    AccessTokenSigner, AttemptLimits, Attempts, ExportLinkRules, ExportLinks, PasswordCost, PasswordLimits, Passwords,
};
use millrace_command::mail::{MailCounts, MailLimits};
use millrace_command::order::OrderLineInput;
use millrace_command::{
    Answer, Auth, Command, Commands, CreateProduct, PayOrder, PlaceOrder, Request, ServerSecret, Settings, TopUpWallet,
};
use millrace_events::money::MoneyInput;
use millrace_events::viewer::Person;
use millrace_events::{BigInt, Currency, OrderId, ProductId, Role, Timestamp, Viewer};
use millrace_log::Log;
use std::collections::BTreeSet;
use time::{Duration, OffsetDateTime};

/// Enough for every order of a run.
pub const STOCK: i32 = 1_000_000;
/// Price of each product.
pub const PRICE_MINOR: i64 = 250;
/// Enough for all that a person buys in a run.
pub const PURSE_MINOR: i64 = 1_000_000_000;
/// The currency of everything.
pub const CURRENCY: &str = "EUR";
/// Orders beyond the first page of a history: a history is longer than what is shown of it.
const OLDER_ORDERS: u32 = 5;
/// This process is no server of anybody's: its idempotency keys are read by nobody else.
const SECRET: [u8; 32] = [7; 32];

/// What was made.
#[derive(Debug, Default)]
pub struct Shop {
    /// Global ids of the products.
    pub products: Vec<String>,
    /// Each customer's number, with global ids of the orders.
    pub orders: Vec<(u32, Vec<String>)>,
}

/// Makes products, a full wallet for everybody, and a paid history of orders for the customers.
pub async fn fill(stage: &Stage, log: &Log) -> Result<Shop, BenchError> {
    let maker = Maker { commands: commands(stage, log)?, currency: currency()? };
    maker.commands.grant_role(ids::user(0), Role::Staff).await?;
    let products = all(0..PRODUCTS, |number| maker.create(number)).await?;
    all(0..USERS, |user| maker.top_up(user)).await?;
    let mut orders = all(0..CUSTOMERS, |customer| maker.history(customer, &products)).await?;
    orders.sort();
    Ok(Shop { products: products.iter().map(|product| product.to_global()).collect(), orders })
}

/// Does this for each number, several at once.
async fn all<T, F: Future<Output = Result<T, BenchError>>>(
    numbers: std::ops::Range<u32>,
    make: impl FnMut(u32) -> F,
) -> Result<Vec<T>, BenchError> {
    stream::iter(numbers.map(make)).buffer_unordered(FILL_AT_ONCE).try_collect().await
}

fn currency() -> Result<Currency, BenchError> {
    Currency::parse(CURRENCY).map_err(|_| BenchError::Missing("the currency"))
}

fn commands(stage: &Stage, log: &Log) -> Result<Commands, BenchError> {
    let passwords = Passwords::new(PasswordCost::default(), PasswordLimits::default());
    let signing_key = stage.signing_key()?;
    let auth = Auth {
        passwords: passwords.map_err(|error| BenchError::Commands(error.into()))?,
        signer: AccessTokenSigner::from_pem(&signing_key)?,
        attempts: Attempts::new(AttemptLimits::default()),
        exports: ExportLinks::from_pem(&signing_key, ExportLinkRules::default())?,
        resets: Attempts::new(AttemptLimits::of_resets()),
        mails: MailCounts::new(MailLimits::default()),
        new_passwords: Attempts::new(AttemptLimits { per_address_max: u32::MAX, ..AttemptLimits::of_new_passwords() }),
        id_tokens: IdTokens::none(),
        refused_id_tokens: Attempts::new(AttemptLimits::of_id_tokens()),
    };
    let secret = ServerSecret::new(SECRET).map_err(|error| BenchError::Commands(error.into()))?;
    Ok(Commands::new(log.clone(), auth, Settings::new(secret)))
}

struct Maker {
    commands: Commands,
    currency: Currency,
}

impl Maker {
    async fn create(&self, number: u32) -> Result<ProductId, BenchError> {
        let input = CreateProduct {
            name: format!("Product {number}"),
            description: "Of oak, as all of them are here.".into(),
            image_url: Some(format!("https://pictures.millrace.example/{number}.svg")),
            price: self.money(PRICE_MINOR),
            stock: STOCK,
            idempotency_key: None,
        };
        Ok(self.send(0, input).await?.product)
    }

    async fn top_up(&self, user: u32) -> Result<(), BenchError> {
        let input = TopUpWallet { amount: self.money(PURSE_MINOR), expected_version: None, idempotency_key: None };
        let top_up_id = self.send(user, input).await?.top_up_id;
        let open = self.commands.open_top_ups().await?;
        let notice = open.into_iter().find(|notice| notice.top_up_id == top_up_id);
        let answer = self.commands.complete_top_up(notice.ok_or(BenchError::Missing("an open top-up"))?).await?;
        accepted(answer).map(|_| ())
    }

    /// One order after the other, so that their times tell them apart.
    async fn history(&self, customer: u32, products: &[ProductId]) -> Result<(u32, Vec<String>), BenchError> {
        let mut orders = Vec::new();
        for number in 0..HISTORY + OLDER_ORDERS {
            orders.push(self.order(customer, number, products).await?.to_global());
        }
        Ok((customer, orders))
    }

    async fn order(&self, customer: u32, number: u32, products: &[ProductId]) -> Result<OrderId, BenchError> {
        let line = |place: u32| {
            let product_id = *products.get(((customer + number + place * 7) % PRODUCTS) as usize)?;
            Some(OrderLineInput { product_id, quantity: 1 })
        };
        let input = PlaceOrder {
            lines: (0..2).filter_map(line).collect(),
            delivery_address: "Mill Lane 1\n4711 Millbrook".into(),
            idempotency_key: None,
        };
        let order_id = self.send(customer, input).await?.order;
        let pay = PayOrder { order_id, expected_version: None, idempotency_key: None };
        Ok(self.send(customer, pay).await?.order)
    }

    fn money(&self, minor: i64) -> MoneyInput {
        MoneyInput { amount_minor: BigInt(minor), currency: self.currency }
    }

    async fn send<C: Command>(&self, user: u32, input: C) -> Result<C::Outcome, BenchError> {
        let now = OffsetDateTime::now_utc();
        let person = Person {
            user_id: ids::user(user),
            session_id: ids::session(user),
            issued_at: Timestamp::new(now),
            expires_at: Timestamp::new(now + Duration::minutes(5)),
            roles: BTreeSet::new(),
        };
        accepted(self.commands.execute(Request::new(Viewer::Person(person)), input).await?)
    }
}

fn accepted<O>(answer: Answer<O>) -> Result<O, BenchError> {
    match answer {
        Answer::Accepted { outcome, .. } => Ok(outcome),
        Answer::Rejected { errors, .. } => Err(BenchError::Rejected(errors)),
    }
}
