//! The four comparisons.

pub mod mutations;
pub mod read;
pub mod replay;
pub mod visible;
