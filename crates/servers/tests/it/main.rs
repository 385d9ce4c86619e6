//! Real servers are started, broken and started again.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod common;
mod death;
mod faults;
mod provide;
mod restarts;
