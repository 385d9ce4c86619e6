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

/// Each operation with the fragments that it spreads, as the client that is built from them sends it.
#[test]
fn what_the_storefront_sends_is_within_the_limits() {
    let files = std::fs::read_dir("examples/storefront/src/operations").unwrap();
    let all: String = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    // Apollo Client asks for the type of everything.
    let all = all.replace(" {\n", " { __typename\n");
    let fragments = definitions(&all, |word| word == "fragment");
    let operations = definitions(&all, |word| word != "fragment");
    assert!(operations.len() > 25, "{} operations", operations.len());
    for operation in operations {
        let text = with_fragments(operation, &fragments);
        let cost = checked(&text, json!({})).map(|checked| checked.cost());
        assert!(matches!(cost, Ok(1..)), "{cost:?}: {text}");
    }
}

/// An operation with the fragments that it spreads.
fn with_fragments(mut text: String, fragments: &[String]) -> String {
    let name = |fragment: &str| fragment.split(' ').nth(1).unwrap_or_default().to_owned();
    for _ in 0..fragments.len() {
        for fragment in fragments {
            let spread = format!("...{}\n", name(fragment));
            if text.contains(&spread) && !text.contains(fragment.as_str()) {
                text.push_str(fragment);
            }
        }
    }
    text
}

/// The definitions of a text that begin with such a word.
fn definitions(text: &str, is_meant: impl Fn(&str) -> bool) -> Vec<String> {
    let kinds = ["query", "mutation", "subscription", "fragment"];
    let mut found: Vec<String> = vec![];
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let begins = kinds.iter().any(|kind| line.starts_with(kind));
        match found.last_mut() {
            Some(last) if !begins => last.push_str(&format!("{line}\n")),
            _ => found.push(format!("{line}\n")),
        }
    }
    found.retain(|definition| is_meant(definition.split(' ').next().unwrap_or_default()));
    found
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
