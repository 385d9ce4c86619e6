//! Queries for products.

use super::connection::ProductConnection;
use super::context::RequestContext;
use super::error::Refusal;
use super::page::{PageArguments, weight};
use super::product::Product;
use super::search::words;
use crate::models::shop::Shop;
use crate::models::shop::product::{KIND, Offered, PRICE};
use crate::reader::Sort;
use async_graphql::{Context, Enum, ID, Object, Result};
use millrace_events::ProductId;

/// In which order products are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Enum)]
pub enum ProductSort {
    /// What came into the shop last comes first.
    #[default]
    Newest,
    /// What costs the least comes first. Prices are compared by their minor units alone, also where they are in different currencies.
    PriceLowest,
    /// What costs the most comes first. Prices are compared by their minor units alone, also where they are in different currencies.
    PriceHighest,
}

impl ProductSort {
    fn sort(self) -> Sort {
        match self {
            Self::Newest => Sort::NEWEST,
            Self::PriceLowest => Sort { field: PRICE, descending: false },
            Self::PriceHighest => Sort { field: PRICE, descending: true },
        }
    }
}

/// Queries for products.
#[derive(Debug, Default)]
pub struct ProductQuery;

#[Object]
impl ProductQuery {
    /// A product by id; null if there is none.
    async fn product(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The product's id.")] id: ID,
    ) -> Result<Option<Product>> {
        let id = ProductId::from_global(&id).map_err(Refusal::Id)?;
        Ok(Product::find(RequestContext::of(ctx)?, id).await?)
    }

    /// Products that are sold. Conditions that are given must all hold.
    #[graphql(complexity = "weight(first, last) * child_complexity")]
    #[expect(clippy::too_many_arguments, reason = "Relay's four, two conditions and the order")]
    async fn products(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only products that have one of these words; \"in quotes\" they must stand together.")]
        search: Option<String>,
        #[graphql(desc = "In which order.", default)] sort: ProductSort,
        #[graphql(desc = "True: only what can be bought now. False: only what is sold out.")] in_stock: Option<bool>,
        #[graphql(desc = "How many from the start, 1 to 100; 20 if neither `first` nor `last` is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<ProductConnection> {
        let paging = PageArguments { first, after, last, before }.parse_sorted(KIND, sort.sort())?;
        let any_of = vec![("offered", offered(in_stock))];
        let page = RequestContext::of(ctx)?.page::<Shop>(KIND, any_of, words("search", search)?, &paging).await?;
        Ok(ProductConnection::new(page, &paging, Product::of))
    }
}

fn offered(in_stock: Option<bool>) -> Vec<String> {
    let wanted: &[Offered] = match in_stock {
        None => &[Offered::InStock, Offered::SoldOut],
        Some(true) => &[Offered::InStock],
        Some(false) => &[Offered::SoldOut],
    };
    wanted.iter().map(|offered| offered.as_str().to_owned()).collect()
}
