//! Whether an operation shares its events with others: pure.

use async_graphql::parser::types::{ExecutableDocument, OperationDefinition, OperationType, Selection};
use async_graphql::{Request, Variables};
use millrace_read::graphql::Operation;
use millrace_read::reader::OnTimeout;

/// The argument that says where a subscription goes on. It does not change what its events look like.
const CURSOR_ARGUMENT: &str = "after";

/// A subscription that has no field, several, or one in a fragment: the specification and async-graphql want one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotOneField;

/// What a subscription has in common with those that share its events; none if the request is no subscription.
pub fn of(
    document: &ExecutableDocument,
    request: &Request,
    on_timeout: OnTimeout,
) -> Result<Option<Operation>, NotOneField> {
    let Some(operation) = chosen(document, request.operation_name.as_deref()) else { return Ok(None) };
    if operation.ty != OperationType::Subscription {
        return Ok(None);
    }
    let cursor = cursor_variable(operation)?.filter(|name| uses(&request.query, name) == 1);
    Ok(Some(Operation {
        query: request.query.as_str().into(),
        name: request.operation_name.clone(),
        variables: without(&request.variables, cursor.as_deref()),
        on_timeout,
    }))
}

/// The operation that is executed; none if it is not clear which.
fn chosen<'a>(document: &'a ExecutableDocument, name: Option<&str>) -> Option<&'a OperationDefinition> {
    let mut operations = document.operations.iter();
    let found = match name {
        Some(wanted) => operations.find(|(name, _)| name.is_some_and(|name| name.as_str() == wanted)),
        None => operations.next().filter(|_| operations.next().is_none()),
    };
    found.map(|(_, operation)| &operation.node)
}

/// The variable that holds the cursor, if it is one.
fn cursor_variable(operation: &OperationDefinition) -> Result<Option<String>, NotOneField> {
    let [selection] = &operation.selection_set.node.items[..] else { return Err(NotOneField) };
    let Selection::Field(field) = &selection.node else { return Err(NotOneField) };
    let argument = field.node.get_argument(CURSOR_ARGUMENT).map(|value| value.node.to_string());
    Ok(argument.and_then(|text| text.strip_prefix('$').map(str::to_owned)))
}

/// How often a variable is used, beside its definition. What stands in comments and texts counts as well: then less is shared.
fn uses(query: &str, variable: &str) -> usize {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let named =
        |rest: &str| rest.starts_with(variable) && !rest.as_bytes().get(variable.len()).copied().is_some_and(is_name);
    query.split('$').skip(1).filter(|rest| named(rest)).count().saturating_sub(1)
}

/// The variables without one of them, with every name quoted: a client names them and the fields in them as it likes, and what it reads
/// as must be the same for nothing else. Objects keep the order in which they came: another order just shares less.
fn without(variables: &Variables, left_out: Option<&str>) -> String {
    let kept = variables.iter().filter(|(name, _)| Some(name.as_str()) != left_out);
    let kept: Vec<_> = kept.map(|(name, value)| (name.as_str(), value)).collect();
    format!("{kept:?}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn shared(query: &str, name: Option<&str>, variables: Value) -> Result<Option<Operation>, NotOneField> {
        let mut request = Request::new(query).variables(Variables::from_json(variables));
        request.operation_name = name.map(str::to_owned);
        let document = request.parsed_query().unwrap().clone();
        of(&document, &request, OnTimeout::Error)
    }

    fn operation(query: &str, variables: Value) -> Operation {
        shared(query, None, variables).unwrap().unwrap()
    }

    const BY_VARIABLE: &str =
        "subscription($id: ID!, $after: String) { postChanged(id: $id, after: $after) { __typename } }";

    #[test]
    fn the_cursor_makes_no_difference_but_all_else_does() {
        let one = operation(BY_VARIABLE, json!({ "id": "a", "after": "x" }));
        assert_eq!(one, operation(BY_VARIABLE, json!({ "id": "a" })));
        assert_eq!(one, operation(BY_VARIABLE, json!({ "after": null, "id": "a" })));
        assert_ne!(one, operation(BY_VARIABLE, json!({ "id": "b", "after": "x" })));
        assert_ne!(
            one,
            operation(&BY_VARIABLE.replace("__typename", "... on LiveEvent { cursor }"), json!({ "id": "a" }))
        );
        let mut request = Request::new(BY_VARIABLE).variables(Variables::from_json(json!({ "id": "a" })));
        let document = request.parsed_query().unwrap().clone();
        assert_ne!(Ok(Some(one)), of(&document, &request, OnTimeout::Stale));
    }

    #[test]
    fn no_name_of_a_variable_looks_like_another_variable() {
        let two = operation(BY_VARIABLE, json!({ "id": "X", "m": 4, "n": 3 }));
        for forged in [
            json!({ "id": "X", "m:4\nn": 3 }),
            json!({ "id": "X", "m\":4\n\"n": 3 }),
            json!({ "id": "X", "m\\": 4, "n": 3 }),
        ] {
            assert_ne!(two, operation(BY_VARIABLE, forged.clone()), "{forged}");
        }
        let object = |object| operation(BY_VARIABLE, json!({ "id": "X", "o": object }));
        assert_ne!(object(json!({ "a": 1, "b": 2 })), object(json!({ "a: 1, b": 2 })));
        assert_ne!(object(json!({ "a": 1, "b": 2 })), object(json!({ "a\": 1, \"b": 2 })));
    }

    #[test]
    fn a_variable_that_is_used_elsewhere_too_makes_a_difference() {
        let query = "subscription($id: ID!, $after: String) { postChanged(id: $id, after: $after) {
            ... on PostChanged { post { comments(after: $after) { nodes { id } } } } } }";
        assert_ne!(operation(query, json!({ "id": "a", "after": "x" })), operation(query, json!({ "id": "a" })));
        let longer = BY_VARIABLE.replace("__typename", "__typename # $afterwards\n");
        assert_eq!(operation(&longer, json!({ "id": "a", "after": "x" })), operation(&longer, json!({ "id": "a" })));
    }

    #[test]
    fn a_subscription_has_one_field() {
        let two = "subscription { a: commandProgress(id: 1) { id } b: commandProgress(id: 2) { id } }";
        let fragment = "subscription { ...f } fragment f on Subscription { commandProgress(id: 1) { id } }";
        assert_eq!(shared(two, None, json!({})), Err(NotOneField));
        assert_eq!(shared(fragment, None, json!({})), Err(NotOneField));
    }

    #[test]
    fn only_a_subscription_shares_and_the_name_says_which_operation_it_is() {
        let text = "query A { viewer { roles } } subscription B { feedChanged { __typename } }";
        assert_eq!(shared(text, Some("A"), json!({})), Ok(None));
        assert!(shared(text, Some("B"), json!({})).unwrap().is_some());
        assert_eq!(shared(text, None, json!({})), Ok(None), "execution refuses it");
        assert_eq!(shared(text, Some("C"), json!({})), Ok(None));
    }
}
