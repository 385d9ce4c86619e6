//! What passes, and what does not.

mod costs;
mod offers;
mod variables;

use super::{Checked, Checks, SIGN_INS};
use crate::http::problem::Problem;
use crate::weights;
use async_graphql::{Pos, Request as GraphQlRequest, Variables};
use millrace_document::{Limit, Limits, Refusal};
use serde_json::json;
use std::collections::BTreeSet;

fn checks() -> Checks {
    Checks::new(Limits::default(), weights::of(&crate::schema::sdl()).unwrap(), true)
}

fn checked(query: &str, variables: serde_json::Value) -> Result<Checked, Problem> {
    checks().check(GraphQlRequest::new(query).variables(Variables::from_json(variables)))
}

fn limit(query: &str, variables: serde_json::Value) -> Option<Limit> {
    match checked(query, variables).err()? {
        Problem::Document { refusal: Refusal::Limit { limit, .. }, .. } => Some(limit),
        other => panic!("{other:?}"),
    }
}

#[test]
fn where_introspection_is_off_only_the_names_of_types_are_told() {
    let checks = Checks::new(Limits::default(), weights::of(&crate::schema::sdl()).unwrap(), false);
    let refused = |query: &str| checks.check(GraphQlRequest::new(query)).err();
    assert_eq!(refused("{ __typename posts { nodes { __typename } } }"), None);
    for query in [
        "{ __schema { types { name } } }",
        "{ name: __type(name: \"Post\") { name } }",
        "query A { __typename } query B { __schema { description } }",
        "{ ...f } fragment f on Query { ... { __schema { description } } }",
        "mutation { __schema { description } }",
    ] {
        assert_eq!(refused(query), Some(Problem::IntrospectionOff), "{query}");
        assert_eq!(checked(query, json!({})).err(), None, "{query}");
    }
}

#[test]
fn whatever_takes_a_password_or_an_id_token_or_sends_a_mail_is_done_once_in_a_request() {
    let sdl = crate::schema::sdl();
    let takes_password = |input: &str| {
        let fields = sdl.split(&format!("input {input} {{")).nth(1).and_then(|rest| rest.split("\n}").next());
        let takes = |line: String| line.contains("password: ") || line.contains("idtoken: ");
        fields.is_some_and(|fields| fields.lines().any(|line| takes(line.to_lowercase())))
    };
    let mutations = sdl.split("type Mutation {").nth(1).and_then(|rest| rest.split("\n}").next()).unwrap();
    let lines: Vec<&str> = mutations.lines().map(str::trim).collect();
    let mut found = BTreeSet::from(["requestPasswordReset"]);
    for (index, line) in lines.iter().enumerate() {
        let Some(input) = line.strip_prefix("input: ").and_then(|rest| rest.strip_suffix('!')) else { continue };
        let name = lines[..index].iter().rev().find_map(|line| line.strip_suffix('(')).unwrap();
        if takes_password(input) {
            found.insert(name);
        }
    }
    assert_eq!(found, SIGN_INS.iter().copied().collect());
}

#[test]
fn a_place_in_the_text_is_told_by_line_and_column() {
    let problem = checked("{\n  ü: \n}", json!({})).err().unwrap();
    let Problem::Document { position, .. } = problem else { panic!("{problem:?}") };
    assert_eq!(position, Some(Pos { line: 2, column: 3 }));
}
