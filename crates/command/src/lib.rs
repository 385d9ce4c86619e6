//! Commands: inputs, rules, handlers.
//!
//! Each noun's file has its commands: the GraphQL input, its parsing, a pure `decide`, the handler. [`Commands::execute`] takes all of
//! them the same way (`pipeline.rs`). There are no object types here: what a client reads comes from the read side, by the ids in an
//! outcome.
//!
//! To add a command: in its noun's file an input (named `…Input` in GraphQL, with a doc comment on every field, `idempotency_key`, and
//! `expected_version` if it changes something that is there), an outcome of ids, and `impl Command`; then one line where the schema
//! lists mutations. A handler locks what it changes and what it relies on in the order of [`millrace_events::AggregateKind`], asks a
//! pure function what shall happen, writes rows, and records events with the aggregate's next version. Whatever else a command needs
//! (idempotency, retries, COMMIT, sequencing, the receipt) is the pipeline's.
//!
//! Likes and follows have no `expected_version`: whoever sets what is so or not means it whatever was before, and sent twice it changes
//! nothing. Nor have commands that begin something, or that a mailed token or a sign-in stands for.
//!
//! A field that may be left out is skipped where an input is written, and a field that is added later is one of these: else a repeated
//! command would be another input to its idempotency key once the field is there.

mod account_rules;
pub mod auth;
mod command;
mod commands;
pub mod comment;
mod commit;
mod credentials;
pub mod erasure;
mod error;
pub mod export;
mod failure;
mod fault;
mod fields;
pub mod follow;
mod frame;
mod idempotency;
pub mod like;
pub mod mail;
pub mod order;
mod pipeline;
pub mod post;
pub mod product;
mod receipt;
mod rows;
pub mod session;
mod shop_rules;
mod sweep;
mod unit_of_work;
pub mod user;
pub mod wallet;
mod wallet_rules;

pub use account_rules::AccountRules;
pub use auth::{Auth, DataExport, SecretText, Session};
pub use command::{AggregateGlobalId, Command, Handled, IDEMPOTENCY_KEY_BYTES_MAX, KeyOwner, PasswordWork, Sender};
pub use commands::{Commands, NoticeOutcome, Request, Settings};
pub use comment::{AddComment, DeleteComment, EditComment, HideComment, UnhideComment};
pub use error::{
    AccountDeactivated, AccountNotLinked, CommandError, CommandErrorCode, CurrencyMismatch, EmailNotVerified,
    EmailTaken, IdempotencyKeyReused, IdentityTaken, InsufficientFunds, InvalidCredentials, InvalidIdToken,
    InvalidToken, InvalidTransition, LastAdmin, LimitReached, NotAllowed, NotFound, OnlyWayIn, OutOfStock,
    PasswordNotSet, PaymentOverdue, ProviderAlreadyLinked, ValidationError, VersionConflict, WalletFull,
};
pub use export::{Export, ExportLimits, ExportRefusal};
pub use failure::{CommandFailure, FailureCode, FailureReport};
pub use fault::{Fault, HandlerError};
pub use follow::{FollowUser, UnfollowUser};
pub use idempotency::{IDEMPOTENCY_KEPT, SERVER_SECRET_BYTES_MIN, ServerSecret, ShortSecret};
pub use like::{LikePost, UnlikePost};
pub use mail::{Mail, MailError, MailQueue, Mailed, Mailer};
pub use order::{CancelOrder, ConfirmDelivery, Expired, PayOrder, PlaceOrder, ShipOrder, Tried};
pub use post::{CreatePost, DeletePost, EditPost, HidePost, PublishPost, UnhidePost, UnpublishPost};
pub use product::{CreateProduct, RestockProduct, RetireProduct, UpdateProduct};
pub use receipt::{Answer, CommandReceipt};
pub use session::{RefreshSession, SignIn, SignInWithProvider, SignOut, SignOutEverywhere};
pub use shop_rules::ShopRules;
pub use sweep::Swept;
pub use unit_of_work::UnitOfWork;
pub use user::{
    ChangeEmail, ChangePassword, DeactivateAccount, EraseAccount, ExportMyData, GrantRole, LinkProvider,
    RequestPasswordReset, ResetPassword, RevokeRole, SignUp, UnlinkProvider, UpdateProfile, VerifyEmail,
};
pub use wallet::{PaymentNotice, PaymentResult, TopUpWallet, Transfer};
pub use wallet_rules::WalletRules;
