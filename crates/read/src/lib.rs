//! The read side: projections fold the log into documents, queries and subscriptions answer from them alone.

pub mod budget;
pub mod cache;
pub mod connect;
pub mod erasure;
pub mod graphql;
pub mod live;
pub mod models;
pub mod projection;
pub mod projector;
pub mod reader;
pub mod refold;
pub mod store;
pub mod trail;
