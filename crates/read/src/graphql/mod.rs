//! The objects, queries and subscriptions of the schema: one file per noun.

mod after_command;
mod basis;
mod command_status;
mod comment;
mod connection;
mod context;
mod error;
mod feed_subscription;
mod follower;
mod gathered;
mod lag;
mod linked;
mod linked_provider;
mod listener;
mod live_event;
mod loader;
mod node;
mod order;
mod order_query;
mod page;
mod part;
mod pipeline;
mod post;
mod post_query;
mod post_subscription;
mod product;
mod product_query;
mod read_side;
mod remembered;
mod search;
mod shared;
mod shop_subscription;
mod shown;
mod standing;
mod telling;
mod user;
mod user_query;
mod waiting;
mod wallet;

#[cfg(test)]
mod tests;

pub use after_command::AfterCommand;
pub use command_status::CommandStatus;
pub use comment::Comment;
pub use context::{Asked, RequestContext};
pub use error::Refusal;
pub use follower::{Delivery, Execute, Executed, Follower};
pub use linked::ShownToken;
pub use live_event::{CommentAddedEvent, FeedEvent, LiveEvent, PostEvent};
pub use node::Node;
pub use order::Order;
pub use page::{PAGE_DEFAULT, PAGE_MAX};
pub use post::Post;
pub use product::Product;
pub use read_side::{AccessNotices, DocumentReader, LiveFeed, ReadLimits, ReadSettings, ReadSide};
pub use remembered::{Answers, Question, Remembered};
pub use shared::{Groups, Operation};
pub use user::User;
pub use user_query::Viewer;
pub use wallet::Wallet;

use async_graphql::{MergedObject, MergedSubscription};

/// Questions, answered from documents that are ready.
#[derive(MergedObject, Default)]
pub struct Query(
    node::NodeQuery,
    user_query::UserQuery,
    post_query::PostQuery,
    product_query::ProductQuery,
    order_query::OrderQuery,
    command_status::CommandQuery,
    pipeline::PipelineQuery,
);

/// Live updates. Each event carries the cursor to go on after; without `after` a snapshot comes first, and no hole after it.
#[derive(MergedSubscription, Default)]
pub struct Subscription(
    post_subscription::PostSubscription,
    feed_subscription::FeedSubscription,
    shop_subscription::ShopSubscription,
    command_status::CommandSubscription,
    pipeline::PipelineSubscription,
);
