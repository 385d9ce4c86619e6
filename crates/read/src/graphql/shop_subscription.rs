//! Live products, orders and wallets.

use super::context::RequestContext;
use super::error::Refusal;
use super::live_event::{
    Occasion, OrderChanged, OrderEvent, OrdersSnapshot, ProductChanged, ProductEvent, ProductSnapshot, WalletChanged,
    WalletEvent, WalletsSnapshot,
};
use super::order::Order;
use super::order_query::{newest_of, newest_orders};
use super::part::Happening;
use super::product::Product;
use super::read_side::Found;
use super::telling::{Item, Teller, Told, Wanted, cursor, events};
use super::wallet::Wallet;
use crate::models::shop::order::{Status, Step};
use crate::models::shop::{ORDERS_TOPIC, Shop, order, orders_topic, product, standing_topic, wallet, wallets_topic};
use crate::projection::Change;
use async_graphql::{Context, ID, Result, Subscription};
use futures_util::Stream;
use millrace_events::{OrderId, ProductId, UserId};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Subscriptions to the shop.
#[derive(Debug, Default)]
pub struct ShopSubscription;

#[Subscription]
impl ShopSubscription {
    /// A product: a snapshot first, then each change of its description, price or stock. With `after`: each change after that cursor.
    async fn product_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The product's id.")] id: ID,
        #[graphql(desc = "The cursor of the last event that was received.")] after: Option<String>,
    ) -> Result<impl Stream<Item = Result<ProductEvent>> + use<>> {
        let request = Arc::clone(RequestContext::of(ctx)?);
        let id = ProductId::from_global(&id).map_err(Refusal::Id)?;
        let key = product::key(id);
        let topics = BTreeSet::from([key.to_string()]);
        let wanted = Wanted { topics, documents: vec![key], after: cursor(after)? };
        let teller = ProductTeller { request: Arc::clone(&request), id };
        Ok(events(request, wanted, teller).await?)
    }

    /// An order of the viewer's, or any for staff: a snapshot first, then each of its changes once, in order. With `after`: each change
    /// after that cursor.
    async fn order_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order's id.")] id: ID,
        #[graphql(desc = "The cursor of the last event that was received.")] after: Option<String>,
    ) -> Result<impl Stream<Item = Result<OrderEvent>> + use<>> {
        let request = Arc::clone(RequestContext::of(ctx)?);
        let id = OrderId::from_global(&id).map_err(Refusal::Id)?;
        let key = order::key(id);
        let topics = BTreeSet::from([key.to_string()]);
        let wanted = Wanted { topics, documents: vec![key], after: cursor(after)? };
        Ok(events(Arc::clone(&request), wanted, OrderTeller { request, begin: Beginning::Order }).await?)
    }

    /// The viewer's orders: the newest first, then each change of any of them once, in order. With `after`: each change after that
    /// cursor.
    async fn viewer_orders(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The cursor of the last event that was received.")] after: Option<String>,
    ) -> Result<impl Stream<Item = Result<OrderEvent>> + use<>> {
        let request = Arc::clone(RequestContext::of(ctx)?);
        let viewer = request.person()?.user_id;
        let wanted =
            Wanted { topics: BTreeSet::from([orders_topic(viewer)]), documents: vec![], after: cursor(after)? };
        let teller = OrderTeller { request: Arc::clone(&request), begin: Beginning::Own(viewer) };
        Ok(events(request, wanted, teller).await?)
    }

    /// All orders: the newest first, then each change of any of them once, in order. With `after`: each change after that cursor. For
    /// staff.
    async fn orders(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only orders that stand here, come here (`to`) or leave (`from`), however soon they go on.")]
        status: Option<Status>,
        #[graphql(desc = "The cursor of the last event that was received.")] after: Option<String>,
    ) -> Result<impl Stream<Item = Result<OrderEvent>> + use<>> {
        let request = Arc::clone(RequestContext::of(ctx)?);
        request.staff()?;
        let topic = status.map_or_else(|| ORDERS_TOPIC.to_owned(), standing_topic);
        let wanted = Wanted { topics: BTreeSet::from([topic]), documents: vec![], after: cursor(after)? };
        Ok(events(Arc::clone(&request), wanted, OrderTeller { request, begin: Beginning::All(status) }).await?)
    }

    /// The viewer's wallets: as they are first, then each coming and going of money. With `after`: each change after that cursor.
    async fn wallet_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The cursor of the last event that was received.")] after: Option<String>,
    ) -> Result<impl Stream<Item = Result<WalletEvent>> + use<>> {
        let request = Arc::clone(RequestContext::of(ctx)?);
        let viewer = request.person()?.user_id;
        let wanted =
            Wanted { topics: BTreeSet::from([wallets_topic(viewer)]), documents: vec![], after: cursor(after)? };
        Ok(events(Arc::clone(&request), wanted, WalletTeller { request, viewer }).await?)
    }
}

struct ProductTeller {
    request: Arc<RequestContext>,
    id: ProductId,
}

impl Teller for ProductTeller {
    type Projection = Shop;
    type Event = ProductEvent;

    async fn tell(&self, item: Item<Self>) -> Result<Told<ProductEvent>, Refusal> {
        Ok(match item {
            Happening::Snapshot(occasion, documents) => {
                let found = documents.into_iter().next();
                let product = found.and_then(|(_, revision, document)| Product::of(Found { revision, document }));
                Told::Event(ProductEvent::Snapshot(ProductSnapshot { occasion, product }))
            }
            Happening::Changed(occasion, _) => {
                let product = Product::find(&self.request, self.id).await?;
                Told::Event(ProductEvent::Changed(ProductChanged { occasion, product }))
            }
            Happening::Gone(..) => Told::Nothing,
        })
    }
}

/// With which orders a subscription begins.
enum Beginning {
    /// The one that is followed.
    Order,
    /// A person's newest.
    Own(UserId),
    /// The newest of all, or of those that stand here.
    All(Option<Status>),
}

struct OrderTeller {
    request: Arc<RequestContext>,
    begin: Beginning,
}

impl Teller for OrderTeller {
    type Projection = Shop;
    type Event = OrderEvent;

    async fn tell(&self, item: Item<Self>) -> Result<Told<OrderEvent>, Refusal> {
        match item {
            Happening::Snapshot(occasion, documents) => {
                let found = documents.into_iter().map(|(_, revision, document)| Found { revision, document });
                let orders = match self.begin {
                    Beginning::Order => {
                        found.filter_map(|found| Order::shown_to(|| self.request.viewer(), found)).collect()
                    }
                    Beginning::Own(person) => newest_of(&self.request, person).await?,
                    Beginning::All(status) => newest_orders(&self.request, status).await?,
                };
                Ok(Told::Event(OrderEvent::Snapshot(OrdersSnapshot { occasion, orders })))
            }
            Happening::Changed(occasion, change) => self.changed(occasion, &change).await,
            Happening::Gone(..) => Ok(Told::Nothing),
        }
    }
}

impl OrderTeller {
    /// What happened is taken from the change: the order that is shown with it may have gone on since.
    async fn changed(&self, occasion: Occasion, change: &Change) -> Result<Told<OrderEvent>, Refusal> {
        let Some(order_id) = order::id_in(&change.key) else { return Ok(Told::Nothing) };
        let (event, step) = (change.event.clone(), Step::of(change));
        let (from, to) = (step.and_then(|step| step.from), step.map(|step| step.to));
        let Some(order) = Order::find(&self.request, order_id).await? else { return Ok(Told::Nothing) };
        let told = OrderChanged { occasion, order_id, event, from, to, order: Some(order) };
        Ok(Told::Event(OrderEvent::Changed(told)))
    }
}

struct WalletTeller {
    request: Arc<RequestContext>,
    viewer: UserId,
}

impl Teller for WalletTeller {
    type Projection = Shop;
    type Event = WalletEvent;

    async fn tell(&self, item: Item<Self>) -> Result<Told<WalletEvent>, Refusal> {
        match item {
            Happening::Snapshot(occasion, _) => {
                let wallets = Wallet::of_person(&self.request, self.viewer).await?;
                Ok(Told::Event(WalletEvent::Snapshot(WalletsSnapshot { occasion, wallets })))
            }
            Happening::Changed(occasion, change) => {
                let Some(wallet_id) = wallet::id_in(&change.key) else { return Ok(Told::Nothing) };
                let wallet = Wallet::find(&self.request, wallet_id).await?;
                Ok(Told::Event(WalletEvent::Changed(WalletChanged { occasion, wallet_id, wallet })))
            }
            Happening::Gone(..) => Ok(Told::Nothing),
        }
    }
}
