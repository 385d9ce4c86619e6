//! The schema: the only place where both sides meet.

use crate::mutations::{CommandPayload, Mutation};
use async_graphql::{Schema, SchemaBuilder};
use millrace_read::graphql::{LiveEvent, Query, Subscription};

/// Query and Subscription of the read side, Mutation of the command side.
pub type ApiSchema = Schema<Query, Mutation, Subscription>;

/// A second line behind `millrace_document`, which counts everything that can be set: async-graphql walks a document by recursion.
const RECURSION_MAX: usize = 64;

/// The schema before data and extensions are added.
pub fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription::default())
        .register_output_type::<LiveEvent>()
        .register_output_type::<CommandPayload>()
        .limit_recursive_depth(RECURSION_MAX)
        .disable_suggestions()
}

/// The schema in the schema definition language.
pub fn sdl() -> String {
    let mut sdl = builder().finish().sdl();
    if !sdl.ends_with('\n') {
        sdl.push('\n');
    }
    sdl
}
