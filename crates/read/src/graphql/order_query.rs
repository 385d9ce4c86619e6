//! Queries for orders.

use super::connection::OrderConnection;
use super::context::RequestContext;
use super::error::Refusal;
use super::order::Order;
use super::page::{PAGE_DEFAULT, Page, PageArguments, Paging, Place, weight};
use crate::models::shop::customer::{self, Customer};
use crate::models::shop::order::{self, Status};
use crate::models::shop::{Shop, ShopDocument};
use async_graphql::{Context, ID, Object, Result};
use millrace_events::{OrderId, Position, UserId};
use std::sync::Arc;

/// Queries for orders.
#[derive(Debug, Default)]
pub struct OrderQuery;

#[Object]
impl OrderQuery {
    /// An order by id; null if there is none, or none that the viewer may see.
    async fn order(&self, ctx: &Context<'_>, #[graphql(desc = "The order's id.")] id: ID) -> Result<Option<Order>> {
        let id = OrderId::from_global(&id).map_err(Refusal::Id)?;
        Ok(Order::find(RequestContext::of(ctx)?, id).await?)
    }

    /// All orders, newest first. For staff.
    #[graphql(complexity = "weight(first, last) * child_complexity")]
    async fn orders(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only orders that stand here.")] status: Option<Status>,
        #[graphql(desc = "How many from the start, 1 to 100; 20 if neither `first` nor `last` is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<OrderConnection> {
        let request = RequestContext::of(ctx)?;
        request.staff()?;
        let paging = PageArguments { first, after, last, before }.parse(order::KIND)?;
        Ok(OrderConnection::new(list(request, standing(status), &paging).await?, &paging, Some))
    }
}

/// A page of a person's orders.
pub async fn orders_of(
    request: &RequestContext,
    person: UserId,
    arguments: &PageArguments,
) -> Result<OrderConnection, Refusal> {
    let paging = arguments.parse(order::KIND)?;
    let (page, total) = own(request, person, &paging).await?;
    Ok(OrderConnection::new(page, &paging, Some).counted(total))
}

/// A page of a person's orders, out of the one document of the newest if it reaches so far, and how many there are in all.
async fn own(request: &RequestContext, person: UserId, paging: &Paging) -> Result<(Page<Order>, u32), Refusal> {
    let found = request.load::<Shop>(&customer::key(person)).await?;
    let revision = found.as_ref().map_or(Position::START, |found| found.revision.position);
    let newest = found.and_then(|found| customer_in(found.document));
    let total = newest.as_ref().map_or(0, |customer| customer.order_count);
    let page = match newest.as_deref().map_or_else(|| Some(nothing()), |customer| out_of(customer, paging)) {
        Some(page) => page.filter_map(|page| Order::of_page(|| request.viewer(), page, revision)),
        None => list(request, vec![("customerId", vec![person.to_string()])], paging).await?,
    };
    Ok((page, total))
}

/// A person's newest orders.
pub async fn newest_of(request: &RequestContext, person: UserId) -> Result<Vec<Order>, Refusal> {
    let (page, _) = own(request, person, &Paging::first(PAGE_DEFAULT)).await?;
    Ok(page.entries.into_iter().map(|(_, order)| order).collect())
}

/// The newest orders of all that stand here.
pub async fn newest_orders(request: &RequestContext, status: Option<Status>) -> Result<Vec<Order>, Refusal> {
    let page = list(request, standing(status), &Paging::first(PAGE_DEFAULT)).await?;
    Ok(page.entries.into_iter().map(|(_, order)| order).collect())
}

fn standing(status: Option<Status>) -> Vec<(&'static str, Vec<String>)> {
    status.map(|status| ("status", vec![status.as_str().to_owned()])).into_iter().collect()
}

async fn list(
    request: &RequestContext,
    any_of: Vec<(&'static str, Vec<String>)>,
    paging: &Paging,
) -> Result<Page<Order>, Refusal> {
    let page = request.page::<Shop>(order::KIND, any_of, None, paging).await?;
    Ok(page.filter_map(|found| Order::shown_to(|| request.viewer(), found)))
}

fn nothing() -> Page<Arc<order::Order>> {
    Page { entries: vec![], more: false }
}

/// The page, if the newest orders, which are the beginning of the list, hold all of it.
fn out_of(customer: &Customer, paging: &Paging) -> Option<Page<Arc<order::Order>>> {
    let place = |order: &order::Order| Place::new(order.created_micros, order::key(order.id));
    let kept = customer.orders.iter().map(|order| (place(order), Arc::clone(order))).collect();
    Page::of_beginning(kept, customer.holds_all(), paging)
}

fn customer_in(document: ShopDocument) -> Option<Arc<Customer>> {
    match document {
        ShopDocument::Customer(customer) => Some(customer),
        ShopDocument::Product(_) | ShopDocument::Order(_) | ShopDocument::Wallet(_) | ShopDocument::Movement(_) => None,
    }
}
