//! The objects in a mutation's payload: what the read side shows once it has reached the command.

use super::comment::Comment;
use super::context::RequestContext;
use super::error::Refusal;
use super::order::Order;
use super::post::Post;
use super::product::Product;
use super::user::User;
use super::wallet::Wallet;
use async_graphql::{Context, Result};
use millrace_events::{CommentId, ConsistencyToken, OrderId, PostId, ProductId, UserId, WalletId};
use std::future::Future;
use tokio::time::timeout;

/// An object that a command's payload can show.
pub trait AfterCommand: Sized + Send {
    /// What it is found by.
    type Id: Sync;

    /// The object, if there is one that the viewer may see.
    fn found(request: &RequestContext, id: &Self::Id) -> impl Future<Output = Result<Option<Self>, Refusal>> + Send;

    /// The object as it is after the command with this token; null, and `pending` noted, if the read side does not get there in time.
    ///
    /// From here on the whole request is owed the command.
    fn after(
        ctx: &Context<'_>,
        token: Option<&str>,
        id: &Self::Id,
    ) -> impl Future<Output = Result<Option<Self>>> + Send {
        async move {
            let request = RequestContext::of(ctx)?;
            let Some(token) = token.and_then(|token| token.parse::<ConsistencyToken>().ok()) else {
                request.note_pending();
                return Ok(None);
            };
            request.owe(&token);
            let limit = request.side().limits().payload_wait;
            match timeout(limit, Self::found(request, id)).await.unwrap_or(Err(Refusal::Timeout)) {
                Err(refusal) if refusal.retryable() => {
                    request.note_pending();
                    Ok(None)
                }
                found => Ok(found?),
            }
        }
    }
}

macro_rules! shown_after_commands {
    ($($object:ty, $id:ty;)+) => { $(
        impl AfterCommand for $object {
            type Id = $id;

            async fn found(request: &RequestContext, id: &$id) -> Result<Option<Self>, Refusal> {
                Self::find(request, *id).await
            }
        }
    )+ };
}

shown_after_commands! {
    User, UserId;
    Post, PostId;
    Comment, CommentId;
    Product, ProductId;
    Order, OrderId;
    Wallet, WalletId;
}
