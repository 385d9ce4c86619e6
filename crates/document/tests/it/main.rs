//! What the first look takes, what it refuses, and how much work that is.

#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

mod costs;
mod dice;
mod every_limit;
mod generator;
mod many;
mod syntax;
mod tokens;
