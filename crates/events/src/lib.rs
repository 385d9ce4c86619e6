//! The contract between the sides: events, envelope, ids, values, sealing of personal data.
//!
//! Pure data: nothing here may touch a store. Commands write these types, the relay copies them, projections fold them.

pub mod aggregate;
pub mod catalogue;
pub mod comment;
pub mod envelope;
pub mod fail_point;
pub mod follow;
pub mod identity;
pub mod ids;
pub mod like;
pub mod log_types;
pub mod money;
pub mod order;
pub mod personal;
pub mod post;
pub mod product;
pub mod rule;
pub mod scalars;
pub mod seal;
pub mod token;
pub mod trace;
pub mod user;
pub mod values;
pub mod viewer;
pub mod wallet;

pub use aggregate::{Aggregate, AggregateKind};
pub use catalogue::{DecodeError, Event, EventKind};
pub use envelope::{Envelope, Recorded};
pub use ids::{
    CommandId, CommentId, ErasureId, EventId, GlobalId, OrderId, PostId, ProductId, SessionId, TopUpId, TransactionId,
    UserId, WalletId,
};
pub use log_types::{History, Position, Revision};
pub use money::{Currency, Money};
pub use personal::Personal;
pub use rule::rule;
pub use scalars::{BigInt, Date, Timestamp};
pub use seal::{KeyState, PersonKey};
pub use token::{ConsistencyToken, Required};
pub use trace::{MalformedTrace, Trace};
pub use viewer::{Role, Viewer};
