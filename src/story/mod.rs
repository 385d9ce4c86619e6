//! A story to watch in `millrace dev`: people of the demo community order, pay and comment, staff send what is paid. So live
//! subscriptions move by themselves, and what a visitor orders and pays is sent and arrives. All of it goes through the public
//! endpoint, as any client's wishes do.

mod actor;
mod operations;
mod script;

use crate::seed::{self, Person};
use crate::settings::StorySettings;
use actor::{Actor, Endpoint};
use operations::*;
use script::{STEPS, Scene, Step};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::Duration;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

/// The currency that the story's people have.
const CURRENCY: &str = "EUR";
/// Whoever has less than this asks the payment provider for as much as that.
const PURSE_MINOR_MIN: i64 = 60_000;
const TOP_UP_MINOR: i64 = 100_000;
/// Paid orders that staff send in one step.
const SENT_AT_ONCE_MAX: i32 = 10;
/// Comments of the story that stand at once; older ones are deleted by who wrote them.
const COMMENTS_MAX: usize = 6;

/// Why a step of the story did not happen. The next one is tried all the same.
#[derive(Debug, thiserror::Error)]
pub enum StoryError {
    /// The endpoint did not answer.
    #[error("the endpoint does not answer")]
    Http(#[from] reqwest::Error),
    /// It answered with an error.
    #[error("refused: {0}")]
    Refused(String),
    /// A command was rejected.
    #[error("rejected: {0}")]
    Rejected(String),
    /// An answer without what was asked for.
    #[error("an answer that was not expected")]
    Unexpected,
    /// The same, as its reader says.
    #[error("an answer that was not expected")]
    Json(#[from] serde_json::Error),
}

/// Tells the story until shutdown, or until it has so many orders.
pub async fn tell(
    url: String,
    people: Vec<Person>,
    settings: StorySettings,
    shutdown: CancellationToken,
) -> Result<(), StoryError> {
    let mut story = Story::new(&Endpoint::new(url)?, &people);
    // Without staff, as in data of an older version, there is no story.
    story.staff.sign_in().await?;
    let mut ticks = tokio::time::interval(Duration::from_millis(settings.step_ms.max(1)));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for scene in (0..settings.orders_max).map(Scene) {
        for step in STEPS {
            if shutdown.run_until_cancelled(ticks.tick()).await.is_none() {
                return Ok(());
            }
            if let Some(Err(error)) = shutdown.run_until_cancelled(story.play(scene, step)).await {
                tracing::debug!(error = &error as &dyn std::error::Error, ?step, "a step of the story failed");
            }
        }
    }
    Ok(())
}

/// The people of the story, and what they have just done.
struct Story {
    people: Vec<Actor>,
    staff: Actor,
    /// Orders from before are left as they are: the demo shows them where they stand.
    since: OffsetDateTime,
    order: Option<String>,
    sold: Vec<(String, i32)>,
    comments: VecDeque<(usize, String)>,
}

impl Story {
    fn new(endpoint: &Endpoint, people: &[Person]) -> Self {
        Self {
            people: people.iter().map(|person| Actor::new(endpoint, person)).collect(),
            staff: Actor::new(endpoint, &seed::staff()),
            since: OffsetDateTime::now_utc(),
            order: None,
            sold: Vec::new(),
            comments: VecDeque::new(),
        }
    }

    async fn play(&mut self, scene: Scene, step: Step) -> Result<(), StoryError> {
        match step {
            Step::Order => self.place(scene).await,
            Step::Settle => self.settle(scene).await,
            Step::Ship => self.send("CONFIRMED", SHIP).await,
            Step::Deliver => self.send("SHIPPED", DELIVER).await,
            Step::Restock => self.restock().await,
            Step::Talk => self.talk(scene).await,
        }
    }

    fn person(&mut self, number: usize) -> Result<&mut Actor, StoryError> {
        self.people.get_mut(number).ok_or(StoryError::Unexpected)
    }

    async fn place(&mut self, scene: Scene) -> Result<(), StoryError> {
        (self.order, self.sold) = (None, Vec::new());
        let customer = self.customer(scene)?;
        let found: Products = customer.ask(PRODUCTS, json!({})).await?;
        let sold: Vec<Product> =
            found.products.nodes.into_iter().filter(|one| one.price.currency == CURRENCY).collect();
        let chosen = scene.products(sold.len()).into_iter().filter_map(|number| sold.get(number));
        let lines: Vec<(String, i32)> = chosen.map(|product| (product.id.clone(), scene.quantity())).collect();
        let wanted: Vec<Value> =
            lines.iter().map(|(id, quantity)| json!({ "productId": id, "quantity": quantity })).collect();
        let input = json!({ "lines": wanted, "deliveryAddress": "Mill Lane 9\n4711 Millbrook" });
        let placed = customer.command(PLACE, input).await?;
        fill_purse(customer).await?;
        self.order = placed["receipt"]["aggregateId"].as_str().map(str::to_owned);
        self.sold = lines;
        Ok(())
    }

    fn customer(&mut self, scene: Scene) -> Result<&mut Actor, StoryError> {
        let number = scene.customer(self.people.len());
        self.person(number)
    }

    /// Pays, and now and then cancels again. An order that cannot be paid stays pending until its time is over.
    async fn settle(&mut self, scene: Scene) -> Result<(), StoryError> {
        let Some(order) = self.order.clone() else { return Ok(()) };
        let customer = self.customer(scene)?;
        customer.command(PAY, json!({ "orderId": order })).await?;
        if !scene.is_regretted() {
            return Ok(());
        }
        customer.command(CANCEL, json!({ "orderId": order, "reason": "Changed my mind." })).await?;
        // It is in store again.
        self.sold.clear();
        Ok(())
    }

    /// Brings orders that stand somewhere one step on, if they are of this story's time.
    async fn send(&mut self, status: &str, mutation: &str) -> Result<(), StoryError> {
        let wanted = json!({ "status": status, "first": SENT_AT_ONCE_MAX });
        let found: Orders = self.staff.ask(ORDERS, wanted).await?;
        for order in found.orders.nodes.iter().filter(|order| order.is_since(self.since)) {
            match self.staff.command(mutation, json!({ "orderId": order.id })).await {
                // A visitor who plays staff was faster.
                Err(StoryError::Rejected(code)) => tracing::debug!(code, order = order.id, "not sent"),
                sent => {
                    sent?;
                }
            }
        }
        Ok(())
    }

    async fn restock(&mut self) -> Result<(), StoryError> {
        for (product, quantity) in std::mem::take(&mut self.sold) {
            self.staff.command(RESTOCK, json!({ "productId": product, "quantity": quantity })).await?;
        }
        Ok(())
    }

    async fn talk(&mut self, scene: Scene) -> Result<(), StoryError> {
        let talker = scene.talker(self.people.len());
        let person = self.person(talker)?;
        let found: Posts = person.ask(NEWEST_POST, json!({})).await?;
        let Some(post) = found.posts.nodes.first() else { return Ok(()) };
        let opinion = if post.viewer_has_liked { UNLIKE } else { LIKE };
        person.command(opinion, json!({ "postId": post.id })).await?;
        let said = person.command(COMMENT, json!({ "postId": post.id, "text": scene.remark() })).await?;
        if let Some(id) = said["receipt"]["aggregateId"].as_str() {
            self.comments.push_back((talker, id.to_owned()));
        }
        self.forget().await
    }

    async fn forget(&mut self) -> Result<(), StoryError> {
        while self.comments.len() > COMMENTS_MAX {
            let Some((talker, comment)) = self.comments.pop_front() else { break };
            self.person(talker)?.command(DELETE, json!({ "commentId": comment })).await?;
        }
        Ok(())
    }
}

/// Asks for money in time: the provider answers before the next step, or the one after.
async fn fill_purse(customer: &mut Actor) -> Result<(), StoryError> {
    let found: Wallets = customer.ask(WALLETS, json!({})).await?;
    let mut balances = found.viewer.wallets.iter().map(|wallet| &wallet.balance).filter(|one| one.currency == CURRENCY);
    if balances.any(|balance| balance.amount_minor.parse().is_ok_and(|minor: i64| minor >= PURSE_MINOR_MIN)) {
        return Ok(());
    }
    let amount = json!({ "amountMinor": TOP_UP_MINOR.to_string(), "currency": CURRENCY });
    customer.command(TOP_UP, json!({ "amount": amount })).await.map(|_| ())
}
