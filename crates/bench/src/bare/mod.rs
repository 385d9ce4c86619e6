//! The other side of each comparison: what the servers do when nothing of ours is on top.

pub mod history_server;
pub mod page_server;
pub mod pgbench;
mod server;
pub mod steps;
pub mod upserts;
