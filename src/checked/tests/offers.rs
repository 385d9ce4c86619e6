//! What we send and offer ourselves is within the limits.

use super::{Checks, checked};
use crate::weights;
use async_graphql::Request as GraphQlRequest;
use millrace_document::Limits;
use serde_json::json;

#[test]
fn what_we_offer_as_examples_is_within_the_limits() {
    // A file of the storefront has several operations, and fragments of other files are spread in it.
    let limits = Limits { operations_max: 20, ..Limits::default() };
    let checks = Checks::new(limits, weights::of(&crate::schema::sdl()).unwrap(), true);
    let mut count = 0;
    for folder in ["examples", "examples/storefront/src/operations"] {
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        for path in files.filter(|path| path.extension().is_some_and(|extension| extension == "graphql")) {
            let text = std::fs::read_to_string(&path).unwrap();
            let refused = checks.check(GraphQlRequest::new(text + "query Another { __typename }")).err();
            assert_eq!(refused, None, "{}", path.display());
            count += 1;
        }
    }
    assert!(count >= 30, "{count} documents");
    let pipeline = std::fs::read_to_string("web-playground/src/pipeline/operations.ts").unwrap();
    let filled = pipeline.replace("${HOP}", "{ p50Ms p99Ms count }").replace("${STATUS}", "id state");
    let is_operation = |text: &&str| ["query", "mutation", "subscription"].iter().any(|kind| text.starts_with(kind));
    let texts: Vec<_> = filled.split('`').skip(1).step_by(2).filter(is_operation).collect();
    assert!(texts.iter().any(|text| text.starts_with("subscription Pipeline")), "{texts:?}");
    for text in texts {
        assert_eq!(checks.check(GraphQlRequest::new(text)).err(), None, "{text}");
    }
}

/// Each with the fragments of all files, as the client that is built from them sends it.
#[test]
fn what_the_storefront_sends_costs_no_more_than_it_may() {
    let files = std::fs::read_dir("examples/storefront/src/operations").unwrap();
    let all: String = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    // Apollo Client asks for the type of everything.
    let all = all.replace(" {\n", " { __typename\n");
    let many = 1_000_000;
    let limits = Limits {
        query_bytes_max: many,
        tokens_max: many,
        aliases_max: many,
        fragments_max: many,
        selections_max: many,
        operations_max: many,
        ..Limits::default()
    };
    let checks = Checks::new(limits, weights::of(&crate::schema::sdl()).unwrap(), true);
    let of_kind = |kind| all.lines().filter_map(move |line: &str| line.strip_prefix(kind));
    let operations = of_kind("query ").chain(of_kind("mutation ")).chain(of_kind("subscription "));
    let mut count = 0;
    for operation in operations {
        let name = operation.split(|end: char| !end.is_alphanumeric()).next().unwrap();
        let checked = checks.check(GraphQlRequest::new(&all).operation_name(name));
        let cost = checked.map(|checked| checked.cost());
        assert!(matches!(cost, Ok(1..)), "{name}: {cost:?}");
        count += 1;
    }
    assert!(count >= 20, "{count} operations");
}

/// As graphql-js writes it for GraphiQL, with everything that can be asked for.
#[test]
fn graphiql_may_read_the_schema() {
    let of_type = (0..9)
        .fold(String::new(), |inner, _| format!("kind name ofType {{ {inner} }}").replace("{  }", "{ kind name }"));
    let query = format!(
        "query IntrospectionQuery {{ __schema {{ description queryType {{ name kind }} mutationType {{ name kind }}
         subscriptionType {{ name kind }} types {{ ...FullType }} directives {{ name description isRepeatable locations
         args(includeDeprecated: true) {{ ...InputValue }} }} }} }}
         fragment FullType on __Type {{ kind name description specifiedByURL isOneOf
         fields(includeDeprecated: true) {{ name description args(includeDeprecated: true) {{ ...InputValue }}
         type {{ ...TypeRef }} isDeprecated deprecationReason }} inputFields(includeDeprecated: true) {{ ...InputValue }}
         interfaces {{ ...TypeRef }} enumValues(includeDeprecated: true) {{ name description isDeprecated deprecationReason }}
         possibleTypes {{ ...TypeRef }} }}
         fragment InputValue on __InputValue {{ name description type {{ ...TypeRef }} defaultValue isDeprecated deprecationReason }}
         fragment TypeRef on __Type {{ {of_type} }}"
    );
    assert!(query.matches("ofType").count() == 9 && checked(&query, json!({})).is_ok());
}
