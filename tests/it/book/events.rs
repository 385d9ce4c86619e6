//! The page of events, out of the catalogue's snapshot.

use super::generated::{cell, keep};
use serde_json::Value;
use std::fmt::Write;

const HEAD: &str = "# Events

Written by the program: `crates/events/catalogue.json` has the schemas whole. An event that is recorded is never changed; a newer version is read
beside the older ones. What is marked as sealed is encrypted with its person's key, and gone with it.
";

#[test]
fn the_page_of_events_is_what_the_catalogue_says() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/crates/events/catalogue.json"));
    let catalogue: Value = serde_json::from_str(&text.expect("the catalogue")).expect("JSON");
    let mut page = HEAD.to_owned();
    for (name, schema) in catalogue.as_object().expect("events") {
        let about = schema["description"].as_str().unwrap_or_default();
        write!(page, "\n## {name}\n\n{}\n", about.split_whitespace().collect::<Vec<_>>().join(" ")).expect("a text");
        let Some(properties) = schema["properties"].as_object().filter(|properties| !properties.is_empty()) else {
            continue;
        };
        page += "\n| field | type | |\n|---|---|---|\n";
        for (field, property) in properties {
            let about = property["description"].as_str().unwrap_or_default();
            writeln!(page, "| `{field}` | {} | {} |", type_of(property), cell(about)).expect("a text");
        }
    }
    keep("reference/events.md", &page);
}

fn type_of(property: &Value) -> String {
    if let Some(name) = property["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        return name.strip_prefix("Personal_").map_or_else(|| name.to_owned(), |plain| format!("{plain}, sealed"));
    }
    if let Some(any) = property["anyOf"].as_array() {
        let names: Vec<String> = any.iter().map(type_of).collect();
        return names.join(" or ");
    }
    match &property["type"] {
        Value::String(name) if name == "array" => format!("list of {}", type_of(&property["items"])),
        Value::String(name) => name.clone(),
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => "any".into(),
    }
}
