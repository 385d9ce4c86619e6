//! The matrix: every role against every mutation, and against every field of another person's data. Both lists are the schema's own: what
//! is new there has to be given its rule here, or it fails.

pub mod cast;
mod commands;
mod fields;
mod live;
mod reads;
pub mod rules;
pub mod schema;
pub mod things;
