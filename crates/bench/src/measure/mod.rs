//! The comparisons.

pub mod buying;
pub mod fan_out;
pub mod mutations;
pub mod pages;
pub mod passwords;
pub mod read;
pub mod replay;
pub mod visible;
