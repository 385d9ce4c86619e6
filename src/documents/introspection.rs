//! Whether a document only asks about the schema itself: pure.

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{OperationType, Selection};

/// Fields about the schema begin so, and no others may.
const PREFIX: &str = "__";
/// The parser goes down as deep as a text nests, so one with more brackets than any tool's question has is not shown to it.
const BRACKETS_MAX: usize = 128;

/// True if every operation is a query of nothing but fields about the schema, as GraphiQL sends it.
pub fn asks_nothing_else(text: &str) -> bool {
    if text.bytes().filter(|byte| matches!(byte, b'{' | b'[' | b'(')).count() > BRACKETS_MAX {
        return false;
    }
    let Ok(document) = parse_query(text) else { return false };
    document.operations.iter().all(|(_, operation)| {
        let fields = &operation.node.selection_set.node.items;
        operation.node.ty == OperationType::Query
            && fields.iter().all(|selection| match &selection.node {
                Selection::Field(field) => field.node.name.node.starts_with(PREFIX),
                Selection::FragmentSpread(_) | Selection::InlineFragment(_) => false,
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_question_about_the_schema_is_one() {
        for text in [
            "{ __typename }",
            "query I { __schema { types { ...T } } __type(name: \"Post\") { name } } fragment T on __Type { name }",
        ] {
            assert!(asks_nothing_else(text), "{text}");
        }
        for text in [
            "{ __typename viewer { user { id } } }",
            "{ __typename: viewer { user { id } } }",
            "{ ...f } fragment f on Query { viewer { user { id } } }",
            "{ __typename ... { viewer { user { id } } } }",
            "query A { __typename } query B { viewer { user { id } } }",
            "mutation { __typename }",
            "subscription { __typename }",
            "{",
            &"{a".repeat(100_000),
        ] {
            assert!(!asks_nothing_else(text), "{text}");
        }
    }
}
