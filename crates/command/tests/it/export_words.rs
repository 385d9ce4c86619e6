//! Exports tell every word of a person's own that an event may carry.

use millrace_command::export::{PARTS, WORDS};
use serde_json::Value;
use std::collections::BTreeSet;

const CATALOGUE: &str = include_str!("../../../events/catalogue.json");

/// True if a schema is that of personal data, or has it within.
fn is_personal(schema: &Value) -> bool {
    match schema {
        Value::Object(fields) => {
            let is_reference = fields.get("$ref").and_then(Value::as_str).is_some_and(|to| to.contains("/Personal_"));
            is_reference || fields.values().any(is_personal)
        }
        Value::Array(items) => items.iter().any(is_personal),
        _ => false,
    }
}

#[test]
fn every_word_of_the_catalogue_is_told_by_a_part() {
    let catalogue: Value = serde_json::from_str(CATALOGUE).unwrap();
    let mut carried = BTreeSet::new();
    for (event, schema) in catalogue.as_object().unwrap() {
        let (name, _version) = event.split_once(' ').unwrap();
        let fields = schema["properties"].as_object().unwrap();
        carried
            .extend(fields.iter().filter(|(_, schema)| is_personal(schema)).map(|(field, _)| (name, field.as_str())));
    }
    let told: BTreeSet<(&str, &str)> = WORDS.iter().map(|(event, field, ..)| (*event, *field)).collect();
    assert!(carried.len() > 20, "{carried:?}");
    assert_eq!(carried, told, "add a line to WORDS in crates/command/src/export/parts.rs, and what tells it");
}

#[test]
fn every_part_tells_the_words_that_it_is_said_to_tell() {
    for (event, field, part, name) in WORDS {
        let part = PARTS.iter().find(|candidate| candidate.name == *part).unwrap();
        assert!(part.statement.contains(&format!("'{name}'")), "{event} {field} is not told as {name}");
        if part.is_sealed {
            assert!(part.statement.contains(&format!("'{event}'")), "{event} is not asked for");
        }
    }
}
