//! Whether a document only asks about the schema itself: pure.

use millrace_document::{Limits, Steps, look};

/// True if every operation is a query of nothing but fields about the schema, as GraphiQL sends it. Whatever limits are set, what tools
/// ask is within the usual ones; nobody has looked at this text before.
pub fn asks_nothing_else(text: &str) -> bool {
    look(text, &Limits::default(), &[], &mut Steps::default()).is_ok_and(|outline| outline.is_about_the_schema())
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
            "{ __schema { types { name } } viewer { user { id } } }",
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
