//! Live updates: subscribers get each change once, in order, and go on after a cursor where they were cut off.
//!
//! The store's `changes` are the truth. One [`Feed`] per process and projection follows them, woken by rings that may be lost,
//! and hands them to its [`Subscription`]s by topic.

mod audience;
mod cursor;
mod feed;
mod follow;
mod inbox;
mod notices;
mod redis;
mod registry;
mod run;
mod subscription;
mod withdrawals;

#[cfg(test)]
pub(crate) mod tests;

pub use audience::{Showing, may_see, showing};
pub use cursor::{Cursor, MalformedCursor};
pub use feed::{Feed, FeedError, FeedHealth, Progress};
pub use notices::{Notice, Notices};
pub use redis::{Heard, RedisRings};
pub use registry::{LiveLimits, SubscribeError};
pub use run::run;
pub use subscription::{Closing, Item, Request, Subscription};
pub use withdrawals::{Withdrawals, Withdrawn};
