//! The schema is the one in `schema.graphql`, and says what everything in it is for.

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

#[test]
fn no_name_reveals_a_store() {
    let sdl = millrace::schema::sdl().to_lowercase();
    for store in ["postgres", "mongo", "redis", "nats", "jetstream"] {
        assert!(!sdl.contains(store), "{store}");
    }
}
