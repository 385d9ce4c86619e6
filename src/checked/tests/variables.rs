//! Variables have limits of their own.

use super::{checks, limit};
use async_graphql::{Request as GraphQlRequest, Variables};
use millrace_document::{Limit, Steps};
use serde_json::json;

type Object = serde_json::Map<String, serde_json::Value>;

#[test]
fn variables_have_a_number_a_depth_and_lengths() {
    let query = "{ __typename }";
    let many = |count: usize| (0..count).map(|n| (format!("v{n}"), json!(n))).collect::<Object>();
    let deep = |depth: usize| {
        (0..depth).fold(json!(1), |inner, n| if n % 2 == 0 { json!([inner]) } else { json!({ "a": inner }) })
    };
    for (limit_of, max, variables) in [
        (Limit::Variables, 100, &many as &dyn Fn(usize) -> Object),
        (Limit::VariableDepth, 10, &|depth| Object::from_iter([("a".to_owned(), deep(depth))])),
        (Limit::ListItems, 100, &|count| Object::from_iter([("a".to_owned(), json!({ "b": vec![1; count] }))])),
    ] {
        assert_eq!(limit(query, variables(max).into()), None, "{limit_of:?}");
        for count in [max + 1, max * 10] {
            assert_eq!(limit(query, variables(count).into()), Some(limit_of), "{count}");
        }
    }
}

#[test]
fn each_value_is_looked_at_once() {
    let rows = vec![json!({ "a": [1, 2, 3], "b": { "c": null } }); 100];
    let request = GraphQlRequest::new("").variables(Variables::from_json(json!({ "rows": rows, "more": 1 })));
    let mut steps = Steps::default();
    assert_eq!(checks().check_variables(&request, &mut steps), Ok(()));
    assert_eq!(steps, Steps(1 + 100 * 7 + 1));
}
