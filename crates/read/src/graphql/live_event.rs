//! What subscriptions tell. Every event but the last carries the cursor to go on after.

use super::comment::Comment;
use super::connection::PostConnection;
use super::order::Order;
use super::post::Post;
use super::product::Product;
use super::wallet::Wallet;
use crate::models::shop::order::Status;
use async_graphql::{ID, Interface, Object, SimpleObject, Union};
use millrace_events::{BigInt, CommandId, CommentId, OrderId, Position, PostId, Timestamp, WalletId};

/// When and by what something happened, and how to go on after it.
#[derive(Debug, Clone)]
pub struct Occasion {
    /// The cursor.
    pub cursor: String,
    /// The event's position; of a snapshot that of the last event in it.
    pub position: Position,
    /// When it was decided; of a snapshot when it was read.
    pub at: Timestamp,
    /// The command that caused it; none of a snapshot.
    pub command_id: Option<CommandId>,
}

macro_rules! live_events {
    ($( $(#[doc = $doc:literal])+ $event:ident { $( $(#[doc = $field_doc:literal])+ $field:ident: $type:ty, )+ } )+) => {
        $(
            $(#[doc = $doc])+
            #[derive(Debug, Clone)]
            pub struct $event {
                pub(super) occasion: Occasion,
                $( pub(super) $field: $type, )+
            }

            $(#[doc = $doc])+
            #[Object]
            impl $event {
                /// Give it as `after` to go on behind this event, on any instance.
                pub(super) async fn cursor(&self) -> &String {
                    &self.occasion.cursor
                }

                /// The event's position in the log; of a snapshot that of the last event in it.
                pub(super) async fn position(&self) -> BigInt {
                    self.occasion.position.0.into()
                }

                /// When it happened; of a snapshot when it was read.
                pub(super) async fn at(&self) -> Timestamp {
                    self.occasion.at
                }

                /// The command that caused it; null for a snapshot.
                pub(super) async fn command_id(&self) -> Option<ID> {
                    self.occasion.command_id.map(|id| ID(id.to_global()))
                }

                $(
                    $(#[doc = $field_doc])+
                    async fn $field(&self) -> &$type {
                        &self.$field
                    }
                )+
            }
        )+

        /// What every event of a subscription has, but the last one, `HistoryGone`.
        #[derive(Debug, Clone, Interface)]
        #[graphql(
            field(name = "cursor", ty = "&String", desc = "Give it as `after` to go on behind this event, on any instance."),
            field(name = "position", ty = "BigInt", desc = "The event's position in the log; of a snapshot that of the last event in it."),
            field(name = "at", ty = "Timestamp", desc = "When it happened; of a snapshot when it was read."),
            field(name = "command_id", ty = "Option<ID>", desc = "The command that caused it; null for a snapshot.")
        )]
        pub enum LiveEvent {
            $( $(#[doc = $doc])+ $event($event), )+
        }
    };
}

live_events! {
    /// The post as it is when the subscription begins.
    PostSnapshot {
        /// The post; null if there is none, or none that the viewer may see. Should it come into being, `PostChanged` tells.
        post: Option<Post>,
    }

    /// Something on the post changed: its text, its comments, its likes, who may see it.
    PostChanged {
        /// The post as it is now, at least as new as the change; null if it was deleted or hidden since, which a later event tells.
        post: Option<Post>,
    }

    /// The post was deleted, or hidden from the viewer.
    PostDeleted {
        /// Which post.
        post_id: PostId,
    }

    /// A post's newest comments when the subscription begins, and again when the post comes into sight, such as when it is hidden no longer.
    CommentsSnapshot {
        /// The post; null if there is none, or none that the viewer may see.
        post: Option<Post>,
        /// Its newest comments, newest first, at most 20.
        comments: Vec<Comment>,
    }

    /// Somebody commented, or staff show a comment again that they had hidden.
    CommentAdded {
        /// Which comment it is.
        comment_id: CommentId,
        /// The comment as it is now; null if it was deleted or hidden since.
        comment: Option<Comment>,
    }

    /// The feed when the subscription begins, and again whenever the viewer follows or unfollows somebody.
    FeedSnapshot {
        /// Its first page, newest first.
        posts: PostConnection,
    }

    /// Somebody whom the viewer follows published a post.
    FeedPostAdded {
        /// Which post.
        post_id: PostId,
        /// The post as it is now; null if it was deleted or hidden since, which a later event tells.
        post: Option<Post>,
    }

    /// Something on a post in the feed changed.
    FeedPostChanged {
        /// Which post.
        post_id: PostId,
        /// The post as it is now; null if it was deleted or hidden since, which a later event tells.
        post: Option<Post>,
    }

    /// A post left the feed: it was deleted or hidden.
    FeedPostGone {
        /// Which post.
        post_id: PostId,
    }

    /// The product as it is when the subscription begins.
    ProductSnapshot {
        /// The product; null if there is none.
        product: Option<Product>,
    }

    /// Something on the product changed: how it is described, its price, its stock.
    ProductChanged {
        /// The product as it is now, at least as new as the change.
        product: Option<Product>,
    }

    /// Orders as they are when the subscription begins: the one that is followed, or the newest ones.
    OrdersSnapshot {
        /// Those that the viewer may see, newest first, at most 20.
        orders: Vec<Order>,
    }

    /// A change of an order: it was placed, went on, or changed otherwise. Each is told once; what happened then stands here, whatever has
    /// become of the order since. Only a repair (`refold`) may have moved an order without saying from where to where.
    OrderChanged {
        /// Which order.
        order_id: OrderId,
        /// What happened: `order.placed`, `order.paid`, `order.shipped`, `order.delivered` or `order.cancelled`; `erasure` if an erased
        /// person's words went, `refold` if the order was repaired. A step with no `to` could not be shown, and waits for its repair.
        event: String,
        /// Where the order stood before; null if it was placed, and if the change was no step.
        from: Option<Status>,
        /// Where the order stood after it; null if the change was no step.
        to: Option<Status>,
        /// The order as it is now, at least as new as the change: it may have gone on since, which a later event tells.
        order: Option<Order>,
    }

    /// The viewer's wallets as they are when the subscription begins.
    WalletsSnapshot {
        /// One for each currency.
        wallets: Vec<Wallet>,
    }

    /// A wallet was opened, or money came in or went out.
    WalletChanged {
        /// Which wallet.
        wallet_id: WalletId,
        /// The wallet as it is now, at least as new as the change.
        wallet: Option<Wallet>,
    }
}

/// What came after the cursor is no longer kept. The last event: subscribe again without `after`, which begins with a snapshot.
#[derive(Debug, Clone, SimpleObject)]
pub struct HistoryGone {
    /// Always `HISTORY_GONE`.
    code: String,
    /// Words for a person.
    message: String,
}

impl Default for HistoryGone {
    fn default() -> Self {
        let message = "what came after the cursor is no longer kept: subscribe again without `after`";
        Self { code: "HISTORY_GONE".into(), message: message.into() }
    }
}

/// What `postChanged` tells.
#[derive(Debug, Clone, Union)]
pub enum PostEvent {
    /// The beginning.
    Snapshot(PostSnapshot),
    /// A change.
    Changed(PostChanged),
    /// It is gone.
    Deleted(PostDeleted),
    /// The end.
    HistoryGone(HistoryGone),
}

/// What `commentAdded` tells.
#[derive(Debug, Clone, Union)]
pub enum CommentAddedEvent {
    /// The beginning.
    Snapshot(CommentsSnapshot),
    /// A comment.
    Added(CommentAdded),
    /// The post is gone.
    Deleted(PostDeleted),
    /// The end.
    HistoryGone(HistoryGone),
}

/// What `feedChanged` tells.
#[derive(Debug, Clone, Union)]
pub enum FeedEvent {
    /// The beginning, or another feed.
    Snapshot(FeedSnapshot),
    /// A new post.
    Added(FeedPostAdded),
    /// A change.
    Changed(FeedPostChanged),
    /// A post is gone.
    Gone(FeedPostGone),
    /// The end.
    HistoryGone(HistoryGone),
}

/// What `productChanged` tells.
#[derive(Debug, Clone, Union)]
pub enum ProductEvent {
    /// The beginning.
    Snapshot(ProductSnapshot),
    /// A change.
    Changed(ProductChanged),
    /// The end.
    HistoryGone(HistoryGone),
}

/// What `orderChanged`, `viewerOrders` and `orders` tell.
#[derive(Debug, Clone, Union)]
pub enum OrderEvent {
    /// The beginning.
    Snapshot(OrdersSnapshot),
    /// A change.
    Changed(OrderChanged),
    /// The end.
    HistoryGone(HistoryGone),
}

/// What `walletChanged` tells.
#[derive(Debug, Clone, Union)]
pub enum WalletEvent {
    /// The beginning.
    Snapshot(WalletsSnapshot),
    /// A change.
    Changed(WalletChanged),
    /// The end.
    HistoryGone(HistoryGone),
}
