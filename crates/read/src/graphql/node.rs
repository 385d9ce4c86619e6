//! Everything that has an id of its own and can be asked for by it.

use super::comment::Comment;
use super::context::RequestContext;
use super::error::Refusal;
use super::order::Order;
use super::page::PAGE_MAX;
use super::post::Post;
use super::product::Product;
use super::user::User;
use super::wallet::Wallet;
use async_graphql::{Context, ID, Interface, Object, Result};
use futures_util::future::try_join_all;
use millrace_events::{BigInt, GlobalId, Timestamp};

/// Everything that has an id of its own.
#[derive(Debug, Clone, Interface)]
#[expect(clippy::duplicated_attributes, reason = "two fields of one type are no double")]
#[graphql(
    field(name = "id", ty = "ID", desc = "Opaque id, good for `node`."),
    field(name = "version", ty = "Option<u32>", desc = "Version of the thing itself, for `expectedVersion`."),
    field(
        name = "revision",
        ty = "Option<BigInt>",
        desc = "Position in the log of the last change of what is shown: of two answers the one with the higher revision is newer."
    ),
    field(name = "created_at", ty = "Option<Timestamp>", desc = "When it came into being."),
    field(name = "updated_at", ty = "Option<Timestamp>", desc = "When its own fields changed last.")
)]
pub enum Node {
    /// A person.
    User(User),
    /// A post.
    Post(Post),
    /// A comment.
    Comment(Comment),
    /// A product.
    Product(Product),
    /// An order.
    Order(Order),
    /// A person's money in one currency.
    Wallet(Wallet),
}

/// Queries by id.
#[derive(Debug, Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// Anything by its id; null if there is none, or none that the viewer may see.
    async fn node(&self, ctx: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Result<Option<Node>> {
        Ok(find(RequestContext::of(ctx)?, &id).await?)
    }

    /// Several things by their ids, in the same order, with null for each that is not there. At most 100.
    #[graphql(complexity = "ids.len() * child_complexity")]
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Their ids.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>> {
        if ids.len() > PAGE_MAX {
            return Err(Refusal::LimitExceeded { limit: "ids", max: PAGE_MAX }.into());
        }
        let request = RequestContext::of(ctx)?;
        Ok(try_join_all(ids.iter().map(|id| find(request, id))).await?)
    }
}

async fn find(request: &RequestContext, id: &ID) -> Result<Option<Node>, Refusal> {
    Ok(match GlobalId::parse(id)? {
        GlobalId::UserId(id) => User::find(request, id).await?.map(Node::User),
        GlobalId::PostId(id) => Post::find(request, id).await?.map(Node::Post),
        GlobalId::CommentId(id) => Comment::find(request, id).await?.map(Node::Comment),
        GlobalId::ProductId(id) => Product::find(request, id).await?.map(Node::Product),
        GlobalId::OrderId(id) => Order::find(request, id).await?.map(Node::Order),
        GlobalId::WalletId(id) => Wallet::find(request, id).await?.map(Node::Wallet),
        GlobalId::TransactionId(_) | GlobalId::TopUpId(_) | GlobalId::ErasureId(_) => None,
        GlobalId::CommandId(_) | GlobalId::SessionId(_) => None,
    })
}
