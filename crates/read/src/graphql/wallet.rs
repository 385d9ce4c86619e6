//! Wallets: their owners' and staff's to see. To everybody else they look as if they did not exist.

use super::connection::MovementConnection;
use super::context::RequestContext;
use super::error::Refusal;
use super::order::Order;
use super::page::{PageArguments, weight};
use super::read_side::Found;
use super::user::User;
use crate::models::shop::{Shop, ShopDocument, movement, wallet};
use async_graphql::{Context, ID, Object, Result, SimpleObject};
use millrace_events::wallet::MovementCause;
use millrace_events::{BigInt, Currency, Money, Position, Timestamp, TopUpId, TransactionId, UserId, Viewer, WalletId};
use std::sync::Arc;

/// The most wallets of one person that are listed: more than there are currencies, as a stranger's transfer opens one in any of them.
const WALLETS_MAX: usize = 200;

/// A wallet that the viewer may see.
#[derive(Debug, Clone)]
pub struct Wallet {
    page: Arc<wallet::Wallet>,
    revision: Position,
}

/// A person's money in one currency.
#[Object]
impl Wallet {
    /// Opaque id, good for `node`.
    pub(super) async fn id(&self) -> ID {
        ID(self.page.id.to_global())
    }

    /// Version of the wallet.
    pub(super) async fn version(&self) -> u32 {
        self.page.version
    }

    /// Position in the log of the last change of what is shown here.
    pub(super) async fn revision(&self) -> BigInt {
        self.revision.0.into()
    }

    /// When it was opened.
    pub(super) async fn created_at(&self) -> Timestamp {
        self.page.created_at
    }

    /// When it changed last.
    pub(super) async fn updated_at(&self) -> Timestamp {
        self.page.updated_at
    }

    /// In which currency.
    async fn currency(&self) -> Currency {
        self.page.balance.currency
    }

    /// What is in it.
    async fn balance(&self) -> Money {
        self.page.balance
    }

    /// Top-ups that the payment provider has not answered yet, the oldest first; at most the last ten.
    async fn pending_top_ups(&self) -> Vec<TopUp> {
        self.page.pending_top_ups.iter().map(TopUp::of).collect()
    }

    /// Every coming and going, the newest first.
    #[graphql(complexity = "weight(first, last) * child_complexity")]
    async fn statement(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start, 1 to 100; 20 if neither `first` nor `last` is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<MovementConnection> {
        let paging = PageArguments { first, after, last, before }.parse(movement::KIND)?;
        let any_of = vec![("walletId", vec![self.page.id.to_string()])];
        let page = RequestContext::of(ctx)?.page::<Shop>(movement::KIND, any_of, None, &paging).await?;
        Ok(MovementConnection::new(page, &paging, |found| movement_in(found.document).map(Movement)))
    }
}

/// Money that the payment provider was asked for.
#[derive(Debug, Clone, SimpleObject)]
pub struct TopUp {
    /// Which top-up.
    id: TopUpId,
    /// How much.
    amount: Money,
    /// When it was asked for.
    requested_at: Timestamp,
}

impl TopUp {
    fn of(top_up: &wallet::TopUp) -> Self {
        let wallet::TopUp { id, amount, requested_at } = top_up.clone();
        Self { id, amount, requested_at }
    }
}

/// A line of a wallet's statement.
#[derive(Debug, Clone)]
pub struct Movement(Arc<movement::Movement>);

/// One coming or going of money.
#[Object]
impl Movement {
    /// The movement of money. A transfer stands under it in both wallets.
    async fn transaction_id(&self) -> TransactionId {
        self.0.transaction_id
    }

    /// When.
    async fn at(&self) -> Timestamp {
        self.0.at
    }

    /// Why.
    async fn cause(&self) -> MovementCause {
        self.0.cause
    }

    /// How much; below zero for what went out.
    async fn amount(&self) -> Money {
        self.0.amount
    }

    /// What the wallet held then.
    async fn balance(&self) -> Money {
        self.0.balance
    }

    /// The order that was paid or refunded.
    async fn order(&self, ctx: &Context<'_>) -> Result<Option<Order>> {
        match self.0.order_id {
            Some(id) => Ok(Order::find(RequestContext::of(ctx)?, id).await?),
            None => Ok(None),
        }
    }

    /// Who sent or got a transfer; null also once that account is gone.
    async fn other(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        match self.0.other_user_id {
            Some(id) => Ok(User::find(RequestContext::of(ctx)?, id).await?),
            None => Ok(None),
        }
    }

    /// The sender's words with a transfer; null also once the sender is erased.
    async fn note(&self) -> Option<&str> {
        self.0.note.as_deref()
    }
}

impl Wallet {
    /// The wallet, if there is one that the viewer may see.
    pub async fn find(request: &RequestContext, id: WalletId) -> Result<Option<Self>, Refusal> {
        let found = request.load::<Shop>(&wallet::key(id)).await?;
        Ok(found.and_then(|found| Self::shown_to(|| request.viewer(), found)))
    }

    /// A person's wallets, the one that was opened last first.
    pub async fn of_person(request: &RequestContext, person: UserId) -> Result<Vec<Self>, Refusal> {
        let paging = super::page::Paging::first(WALLETS_MAX);
        let any_of = vec![("userId", vec![person.to_string()])];
        let page = request.page::<Shop>(wallet::KIND, any_of, None, &paging).await?;
        Ok(page.entries.into_iter().filter_map(|(_, found)| Self::shown_to(|| request.viewer(), found)).collect())
    }

    /// A document as a wallet, if it is one that this viewer may see.
    pub fn shown_to<'a>(viewer: impl FnOnce() -> &'a Viewer, found: Found<ShopDocument>) -> Option<Self> {
        match found.document {
            ShopDocument::Wallet(page) => {
                let viewer = viewer();
                let may_see = viewer.is(page.user_id) || viewer.is_staff();
                may_see.then_some(Self { page, revision: found.revision.position })
            }
            ShopDocument::Product(_)
            | ShopDocument::Order(_)
            | ShopDocument::Customer(_)
            | ShopDocument::Movement(_) => None,
        }
    }
}

fn movement_in(document: ShopDocument) -> Option<Arc<movement::Movement>> {
    match document {
        ShopDocument::Movement(movement) => Some(movement),
        ShopDocument::Product(_) | ShopDocument::Order(_) | ShopDocument::Customer(_) | ShopDocument::Wallet(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All codes that a currency could have.
    fn codes() -> impl Iterator<Item = String> {
        let letters = || 'A'..='Z';
        letters().flat_map(move |a| letters().flat_map(move |b| letters().map(move |c| [a, b, c].iter().collect())))
    }

    #[test]
    fn a_person_has_no_more_wallets_than_are_listed() {
        let currencies = codes().filter(|code| Currency::parse(code).is_ok()).count();
        assert!((150..=WALLETS_MAX).contains(&currencies), "{currencies}");
    }
}
