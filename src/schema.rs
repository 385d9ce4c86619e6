//! The schema: the only place where both sides meet.

use crate::mutations::Mutation;
use async_graphql::{Schema, SchemaBuilder};
use millrace_read::graphql::{LiveEvent, Query, Subscription};

/// Query and Subscription of the read side, Mutation of the command side.
pub type ApiSchema = Schema<Query, Mutation, Subscription>;

/// Selections nested deeper are refused. Introspection, as GraphiQL sends it, needs 14.
const DEPTH_MAX: usize = 15;
/// Sum of selected fields, connections counted as often as they may answer.
const COMPLEXITY_MAX: usize = 5_000;
const RECURSION_MAX: usize = 32;
const DIRECTIVES_PER_FIELD_MAX: usize = 5;

/// The schema before data and extensions are added.
pub fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation, Subscription::default())
        .register_output_type::<LiveEvent>()
        .limit_depth(DEPTH_MAX)
        .limit_complexity(COMPLEXITY_MAX)
        .limit_recursive_depth(RECURSION_MAX)
        .limit_directives(DIRECTIVES_PER_FIELD_MAX)
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
