//! What can be sent with a token whose sign-in has ended: the mutations that end sign-ins, so that sending one again gets its answer.

use crate::mutations::takes_ended_sign_ins;
use async_graphql::parser::parse_query;
use async_graphql::parser::types::{DocumentOperations, OperationType, Selection};

/// True if a request is one mutation of nothing but such fields.
pub fn may_send(query: &str) -> bool {
    let Ok(document) = parse_query(query) else { return false };
    let operation = match &document.operations {
        DocumentOperations::Single(operation) => operation,
        DocumentOperations::Multiple(operations) if operations.len() == 1 => match operations.values().next() {
            Some(operation) => operation,
            None => return false,
        },
        DocumentOperations::Multiple(_) => return false,
    };
    let fields = &operation.node.selection_set.node.items;
    operation.node.ty == OperationType::Mutation
        && fields.iter().all(|selection| match &selection.node {
            Selection::Field(field) => takes_ended_sign_ins(&field.node.name.node),
            Selection::FragmentSpread(_) | Selection::InlineFragment(_) => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_ends_a_sign_in_can_be_sent_after_its_end() {
        for query in [
            "mutation { signOut(input: {}) { errors { code } } }",
            "mutation M { a: eraseAccount { x } }",
            "mutation { deactivateAccount { x } }",
        ] {
            assert!(may_send(query), "{query}");
        }
        for query in [
            "{ viewer { user { id } } }",
            "query { signOut }",
            "mutation { signOut { x } createPost { x } }",
            "mutation { changePassword { x } }",
            "mutation { ...F } fragment F on Mutation { signOut { x } }",
            "mutation A { signOut { x } } mutation B { createPost { x } }",
            "mutation {",
        ] {
            assert!(!may_send(query), "{query}");
        }
    }
}
