//! The schema is the one in `schema.graphql`, and says what everything in it is for.

use std::collections::BTreeSet;
use std::path::Path;

/// `UPDATE=1 cargo test --test it schema` writes it anew.
#[test]
fn the_schema_is_the_one_in_the_snapshot() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.graphql");
    let sdl = millrace::schema::sdl();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &sdl).expect("the snapshot is written");
    }
    let snapshot = std::fs::read_to_string(file).expect("the snapshot");
    assert!(snapshot == sdl, "the schema changed: look at `UPDATE=1 cargo test --test it schema` and git diff");
}

const EVERYTHING: &str = "{ __schema { types {
    kind name description
    fields(includeDeprecated: true) { name description args { name description } }
    inputFields { name description }
    enumValues(includeDeprecated: true) { name description }
} } }";

#[tokio::test]
async fn every_item_has_a_description() {
    let response = millrace::schema::builder().finish().execute(EVERYTHING).await;
    assert!(response.errors.is_empty(), "{:?}", response.errors);
    let data = response.data.into_json().expect("JSON");
    let mut missing = Vec::new();
    for one in data["__schema"]["types"].as_array().expect("types") {
        let name = one["name"].as_str().expect("a name");
        if !name.starts_with("__") && !BUILT_IN.contains(&name) {
            collect_missing(name, one, &mut missing);
        }
    }
    assert!(missing.is_empty(), "without description: {missing:#?}");
}

const BUILT_IN: &[&str] = &["Boolean", "Float", "ID", "Int", "String"];

fn collect_missing(path: &str, item: &serde_json::Value, missing: &mut Vec<String>) {
    if item["description"].as_str().is_none_or(|text| text.trim().is_empty()) {
        missing.push(path.to_owned());
    }
    for list in ["fields", "args", "inputFields", "enumValues"] {
        for inner in item[list].as_array().into_iter().flatten() {
            let name = inner["name"].as_str().expect("a name");
            collect_missing(&format!("{path}.{name}"), inner, missing);
        }
    }
}

const INPUTS: &str = "{ __schema { mutationType { fields { name args { type { ofType {
    inputFields { name type { kind name } }
} } } } } } }";

/// Mutations that take no `expectedVersion`, and why.
const WITHOUT_VERSION: &[(&str, &[&str])] = &[
    (
        "it begins a thing that has no version yet",
        &["signUp", "createPost", "addComment", "createProduct", "placeOrder"],
    ),
    ("it sets what is so or not, whatever was before", &["followUser", "unfollowUser", "likePost", "unlikePost"]),
    (
        "it is about a sign-in, which shows no version",
        &["signIn", "signInWithProvider", "refreshSession", "signOut", "signOutEverywhere"],
    ),
    ("a mailed token stands for what it was sent about", &["verifyEmail", "resetPassword"]),
    ("it changes nothing that a person sees", &["requestPasswordReset", "exportMyData"]),
];

fn takes_version(mutation: &serde_json::Value) -> bool {
    let wanted = serde_json::json!({ "name": "expectedVersion", "type": { "kind": "SCALAR", "name": "Int" } });
    let fields = mutation["args"][0]["type"]["ofType"]["inputFields"].as_array().expect("an input");
    fields.contains(&wanted)
}

#[tokio::test]
async fn whatever_changes_a_thing_takes_the_version_that_it_must_be_at() {
    let response = millrace::schema::builder().finish().execute(INPUTS).await;
    assert!(response.errors.is_empty(), "{:?}", response.errors);
    let data = response.data.into_json().expect("JSON");
    let mutations = data["__schema"]["mutationType"]["fields"].as_array().expect("mutations");
    let without = mutations.iter().filter(|mutation| !takes_version(mutation));
    let without: BTreeSet<&str> = without.map(|mutation| mutation["name"].as_str().expect("a name")).collect();
    let excepted: BTreeSet<&str> = WITHOUT_VERSION.iter().flat_map(|(_, mutations)| *mutations).copied().collect();
    assert_eq!(without, excepted);
}

#[test]
fn no_name_reveals_a_store() {
    let sdl = millrace::schema::sdl().to_lowercase();
    for store in ["postgres", "mongo", "redis", "nats", "jetstream"] {
        assert!(!sdl.contains(store), "{store}");
    }
}
