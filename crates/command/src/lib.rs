//! Commands: inputs, rules, handlers.
//!
//! Each noun's file has its commands: the GraphQL input, its parsing, a pure `decide`, the handler. [`Commands::execute`] takes all of them
//! the same way (`pipeline.rs`). Adding a command touches its noun's file, and one line where the schema lists mutations.
//!
//! There are no object types here: what a client reads comes from the read side, by the ids in an outcome.

pub mod auth;
mod command;
mod commands;
pub mod comment;
mod error;
mod failure;
mod fields;
pub mod follow;
mod idempotency;
pub mod like;
mod pipeline;
pub mod post;
mod receipt;
mod rows;
pub mod session;
mod unit_of_work;
pub mod user;

pub use auth::{Auth, SecretText, Session};
pub use command::{AggregateGlobalId, Command, Handled, IDEMPOTENCY_KEY_BYTES_MAX, KeyOwner, PasswordWork, Sender};
pub use commands::{Commands, Request, Settings, Swept};
pub use comment::{AddComment, DeleteComment, EditComment};
pub use error::{
    CommandError, CommandErrorCode, EmailTaken, IdempotencyKeyReused, InvalidCredentials, InvalidTransition,
    NotAllowed, NotFound, ValidationError, VersionConflict,
};
pub use failure::{CommandFailure, FailureCode, FailureReport, Fault, HandlerError};
pub use follow::{FollowUser, UnfollowUser};
pub use idempotency::{IDEMPOTENCY_KEPT, SERVER_SECRET_BYTES_MIN, ServerSecret, ShortSecret};
pub use like::{LikePost, UnlikePost};
pub use post::{CreatePost, DeletePost, EditPost, PublishPost, UnpublishPost};
pub use receipt::{Answer, CommandReceipt};
pub use session::{RefreshSession, SignIn, SignOut, SignOutEverywhere};
pub use unit_of_work::UnitOfWork;
pub use user::{GrantRole, SignUp, UpdateProfile};
