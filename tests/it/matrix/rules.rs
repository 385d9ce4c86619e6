//! Who may do and ask what: a line for each mutation and each root field.

use Verdict::{Absent, Done, Forbidden, NotAllowed, Refused, SignIn};

/// What becomes of a mutation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is done.
    Done,
    /// Nobody may who is not signed in.
    SignIn,
    /// Not in this role.
    Forbidden,
    /// The very answer that comes for a thing that does not exist.
    Absent,
    /// It is there, but not theirs to change.
    NotAllowed,
    /// It may be theirs to change, but cannot be: the answer tells what it is at.
    Refused,
}

/// Where a mutation begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    /// Nothing that belongs to anybody.
    Nothing,
    /// A new account of the sender's own, which may be lost.
    Account,
    /// The sender's own session, of a new account.
    Session,
    /// A new account, and the token of the mail that verifies its address.
    Unverified,
    /// A new account of the sender's own, to which the provider is linked.
    Linked,
    /// A new account, and the token of the mail for its forgotten password.
    Forgotten,
    /// Another person.
    Person,
    /// A post of the owner's that everybody sees.
    Post,
    /// A draft of the owner's.
    Draft,
    /// A post of the owner's that staff hide.
    HiddenPost,
    /// A comment of the owner's on a post of the owner's.
    Comment,
    /// Such a comment that staff hide.
    HiddenComment,
    /// A product.
    Product,
    /// A product of which none is left.
    SoldOut,
    /// An order of the owner's that is not paid yet.
    Pending,
    /// One that is paid.
    Paid,
    /// One that is on its way.
    Shipped,
}

/// What becomes of a mutation if it is sent by nobody, another person, the owner, staff, an admin.
pub const MUTATIONS: &[(&str, Thing, [Verdict; 5])] = &[
    ("signUp", Thing::Nothing, [Done, Done, Done, Done, Done]),
    ("signIn", Thing::Account, [Done, Done, Done, Done, Done]),
    ("signInWithProvider", Thing::Nothing, [Done, Done, Done, Done, Done]),
    ("linkProvider", Thing::Account, [SignIn, Done, Done, Done, Done]),
    ("unlinkProvider", Thing::Linked, [SignIn, Done, Done, Done, Done]),
    ("refreshSession", Thing::Session, [Done, Done, Done, Done, Done]),
    ("signOut", Thing::Session, [SignIn, Done, Done, Done, Done]),
    ("signOutEverywhere", Thing::Session, [SignIn, Done, Done, Done, Done]),
    ("updateProfile", Thing::Account, [SignIn, Done, Done, Done, Done]),
    ("exportMyData", Thing::Account, [SignIn, Done, Done, Done, Done]),
    ("changePassword", Thing::Account, [SignIn, Done, Done, Done, Done]),
    ("changeEmail", Thing::Account, [SignIn, Done, Done, Done, Done]),
    ("verifyEmail", Thing::Unverified, [Done, Done, Done, Done, Done]),
    ("requestPasswordReset", Thing::Account, [Done, Done, Done, Done, Done]),
    ("resetPassword", Thing::Forgotten, [Done, Done, Done, Done, Done]),
    ("deactivateAccount", Thing::Account, [SignIn, Done, Done, Done, Done]),
    ("grantRole", Thing::Person, [SignIn, Forbidden, Forbidden, Forbidden, Done]),
    ("revokeRole", Thing::Person, [SignIn, Forbidden, Forbidden, Forbidden, Done]),
    ("eraseAccount", Thing::Account, [SignIn, Done, Done, Done, Done]),
    ("followUser", Thing::Person, [SignIn, Done, Done, Done, Done]),
    ("unfollowUser", Thing::Person, [SignIn, Done, Done, Done, Done]),
    ("createPost", Thing::Nothing, [SignIn, Done, Done, Done, Done]),
    ("editPost", Thing::Draft, [SignIn, Absent, Done, Absent, Absent]),
    ("editPost", Thing::Post, [SignIn, NotAllowed, Done, NotAllowed, NotAllowed]),
    ("publishPost", Thing::Draft, [SignIn, Absent, Done, Absent, Absent]),
    ("unpublishPost", Thing::Post, [SignIn, NotAllowed, Done, NotAllowed, NotAllowed]),
    ("editPost", Thing::HiddenPost, [SignIn, Absent, Done, Absent, Absent]),
    ("hidePost", Thing::Post, [SignIn, Forbidden, Forbidden, Done, Done]),
    ("hidePost", Thing::Draft, [SignIn, Forbidden, Forbidden, Done, Done]),
    ("unhidePost", Thing::HiddenPost, [SignIn, Forbidden, Forbidden, Done, Done]),
    ("deletePost", Thing::HiddenPost, [SignIn, Absent, Done, Absent, Absent]),
    ("deletePost", Thing::Draft, [SignIn, Absent, Done, Absent, Absent]),
    ("deletePost", Thing::Post, [SignIn, NotAllowed, Done, NotAllowed, NotAllowed]),
    ("addComment", Thing::Draft, [SignIn, Absent, NotAllowed, Absent, Absent]),
    ("addComment", Thing::HiddenPost, [SignIn, Absent, NotAllowed, Absent, Absent]),
    ("addComment", Thing::Post, [SignIn, Done, Done, Done, Done]),
    ("editComment", Thing::Comment, [SignIn, NotAllowed, Done, NotAllowed, NotAllowed]),
    ("deleteComment", Thing::Comment, [SignIn, NotAllowed, Done, NotAllowed, NotAllowed]),
    ("editComment", Thing::HiddenComment, [SignIn, Absent, Done, Absent, Absent]),
    ("deleteComment", Thing::HiddenComment, [SignIn, Absent, Done, Absent, Absent]),
    ("hideComment", Thing::Comment, [SignIn, Forbidden, Forbidden, Done, Done]),
    ("unhideComment", Thing::HiddenComment, [SignIn, Forbidden, Forbidden, Done, Done]),
    ("likePost", Thing::Draft, [SignIn, Absent, NotAllowed, Absent, Absent]),
    ("likePost", Thing::HiddenPost, [SignIn, Absent, NotAllowed, Absent, Absent]),
    ("likePost", Thing::Post, [SignIn, Done, Done, Done, Done]),
    ("unlikePost", Thing::Draft, [SignIn, Absent, NotAllowed, Absent, Absent]),
    ("unlikePost", Thing::Post, [SignIn, Done, Done, Done, Done]),
    ("createProduct", Thing::Nothing, [SignIn, Forbidden, Forbidden, Done, Done]),
    ("updateProduct", Thing::Product, [SignIn, Forbidden, Forbidden, Done, Done]),
    ("restockProduct", Thing::Product, [SignIn, Forbidden, Forbidden, Done, Done]),
    ("retireProduct", Thing::Product, [SignIn, Forbidden, Forbidden, Done, Done]),
    ("placeOrder", Thing::Product, [SignIn, Done, Done, Done, Done]),
    ("placeOrder", Thing::SoldOut, [SignIn, Refused, Refused, Refused, Refused]),
    ("payOrder", Thing::Pending, [SignIn, Absent, Done, NotAllowed, NotAllowed]),
    ("payOrder", Thing::Shipped, [SignIn, Absent, Refused, NotAllowed, NotAllowed]),
    ("cancelOrder", Thing::Shipped, [SignIn, Absent, Refused, Refused, Refused]),
    ("shipOrder", Thing::Pending, [SignIn, Forbidden, Forbidden, Refused, Refused]),
    ("shipOrder", Thing::Paid, [SignIn, Forbidden, Forbidden, Done, Done]),
    ("confirmDelivery", Thing::Shipped, [SignIn, Forbidden, Forbidden, Done, Done]),
    ("cancelOrder", Thing::Pending, [SignIn, Absent, Done, Done, Done]),
    ("cancelOrder", Thing::Paid, [SignIn, Absent, Done, Done, Done]),
    ("topUpWallet", Thing::Nothing, [SignIn, Done, Done, Done, Done]),
    ("transfer", Thing::Person, [SignIn, Done, Done, Done, Done]),
];

/// Who may ask for a root field at all, in the same order. What it then shows is the fields' matter.
pub const ROOTS: &[(&str, [Verdict; 5])] = &[
    ("Query.node", [Done, Done, Done, Done, Done]),
    ("Query.nodes", [Done, Done, Done, Done, Done]),
    ("Query.viewer", [Done, Done, Done, Done, Done]),
    ("Query.user", [Done, Done, Done, Done, Done]),
    ("Query.users", [Done, Done, Done, Done, Done]),
    ("Query.post", [Done, Done, Done, Done, Done]),
    ("Query.posts", [Done, Done, Done, Done, Done]),
    ("Query.feed", [SignIn, Done, Done, Done, Done]),
    ("Query.product", [Done, Done, Done, Done, Done]),
    ("Query.products", [Done, Done, Done, Done, Done]),
    ("Query.order", [Done, Done, Done, Done, Done]),
    ("Query.orders", [SignIn, Forbidden, Forbidden, Done, Done]),
    ("Query.commandStatus", [Done, Done, Done, Done, Done]),
    ("Query.pipelineLags", [SignIn, Forbidden, Forbidden, Forbidden, Done]),
    ("Subscription.pipeline", [SignIn, Forbidden, Forbidden, Forbidden, Done]),
    ("Subscription.postChanged", [Done, Done, Done, Done, Done]),
    ("Subscription.commentAdded", [Done, Done, Done, Done, Done]),
    ("Subscription.feedChanged", [SignIn, Done, Done, Done, Done]),
    ("Subscription.productChanged", [Done, Done, Done, Done, Done]),
    ("Subscription.orderChanged", [Done, Done, Done, Done, Done]),
    ("Subscription.viewerOrders", [SignIn, Done, Done, Done, Done]),
    ("Subscription.orders", [SignIn, Forbidden, Forbidden, Done, Done]),
    ("Subscription.walletChanged", [SignIn, Done, Done, Done, Done]),
    ("Subscription.commandProgress", [Done, Done, Done, Done, Done]),
];
