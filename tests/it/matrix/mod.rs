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

use crate::harness::openid::OpenIdProvider;
use crate::harness::stage::Stage;
use crate::openid::stage_with;

/// Everything is asked for at once here, of which no client should have the right.
const LARGE_DOCUMENTS: [(&str, &str); 10] = [
    ("MILLRACE_LIMITS__QUERY_BYTES_MAX", "1000000"),
    ("MILLRACE_LIMITS__TOKENS_MAX", "100000"),
    ("MILLRACE_LIMITS__ALIASES_MAX", "100000"),
    ("MILLRACE_LIMITS__SELECTIONS_MAX", "100000"),
    ("MILLRACE_LIMITS__FRAGMENTS_MAX", "1000"),
    ("MILLRACE_LIMITS__DEPTH_MAX", "30"),
    ("MILLRACE_LIMITS__INTROSPECTION_LISTS_MAX", "10"),
    ("MILLRACE_LIMITS__COST_MAX", "1000000"),
    ("MILLRACE_LIMITS__SUBSCRIPTION_COST_MAX", "1000000"),
    ("MILLRACE_HTTP__SOCKET_MESSAGE_BYTES_MAX", "1000000"),
];

/// A stage whose processes take large documents, and the provider's tokens.
async fn stage(openid: &OpenIdProvider) -> Stage {
    let stage = stage_with(&[openid]).await;
    LARGE_DOCUMENTS.iter().fold(stage, |stage, (name, value)| stage.with(name, value))
}
