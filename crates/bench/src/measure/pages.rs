//! The pages that are read: how our query role is asked for each of them.

use crate::dice::{Dice, Zipf};
use crate::http::{Answer, graphql};
use crate::plan::{HISTORY, POSTS, ZIPF_EXPONENT};
use crate::tokens::Tokens;
use crate::world::ids;
use crate::world::shop::Shop;

const POST: &str = "query Page($id: ID!) { post(id: $id) { id title body tags createdAt commentCount likeCount \
    author { id fullName avatarUrl } comments(first: 20) { nodes { id text createdAt author { id fullName avatarUrl } } } } }";
const ORDER: &str = "query Order($id: ID!) { order(id: $id) { id status customerName customerEmail deliveryAddress \
    orderDate estimatedDelivery totalPrice { amountMinor currency } lines { productId productName productImage quantity \
    price { amountMinor currency } totalPrice { amountMinor currency } } timeline { status at } \
    payments { kind at amount { amountMinor currency } } } }";
const ORDERS: &str = "query Orders($first: Int) { viewer { orders(first: $first) { totalCount nodes { id status orderDate \
    estimatedDelivery totalPrice { amountMinor currency } lines { productName quantity totalPrice { amountMinor currency } } } } } }";

/// Pages of one kind.
pub struct Pages {
    /// What they are, in one word.
    pub name: &'static str,
    /// What they are, for the table.
    pub title: String,
    /// True if a JOIN in PostgreSQL gives the same.
    pub are_joined: bool,
    requests: Vec<Vec<u8>>,
    /// How an answer begins that is such a page, in any form of it.
    pub begin: &'static [u8],
    popularity: Zipf,
}

impl Pages {
    fn new(name: &'static str, title: &str, begin: &'static [u8], requests: Vec<Vec<u8>>) -> Self {
        let count = u32::try_from(requests.len()).unwrap_or(u32::MAX);
        let popularity = Zipf::new(count, ZIPF_EXPONENT);
        Self { name, title: title.to_owned(), are_joined: false, requests, begin, popularity }
    }

    /// A post, its author, its 20 newest comments: anybody's to read.
    pub fn of_posts() -> Self {
        let ask = |post| request(None, POST, &format!(r#"{{"id":"{}"}}"#, ids::post(post).to_global()));
        let begin = br#"{"data":{"post":{"id":"#;
        Self::new("pages", "a post, its author, its 20 newest comments", begin, (0..POSTS).map(ask).collect())
    }

    /// The whole page of an order, for its customer.
    pub fn of_orders(shop: &Shop, tokens: &Tokens) -> Self {
        let orders = shop.orders.iter().flat_map(|(customer, orders)| orders.iter().map(|id| (*customer, id)));
        let ask =
            |(customer, id): (u32, &String)| request(Some(tokens.of(customer)), ORDER, &format!(r#"{{"id":"{id}"}}"#));
        Self::new("orders", "the whole page of an order", br#"{"data":{"order":{"id":"#, orders.map(ask).collect())
    }

    /// The first page of a customer's order history.
    pub fn of_histories(shop: &Shop, tokens: &Tokens) -> Self {
        let variables = format!(r#"{{"first":{HISTORY}}}"#);
        let ask = |(customer, _): &(u32, Vec<String>)| request(Some(tokens.of(*customer)), ORDERS, &variables);
        let requests = shop.orders.iter().map(ask).collect();
        let title = format!("a customer's {HISTORY} newest orders");
        Self {
            are_joined: true,
            ..Self::new("histories", &title, br#"{"data":{"viewer":{"orders":{"totalCount":"#, requests)
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.requests.len()
    }

    /// The bytes that ask for one.
    pub fn request(&self, number: usize) -> &[u8] {
        self.requests.get(number).map_or(&[], Vec::as_slice)
    }

    /// One as readers choose it.
    pub fn some(&self, dice: &mut Dice) -> usize {
        self.popularity.draw(dice) as usize
    }

    /// True if the answer is one of them.
    pub fn are_in(&self, answer: &Answer<'_>) -> bool {
        answer.status == 200 && answer.body.starts_with(self.begin)
    }
}

fn request(token: Option<&str>, query: &str, variables: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    graphql(token, &format!(r#"{{"query":"{query}","variables":{variables}}}"#), &mut bytes);
    bytes
}
