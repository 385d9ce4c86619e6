//! Who sees what: a word for each field of each type that a client can get at.

use Sees::{Admin, Everybody, Oneself, Owner};

/// Who sees a field of something that somebody may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sees {
    /// Everybody.
    Everybody,
    /// The person whose data it is, and staff.
    Owner,
    /// Only the person themselves, whoever else asks.
    Oneself,
    /// Admins alone.
    Admin,
}

/// Fields that nobody can be shown here: a snapshot has no command, an error that is about no single field has no path, and what tells
/// that a cursor's history is over is told in `faults/history.rs`, what is wrong with the pipeline in `pipeline.rs`, that a payment comes
/// too late in `expiry.rs`. That a wallet is full cannot be brought about by commands alone.
pub const NOT_SHOWN_HERE: &[&str] = &[
    "PostSnapshot.commandId",
    "CommentsSnapshot.commandId",
    "FeedSnapshot.commandId",
    "ProductSnapshot.commandId",
    "OrdersSnapshot.commandId",
    "WalletsSnapshot.commandId",
    "InsufficientFunds.path",
    "LimitReached.path",
    "WalletFull.code",
    "WalletFull.message",
    "WalletFull.path",
    "WalletFull.retryable",
    "PaymentOverdue.code",
    "PaymentOverdue.message",
    "PaymentOverdue.path",
    "PaymentOverdue.retryable",
    "PaymentOverdue.payUntil",
    "HistoryGone.code",
    "HistoryGone.message",
    "PipelineSample.troubles",
    "PipelineTrouble.part",
    "PipelineTrouble.message",
];

/// Every field of every type that queries and subscriptions lead to.
pub const FIELDS: &[(&str, Sees, &str)] = &[
    ("User", Everybody, "id version revision createdAt updatedAt firstName lastName fullName profileUrl avatarUrl bio"),
    ("User", Everybody, "postCount followerCount followingCount viewerFollows posts followers following"),
    ("User", Owner, "email emailVerified pendingEmail deactivated"),
    ("Viewer", Oneself, "user roles linkedProviders wallets orders"),
    ("LinkedProvider", Oneself, "issuer linkedAt"),
    ("Post", Everybody, "id version revision createdAt updatedAt title body tags status author commentCount likeCount"),
    ("Post", Everybody, "viewerHasLiked comments hidden"),
    ("Post", Owner, "hiddenAt hiddenReason"),
    ("Comment", Everybody, "id version revision createdAt updatedAt text author post hidden"),
    ("Comment", Owner, "hiddenAt hiddenReason"),
    (
        "Product",
        Everybody,
        "id version revision createdAt updatedAt name description imageUrl price stock inStock retired",
    ),
    ("Money", Everybody, "amountMinor currency"),
    (
        "Order",
        Owner,
        "id version revision createdAt updatedAt status customer customerName customerEmail deliveryAddress",
    ),
    (
        "Order",
        Owner,
        "lines totalPrice estimatedDelivery orderDate payUntil timeline payments cancelledBy cancelReason",
    ),
    ("OrderLine", Owner, "productId product productName productImage quantity price totalPrice"),
    ("OrderStep", Owner, "status at"),
    ("Payment", Owner, "transactionId kind amount at"),
    ("Wallet", Owner, "id version revision createdAt updatedAt currency balance pendingTopUps statement"),
    ("TopUp", Owner, "id amount requestedAt"),
    ("Movement", Owner, "transactionId at cause amount balance order other note"),
    ("CommandStatus", Owner, "id state firstPosition lastPosition decidedAt streamedMs aggregateId projections"),
    ("ProjectionStatus", Owner, "name state position receivedMs visibleMs"),
    ("PipelineLag", Admin, "at projection lagMs"),
    (
        "PipelineSample",
        Admin,
        "at beatAgeMs logPosition streamPosition relayBacklog eventsPerSecond toStream toSubscribers projections",
    ),
    ("PipelineSample", Admin, "subscribers deliveriesPerSecond events troubles"),
    ("Hop", Admin, "p50Ms p99Ms count"),
    ("PipelineProjection", Admin, "name position cachePosition eventsPerSecond backlog lagMs openFanOuts"),
    ("PipelineProjection", Admin, "parkedDocuments toProjector toCache isStuck"),
    ("PipelineEvent", Admin, "name projection position decidedAt toStreamMs toProjectorMs toCacheMs toSubscribersMs"),
    ("PipelineTrouble", Admin, "part message"),
    ("PageInfo", Everybody, "hasNextPage hasPreviousPage startCursor endCursor"),
    ("UserConnection", Everybody, "edges nodes pageInfo totalCount"),
    ("UserEdge", Everybody, "cursor node"),
    ("PostConnection", Everybody, "edges nodes pageInfo"),
    ("PostEdge", Everybody, "cursor node"),
    ("CommentConnection", Everybody, "edges nodes pageInfo totalCount"),
    ("CommentEdge", Everybody, "cursor node"),
    ("ProductConnection", Everybody, "edges nodes pageInfo"),
    ("ProductEdge", Everybody, "cursor node"),
    ("OrderConnection", Owner, "edges nodes pageInfo totalCount"),
    ("OrderEdge", Owner, "cursor node"),
    ("MovementConnection", Owner, "edges nodes pageInfo"),
    ("MovementEdge", Owner, "cursor node"),
    ("PostSnapshot", Everybody, "cursor position at commandId post"),
    ("PostChanged", Everybody, "cursor position at commandId post"),
    ("PostDeleted", Everybody, "cursor position at commandId postId"),
    ("CommentsSnapshot", Everybody, "cursor position at commandId post comments"),
    ("CommentAdded", Everybody, "cursor position at commandId commentId comment"),
    ("FeedSnapshot", Oneself, "cursor position at commandId posts"),
    ("FeedPostAdded", Oneself, "cursor position at commandId postId post"),
    ("FeedPostChanged", Oneself, "cursor position at commandId postId post"),
    ("FeedPostGone", Oneself, "cursor position at commandId postId"),
    ("ProductSnapshot", Everybody, "cursor position at commandId product"),
    ("ProductChanged", Everybody, "cursor position at commandId product"),
    // Whoever asks for an order that is not theirs is told of none: the snapshot is there, and empty.
    ("OrdersSnapshot", Everybody, "cursor position at commandId"),
    ("OrdersSnapshot", Owner, "orders"),
    ("OrderChanged", Owner, "cursor position at commandId orderId event from to order"),
    ("WalletsSnapshot", Oneself, "cursor position at commandId wallets"),
    ("WalletChanged", Oneself, "cursor position at commandId walletId wallet"),
    ("HistoryGone", Everybody, "code message"),
];

/// The fields of payloads beside receipt and errors, and of what only payloads lead to: whose they are. What is everybody's may be
/// another person's, and then shows what everybody sees of it; the owner's goes to those who may see all of it; one's own is the
/// sender's.
const PAYLOADS: &[(&str, Sees, &str)] = &[
    ("SignUpPayload SignInPayload SignInWithProviderPayload RefreshSessionPayload", Oneself, "user session"),
    ("UpdateProfilePayload ChangePasswordPayload ChangeEmailPayload", Oneself, "user"),
    ("LinkProviderPayload UnlinkProviderPayload", Oneself, "user"),
    ("ExportMyDataPayload", Oneself, "export"),
    ("EraseAccountPayload", Oneself, "erasedUserId erasureReceiptId"),
    // The token in the mail is enough, whoever is signed in.
    ("VerifyEmailPayload", Everybody, "user"),
    ("FollowUserPayload UnfollowUserPayload", Everybody, "user"),
    ("GrantRolePayload RevokeRolePayload", Owner, "user"),
    ("CreatePostPayload EditPostPayload PublishPostPayload UnpublishPostPayload", Oneself, "post"),
    ("DeletePostPayload", Oneself, "deletedPostId"),
    ("HidePostPayload UnhidePostPayload", Owner, "post"),
    ("AddCommentPayload", Everybody, "comment post"),
    ("EditCommentPayload", Oneself, "comment post"),
    ("DeleteCommentPayload", Oneself, "post deletedCommentId"),
    ("HideCommentPayload UnhideCommentPayload", Owner, "comment post"),
    ("LikePostPayload UnlikePostPayload", Everybody, "post"),
    ("CreateProductPayload UpdateProductPayload RestockProductPayload RetireProductPayload", Owner, "product"),
    ("PlaceOrderPayload PayOrderPayload", Oneself, "order"),
    ("ShipOrderPayload ConfirmDeliveryPayload CancelOrderPayload", Owner, "order"),
    ("TopUpWalletPayload", Oneself, "wallet topUpId"),
    ("TransferPayload", Oneself, "wallet"),
    ("Session", Oneself, "accessToken refreshToken expiresAt"),
    ("DataExport", Oneself, "url expiresAt"),
    ("CommandReceipt", Everybody, "commandId accepted replayed aggregateId version acceptedAt consistencyToken"),
    ("ValidationError NotFound NotAllowed IdempotencyKeyReused", Everybody, "code message path retryable"),
    (
        "InvalidCredentials InvalidToken EmailTaken AccountDeactivated LastAdmin",
        Everybody,
        "code message path retryable",
    ),
    ("InvalidIdToken EmailNotVerified AccountNotLinked", Everybody, "code message path retryable"),
    ("IdentityTaken ProviderAlreadyLinked OnlyWayIn PasswordNotSet", Oneself, "code message path retryable"),
    ("CurrencyMismatch WalletFull", Everybody, "code message path retryable"),
    ("OutOfStock", Everybody, "code message path retryable productId available"),
    ("LimitReached", Everybody, "code message path retryable limit max"),
    ("InsufficientFunds", Oneself, "code message path retryable balance missing"),
    ("VersionConflict", Owner, "code message path retryable expected actual"),
    ("InvalidTransition", Owner, "code message path retryable from to"),
    ("PaymentOverdue", Owner, "code message path retryable payUntil"),
];

/// What every payload has: whoever sends a mutation is told so much.
const TOLD_EVERY_SENDER: [&str; 2] = ["receipt", "errors"];

/// What a field's rule is; fails for one that has none.
pub fn sees(field: &str) -> Sees {
    let (of, name) = field.split_once('.').expect("a type and a field");
    if of.ends_with("Payload") && TOLD_EVERY_SENDER.contains(&name) {
        return Everybody;
    }
    let is_in = |list: &str, one: &str| list.split(' ').any(|listed| listed == one);
    let rule = FIELDS.iter().chain(PAYLOADS).find(|(types, _, names)| is_in(types, of) && is_in(names, name));
    rule.unwrap_or_else(|| panic!("who sees {field}? It has no rule")).1
}
