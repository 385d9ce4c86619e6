//! What the story's people send, and the part of the answers that they look at.

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub const PRODUCTS: &str = "{ products(first: 100, inStock: true) { nodes { id price { amountMinor currency } } } }";
pub const ORDERS: &str =
    "query($status: OrderStatus!, $first: Int!) { orders(status: $status, first: $first) { nodes { id orderDate } } }";
pub const WALLETS: &str = "{ viewer { wallets { balance { amountMinor currency } } } }";
pub const NEWEST_POST: &str = "{ posts(first: 1) { nodes { id viewerHasLiked } } }";
pub const PLACE: &str = "mutation($input: PlaceOrderInput!) { done: placeOrder(input: $input) { receipt { aggregateId } errors { code } } }";
pub const PAY: &str = "mutation($input: PayOrderInput!) { done: payOrder(input: $input) { errors { code } } }";
pub const TOP_UP: &str = "mutation($input: TopUpWalletInput!) { done: topUpWallet(input: $input) { errors { code } } }";
pub const CANCEL: &str = "mutation($input: CancelOrderInput!) { done: cancelOrder(input: $input) { errors { code } } }";
pub const SHIP: &str = "mutation($input: ShipOrderInput!) { done: shipOrder(input: $input) { errors { code } } }";
pub const DELIVER: &str =
    "mutation($input: ConfirmDeliveryInput!) { done: confirmDelivery(input: $input) { errors { code } } }";
pub const RESTOCK: &str =
    "mutation($input: RestockProductInput!) { done: restockProduct(input: $input) { errors { code } } }";
pub const LIKE: &str = "mutation($input: LikePostInput!) { done: likePost(input: $input) { errors { code } } }";
pub const UNLIKE: &str = "mutation($input: UnlikePostInput!) { done: unlikePost(input: $input) { errors { code } } }";
pub const COMMENT: &str = "mutation($input: AddCommentInput!) { done: addComment(input: $input) { receipt { aggregateId } errors { code } } }";
pub const DELETE: &str =
    "mutation($input: DeleteCommentInput!) { done: deleteComment(input: $input) { errors { code } } }";

#[derive(Deserialize)]
pub struct Nodes<T> {
    pub nodes: Vec<T>,
}

#[derive(Deserialize)]
pub struct Products {
    pub products: Nodes<Product>,
}

#[derive(Deserialize)]
pub struct Product {
    pub id: String,
    pub price: Money,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Money {
    pub amount_minor: String,
    pub currency: String,
}

#[derive(Deserialize)]
pub struct Wallets {
    pub viewer: Purse,
}

#[derive(Deserialize)]
pub struct Purse {
    pub wallets: Vec<Wallet>,
}

#[derive(Deserialize)]
pub struct Wallet {
    pub balance: Money,
}

#[derive(Deserialize)]
pub struct Orders {
    pub orders: Nodes<Order>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    pub id: String,
    pub order_date: String,
}

#[derive(Deserialize)]
pub struct Posts {
    pub posts: Nodes<Post>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Post {
    pub id: String,
    pub viewer_has_liked: bool,
}

impl Order {
    /// True if it was placed then or later.
    pub fn is_since(&self, moment: OffsetDateTime) -> bool {
        OffsetDateTime::parse(&self.order_date, &Rfc3339).is_ok_and(|placed| placed >= moment)
    }
}
